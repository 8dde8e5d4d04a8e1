"""A person between plan and run: asked where the policy says so, passed by elsewhere, and obeyed."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.standard.operators.hitl import ApprovalOperator

from springtide.clock import SystemClock
from springtide.policy.reading.folder import PolicyFolder
from springtide.record.approvals import ApprovalAhead
from springtide.record.model import RunOutcome
from springtide.run.request_parameters import STALE_AFTER, RequestOrigin
from springtide_airflow import sensors
from springtide_airflow.hook import SpringtideHook
from support.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.dag_processing.dagbag import DagBag

    from springtide.run.ports import Ports

# Airflow's own: its plugin loader, and the execution API that `dag.test()` asks
pytestmark = pytest.mark.filterwarnings(
    "ignore:GitWildMatchPattern:DeprecationWarning", "ignore:Using `httpx`", "ignore:Multiple rows returned"
)

Ended = dict[str, str]


class Stage:
    """A workload in a simulated cluster, the policy that scales it, and whoever answers."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **spec: Any) -> None:
        self.simulation = Simulation.of(2, strategy="in_place")
        document = self.simulation.policy.model_dump(mode="json")
        document["spec"] |= spec
        document["metadata"]["name"] = "checkout"
        (folder / "checkout.yaml").write_text(json.dumps(document))
        self.folder = PolicyFolder(folder)
        self.asked: list[str] = []
        self.waited: list[timedelta | None] = []
        monkeypatch.setenv("SPRINGTIDE_POLICIES", str(folder))
        monkeypatch.setattr(SpringtideHook, "ports", self._ports)
        monkeypatch.setattr(sensors, "PATIENCE", timedelta(hours=1))
        self._monkeypatch = monkeypatch

    @contextmanager
    def _ports(self, _on_wait: object) -> Iterator[Ports]:
        yield replace(self.simulation.ports(), policy_of=self.folder.get)

    def answers(self, option: str, *, later: float = 0.0) -> Stage:
        """Have somebody answer at once, or so many seconds `later`."""

        def execute(operator: ApprovalOperator, context: Any) -> Any:
            self.asked.append(str(operator.body))
            self.waited.append(operator.response_timeout)
            self.simulation.world.advance(later)
            now = self.simulation.world.now()
            who = {"id": "1", "name": "ada"}
            answer = {"chosen_options": [option], "params_input": {}, "responded_at": now, "responded_by_user": who}
            return operator.execute_complete(context, answer)

        self._monkeypatch.setattr(ApprovalOperator, "execute", execute)
        return self

    def run(self, bag: DagBag, replicas: int = 4) -> tuple[str, Ended]:
        """Run the DAG to its end; return how it and its tasks ended."""
        done = bag.dags["scale_service"].test(run_conf={"service": "checkout", "replicas": str(replicas)})
        return str(done.state.value), {ti.task_id: str(ti.state) for ti in done.get_task_instances()}

    @property
    def replicas(self) -> int:
        found = self.simulation.deployment("web")
        assert found is not None
        return int(found["spec"]["replicas"])


def test_a_plan_that_needs_nobody_is_not_asked_about_and_nothing_else_is_skipped_with_it(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path, monkeypatch, approval={"above": "3x"}).answers(ApprovalOperator.REJECT)

    ended, tasks = stage.run(bag)

    assert (ended, stage.asked, stage.replicas) == ("success", [], 4)
    skipped = {name for name, state in tasks.items() if state == "skipped"}
    assert skipped == {"warm_nodes", "nodes_ready", "roll_back"}  # approve passes, and says that nobody is needed
    assert {state for name, state in tasks.items() if name not in skipped} == {"success"}


def test_a_plan_that_is_approved_is_applied(bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path, monkeypatch, approval={"always": True, "within": "2h"}).answers(ApprovalOperator.APPROVE)

    ended, tasks = stage.run(bag)

    assert (ended, tasks["approve"], stage.replicas) == ("success", "success", 4)
    assert stage.waited == [timedelta(hours=2)]
    assert type(stage.waited[0]) is timedelta  # what Airflow sends to its supervisor
    assert "2 → 4 replicas by `in_place`" in stage.asked[0]
    assert "| quota | passed |" in stage.asked[0]


def test_an_answer_that_comes_hours_later_counts(bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path, monkeypatch, approval={"always": True}).answers(ApprovalOperator.APPROVE, later=20 * 3600)
    begin = stage.simulation.world.now()
    monkeypatch.setattr("springtide.clock.SystemClock", lambda: stage.simulation.world.clock)
    monkeypatch.setattr(RequestOrigin, "is_past", lambda _origin, now: now - begin > STALE_AFTER)

    ended, tasks = stage.run(bag)

    assert (ended, tasks["approve"], stage.replicas) == ("success", "success", 4)


def test_what_changed_while_a_person_thought_about_it_is_not_overwritten(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path, monkeypatch, approval={"always": True}).answers(ApprovalOperator.APPROVE)
    meanwhile = ApprovalOperator.execute

    def somebody_scales(operator: ApprovalOperator, context: Any) -> Any:
        found = stage.simulation.deployment("web")
        assert found is not None
        stage.simulation.world.apply(found | {"spec": found["spec"] | {"replicas": 3}})
        stage.simulation.world.settle()
        return meanwhile(operator, context)

    monkeypatch.setattr(ApprovalOperator, "execute", somebody_scales)

    ended, tasks = stage.run(bag)

    assert (ended, tasks["approve"], tasks["create_instances"], stage.replicas) == ("failed", "success", "failed", 3)
    (kept,) = stage.simulation.store.latest(None, limit=5)
    assert kept.error is not None
    assert kept.error["code"] == "plan_stale"


