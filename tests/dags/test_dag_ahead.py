"""Phases that go ahead in an earlier task's process: every task shows its own, and a phase is judged once."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from springtide.errors import PermanentError
from springtide.record.model import RunOutcome
from springtide.run import ahead, permission, phases
from springtide.run.phase_table import FORWARD
from springtide.run.state import Phase
from springtide_airflow.hook import SpringtideHook
from springtide_airflow.runs import PLANNED_BY
from support.builders import policy_text
from support.simulation import NAMESPACE, WAITS, Simulation

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import DAG

    from springtide.plan.model import ScalingPlan
    from springtide.run.ports import Ports, RunRef, RunRequest

pytestmark = [  # what Airflow 3.3.2 itself does when a DAG runs inside a test
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern"),
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`"),
]

BEHIND = [phase.value for phase in FORWARD[FORWARD.index(Phase.CREATE_INSTANCES) + 1 :]]
ASKED = {"service": "checkout", "replicas": 4}


def in_place(folder: Path, **spec: Any) -> None:
    """Write a policy by which nothing but new pods is waited for."""
    folder.joinpath("checkout.yaml").write_text(policy_text("checkout", strategy=WAITS | {"type": "in_place"}, **spec))


class Counted:
    """How often each phase was done, instead of found done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        for module in (ahead, phases):
            monkeypatch.setattr(module, "run_phase", self._counting(phases.run_phase))
        monkeypatch.setattr(phases, "smoke_test", self._counting_smoke(phases.smoke_test))

    def _counting(self, run_phase: Any) -> Any:
        def counted(ports: Ports, ref: RunRef, phase: Phase, **named: Any) -> Any:
            if phase is not Phase.SMOKE_TEST:
                self.done.append(phase.value)
            return run_phase(ports, ref, phase, **named)

        return counted

    def _counting_smoke(self, smoke_test: Any) -> Any:
        def counted(ports: Ports, ref: RunRef, **named: Any) -> Any:
            self.done.append(Phase.SMOKE_TEST.value)
            return smoke_test(ports, ref, **named)

        return counted