def test_a_plan_that_is_rejected_changes_nothing_and_says_who_rejected_it(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path, monkeypatch, approval={"always": True}).answers(ApprovalOperator.REJECT)

    ended, tasks = stage.run(bag)

    assert (ended, tasks["approve"], tasks["create_instances"]) == ("failed", "failed", "upstream_failed")
    assert stage.replicas == 2
    assert [call for call in stage.simulation.world.history.calls if call.write] == []
    (kept,) = stage.simulation.store.latest(None, limit=5)
    assert kept.outcome is RunOutcome.FAILED
    assert kept.error is not None
    assert kept.error["code"] == "approval_rejected"
    assert "rejected by ada" in kept.error["message"]


def test_a_plan_that_nobody_answers_for_is_not_applied(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path, monkeypatch, approval={"always": True, "within": "1m"})
    gone = {"error": "The Human-in-the-loop response timeout has passed without a response.", "error_type": "timeout"}
    monkeypatch.setattr(ApprovalOperator, "execute", lambda asking, context: asking.execute_complete(context, gone))

    ended, tasks = stage.run(bag)

    assert (ended, tasks["approve"], tasks["create_instances"]) == ("failed", "failed", "upstream_failed")
    assert [call for call in stage.simulation.world.history.calls if call.write] == []
    (kept,) = stage.simulation.store.latest(None, limit=5)
    assert kept.error is not None
    assert kept.error["code"] == "approval_missing"
    assert "nobody answered within approval.within of policy checkout" in kept.error["message"]


def test_a_dry_run_and_a_run_with_nothing_to_do_ask_nobody(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path, monkeypatch, approval={"always": True}).answers(ApprovalOperator.REJECT)

    ended, tasks = stage.run(bag, replicas=2)

    assert (ended, stage.asked, tasks["approve"]) == ("success", [], "skipped")


def test_that_somebody_is_asked_is_shown_until_the_answer(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", f"sqlite:///{tmp_path}/store/runs.db")
    stage = Stage(tmp_path, monkeypatch, approval={"always": True, "within": "2h"}).answers(ApprovalOperator.APPROVE)
    asking = ApprovalOperator.execute
    meanwhile: list[dict[str, float]] = []

    def shown() -> dict[str, float]:
        with SpringtideHook().store() as store:
            return {total.name: total.value for total in store.totals()}

    def asked(operator: ApprovalOperator, context: Any) -> Any:
        meanwhile.append(shown())
        return asking(operator, context)

    monkeypatch.setattr(ApprovalOperator, "execute", asked)

    stage.run(bag)

    (waiting,) = meanwhile
    since = waiting["springtide_approval_waiting_since_timestamp_seconds"]
    assert waiting["springtide_approval_deadline_timestamp_seconds"] - since == 7200
    assert shown() == {"springtide_gate_outcomes_total": 1}


EVENT = "sales.launch.20261127T180000Z"


def approve_before_it_comes(stage: Stage, up_to: int) -> None:
    """Keep in the hook's store what somebody approved for the event, for the stage's own workload."""
    now = SystemClock().now()
    approval = ApprovalAhead(
        policy="checkout",
        target=stage.simulation.policy.spec.target.workload,
        event=EVENT,
        up_to=up_to,
        until=now + timedelta(hours=8),
        at=now - timedelta(hours=8),
        by="ann",
        reason="nobody is awake",
    )
    with SpringtideHook().store() as store:
        store.approve_ahead(approval)


def prepared_for_event(bag: DagBag, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Ended]:
    """Run the DAG as a preparation starts it."""
    monkeypatch.setattr("springtide_airflow.parameters.run_type_of", lambda _run: "operator_triggered")
    done = bag.dags["scale_service"].test(run_conf={"service": "checkout", "replicas": 4, "event": EVENT})
    return str(done.state.value), {ti.task_id: str(ti.state) for ti in done.get_task_instances()}


def test_what_was_approved_before_it_came_asks_nobody_and_is_applied(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", f"sqlite:///{tmp_path}/store/runs.db")
    stage = Stage(tmp_path, monkeypatch, approval={"always": True}).answers(ApprovalOperator.REJECT)
    approve_before_it_comes(stage, up_to=4)

    ended, tasks = prepared_for_event(bag, monkeypatch)

    assert (ended, tasks["approve"], stage.asked, stage.replicas) == ("success", "success", [], 4)


def test_a_plan_above_the_bound_waits_for_a_person_as_before(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", f"sqlite:///{tmp_path}/store/runs.db")
    stage = Stage(tmp_path, monkeypatch, approval={"always": True}).answers(ApprovalOperator.REJECT)
    approve_before_it_comes(stage, up_to=3)

    ended, tasks = prepared_for_event(bag, monkeypatch)

    assert (ended, tasks["approve"], len(stage.asked), stage.replicas) == ("failed", "failed", 1, 2)


def test_a_person_cannot_say_that_their_run_is_for_an_approved_event(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", f"sqlite:///{tmp_path}/store/runs.db")
    stage = Stage(tmp_path, monkeypatch, approval={"always": True}).answers(ApprovalOperator.REJECT)
    approve_before_it_comes(stage, up_to=4)

    done = bag.dags["scale_service"].test(run_conf={"service": "checkout", "replicas": 4, "event": EVENT})

    assert (str(done.state.value), stage.replicas) == ("failed", 2)
    assert [call for call in stage.simulation.world.history.calls if call.write] == []