class DyingOnce:
    """A worker that is killed after the instances were created, before anybody knows; its next attempt lives."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, scale_service: DAG) -> None:
        self.attempts: list[int] = []
        monkeypatch.setattr(ahead, "create_instances", self._create)
        monkeypatch.setattr(scale_service.get_task(PLANNED_BY), "retry_delay", timedelta(0))

    def _create(self, ports: Ports, request: RunRequest, plan: ScalingPlan, **named: Any) -> Any:
        created = phases.create_instances(ports, request, plan, **named)
        self.attempts.append(plan.replicas)
        if len(self.attempts) == 1:
            raise SystemExit(1)
        return created


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def test_each_phase_is_done_once_and_every_task_succeeds(
    scale_service: DAG, simulation: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place(tmp_path)
    counted = Counted(monkeypatch)

    run = scale_service.test(run_conf=ASKED)

    assert counted.done == BEHIND
    assert set(states(run).items()) >= {(phase, "success") for phase in BEHIND}
    assert simulation.store.get(run.run_id).outcome is RunOutcome.SUCCEEDED


def test_a_phase_that_failed_ahead_fails_its_own_task_by_the_same_words_and_is_not_judged_again(
    scale_service: DAG, simulation: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unmet = {"http": {"path": "/healthz", "samples": 1, "expect": 204, "when": "after_switch"}}
    in_place(tmp_path, smoke=[unmet], preflight={"only_warn": ["smoke"]})
    counted = Counted(monkeypatch)

    run = scale_service.test(run_conf=ASKED)

    became = states(run)
    assert counted.done.count("smoke_test") == 1
    assert (became["create_instances"], became["endpoints_switched"]) == ("success", "success")
    assert (became["smoke_test"], became["remove_old_instances"]) == ("failed", "upstream_failed")
    assert (became["roll_back"], became["report"]) == ("success", "failed")
    record = simulation.store.get(run.run_id)
    assert record.outcome is RunOutcome.ROLLED_BACK
    assert (record.error or {})["code"] == "smoke_failed"
    simulation.world.settle()
    assert len(simulation.world.pods(NAMESPACE)) == 2


def test_a_process_that_dies_ahead_costs_no_phase(
    scale_service: DAG, simulation: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place(tmp_path)
    going = phases.run_phase
    deaths: list[str] = []

    def dies_once(ports: Ports, ref: RunRef, phase: Phase, **named: Any) -> Any:
        if phase is Phase.SMOKE_TEST and not deaths:
            deaths.append(phase.value)
            raise SystemExit(1)
        return going(ports, ref, phase, **named)

    monkeypatch.setattr(ahead, "run_phase", dies_once)
    monkeypatch.setattr(scale_service.get_task(PLANNED_BY), "retry_delay", timedelta(0))

    run = scale_service.test(run_conf=ASKED)

    assert deaths == ["smoke_test"]
    assert set(states(run).items()) >= {(phase, "success") for phase in [PLANNED_BY, "create_instances", *BEHIND]}
    assert simulation.store.get(run.run_id).outcome is RunOutcome.SUCCEEDED
    assert len(simulation.world.pods(NAMESPACE)) == 4


def test_a_process_that_dies_when_it_has_created_the_instances_goes_on_with_the_plan_in_the_lease(
    scale_service: DAG, simulation: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place(tmp_path)
    dying = DyingOnce(monkeypatch, scale_service)

    run = scale_service.test(run_conf=ASKED)

    assert dying.attempts == [4, 4]
    assert set(states(run).items()) >= {(phase, "success") for phase in [PLANNED_BY, "create_instances", *BEHIND]}
    record = simulation.store.get(run.run_id)
    assert record.outcome is RunOutcome.SUCCEEDED
    assert ((record.plan or {})["current"], len(simulation.world.pods(NAMESPACE))) == (2, 4)


def test_what_was_begun_is_undone_where_no_later_attempt_comes_to_a_plan(
    scale_service: DAG, simulation: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place(tmp_path)
    dying = DyingOnce(monkeypatch, scale_service)

    def permitted(*_: Any, **__: Any) -> None:
        if dying.attempts:
            raise PermanentError("nobody may any more", code="not_permitted", field="service")

    monkeypatch.setattr(permission, "require_permitted", permitted)
    monkeypatch.setattr(SpringtideHook, "store", lambda _hook: nullcontext(simulation.store))

    run = scale_service.test(run_conf=ASKED)

    became = states(run)
    assert (became[PLANNED_BY], became["create_instances"]) == ("failed", "upstream_failed")
    assert (became["roll_back"], became["report"]) == ("success", "failed")
    record = simulation.store.get(run.run_id)
    assert record.outcome is RunOutcome.ROLLED_BACK
    assert (record.error or {})["code"] == "not_permitted"
    simulation.world.settle()
    assert len(simulation.world.pods(NAMESPACE)) == 2


def test_instances_that_could_not_be_created_ahead_fail_their_own_task_by_the_same_words(
    scale_service: DAG, simulation: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place(tmp_path)
    tried: list[int] = []

    def refused(_ports: Ports, _request: RunRequest, plan: ScalingPlan, **_named: Any) -> Any:
        tried.append(plan.replicas)
        raise PermanentError("no room for it", code="no_room", field="replicas")

    monkeypatch.setattr(ahead, "create_instances", refused)

    run = scale_service.test(run_conf=ASKED)

    became = states(run)
    assert (tried, became[PLANNED_BY], became["create_instances"]) == ([4], "success", "failed")
    assert (became["instances_ready"], became["roll_back"]) == ("upstream_failed", "success")
    assert "no room for it" in (simulation.store.get(run.run_id).error or {})["message"]


def test_nobody_is_asked_about_a_plan_that_needed_no_approval_when_it_was_begun(
    scale_service: DAG, simulation: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place(tmp_path)

    def stricter_after(ports: Ports, request: RunRequest, plan: ScalingPlan, **named: Any) -> Any:
        created = phases.create_instances(ports, request, plan, **named)
        in_place(tmp_path, approval={"always": True})
        return created

    monkeypatch.setattr(ahead, "create_instances", stricter_after)

    run = scale_service.test(run_conf=ASKED)

    assert (states(run)["approve"], str(run.state.value)) == ("success", "success")
    assert len(simulation.world.pods(NAMESPACE)) == 4


def test_what_was_waited_for_ahead_is_not_waited_for_in_a_worker_again(
    scale_service: DAG, simulation: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place(tmp_path)
    going = phases.run_phase
    patience: list[timedelta] = []

    def watched(ports: Ports, ref: RunRef, phase: Phase, **named: Any) -> Any:
        if phase is Phase.INSTANCES_READY:
            patience.append(named["patience"])
        return going(ports, ref, phase, **named)

    def short(ports: Ports, ref: RunRef, phase: Phase, **named: Any) -> Any:
        return watched(ports, ref, phase, **named | {"patience": timedelta(0)})

    def settled(_hook: SpringtideHook) -> Ports:
        simulation.world.settle()
        return simulation.ports()

    monkeypatch.setattr(phases, "run_phase", watched)
    monkeypatch.setattr(ahead, "run_phase", short)
    monkeypatch.setattr(SpringtideHook, "reading_ports", settled)

    run = scale_service.test(run_conf=ASKED)

    assert patience[:2] == [timedelta(0), timedelta(0)]
    assert set(states(run).items()) >= {(phase, "success") for phase in BEHIND}
    assert simulation.store.get(run.run_id).outcome is RunOutcome.SUCCEEDED
