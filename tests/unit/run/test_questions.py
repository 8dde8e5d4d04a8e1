"""What a run asks comes from its policy: whoever may write a Lease asks nothing by springtide's credentials."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest

from springtide import labels
from springtide.errors import PermanentError, WorkloadFailed
from springtide.kube.live import LiveKube
from springtide.kube.proxy import ProxyAnswer, ProxyRequest
from springtide.policy.scaling.databases import DatabaseCheck
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.model import RunOutcome
from springtide.recovery.report import ReconcileReport, ReconcileStatus
from springtide.recovery.rounds import reconcile_round
from springtide.run import phases
from springtide.run.phase_table import FORWARD
from springtide.run.ports import Ports, RunRef
from springtide.run.state import Phase
from springtide.verify.database import DatabaseLook
from springtide.verify.route import Answer, Route
from support.builders import policy
from support.simulation import NAMESPACE, WORKLOAD, Simulation, WorldRoute
from support.written import WorldProxy

REF = RunRef(workload=WORKLOAD, run_id="run-1")
FIT = DatabaseLook(is_primary=True, free_connections=100)
OTHERS = "of_another_team"
"""Stands in every question that a Lease brings."""

SMOKE = [{"http": {"path": "/healthz", "samples": 2}}, {"promql": {"query": "errors", "below": 1}}]
DATABASES = [{"name": "orders", "connection": "orders_db"}]
PROBE = {"path": "/", "identity": "body", "times": 2}
STABILITY = {"window": "2s", "every": "1s"}

STORED: dict[str, Any] = {
    "smoke": [
        {"http": {"path": f"/{OTHERS}", "headers": [{"name": "X-From", "value": OTHERS}]}, "promql": None},
        {"http": None, "promql": {"query": OTHERS, "below": 1e9}},
    ],
    "databases": [{"name": "payroll", "connection": OTHERS}],
    "stability": {"window": "1h", "every": "1s"},
}
"""What somebody wrote into the Lease."""


@dataclass
class Asked:
    """Everything that was asked with springtide's credentials, or from its place in the network."""

    questions: list[str] = field(default_factory=list)

    def instant(self, query: str) -> float:
        self.questions.append(f"promql {query}")
        return 0.0

    def look(self, check: DatabaseCheck) -> DatabaseLook:
        self.questions.append(f"database {check.connection}")
        return FIT

    def through(self, route: Route) -> Route:
        return _Watched(self, route)


@dataclass
class _Watched:
    asked: Asked
    route: Route

    def get(self, url: str, *, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> Answer:
        self.asked.questions.append(f"http {url} {dict(headers or {})}")
        return self.route.get(url, timeout_seconds=timeout_seconds, headers=headers)


class Scene:
    """A workload whose policy asks everything that can be asked, and what was asked of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, strategy: str = "blue_green", **spec: Any) -> None:
        self.simulation = Simulation.of(2, strategy=strategy)
        written = self.simulation.policy.model_dump(mode="json")["spec"]
        written["strategy"] |= {"probe": PROBE} | spec.pop("strategy_settings", {})
        asks = {"smoke": SMOKE, "databases": DATABASES, "stability": STABILITY}
        self.simulation.policy = policy(**written | asks | spec)
        self.asked = Asked()
        self.policy_of: Callable[[str], ScalingPolicy] = self.simulation.policy_of
        proxy = WorldProxy(self.simulation.world, lambda _request: None)

        def ask(_kube: LiveKube, request: ProxyRequest) -> ProxyAnswer:
            self.asked.questions.append(f"proxy {request.path} {dict(request.headers)}")
            return proxy.ask(request)

        monkeypatch.setattr(LiveKube, "ask", ask)

    def ports(self, agent: str = "springtide") -> Ports:
        return replace(
            self.simulation.ports(agent),
            instant=self.asked.instant,
            databases=self.asked,
            route=self.asked.through(WorldRoute(self.simulation.world)),
            policy_of=self.policy_of,
        )

    def until(self, last: Phase) -> None:
        """Do the phases up to `last`; forget what they asked."""
        ports = self.ports()
        request = self.simulation.request(4)
        phases.create_instances(ports, request, phases.calculate_capacity(ports, request))
        for phase in FORWARD[FORWARD.index(Phase.INSTANCES_READY) : FORWARD.index(last) + 1]:
            phases.run_phase(ports, REF, phase)
        self.asked.questions.clear()

    def tamper(self, change: Mapping[str, Any], *, settings: Mapping[str, Any] | None = None) -> None:
        """Write something else into the state that the Lease holds."""
        lease = self.simulation.world.get("leases", NAMESPACE, WORKLOAD.lease_name)
        assert lease is not None
        state = json.loads(lease["metadata"]["annotations"][labels.STATE])
        assert change.keys() <= state.keys()
        state = state | dict(change)
        state["settings"] |= dict(settings or {})
        annotations = lease["metadata"]["annotations"] | {labels.STATE: json.dumps(state)}
        metadata = lease["metadata"] | {"annotations": annotations}
        self.simulation.world.apply(lease | {"metadata": metadata}, manager="kubectl-edit")

    def lose_the_policy(self) -> None:
        def gone(name: str) -> ScalingPolicy:
            raise PermanentError(f"there is no policy {name!r}.", code="service_unknown")

        self.policy_of = gone

    def reconciled(self) -> ReconcileReport:
        report = reconcile_round(self.ports("reconcile"), [NAMESPACE], is_alive=lambda _run: False)
        self.simulation.world.settle()
        return report

    @property
    def pods(self) -> int:
        return len(self.simulation.world.pods(NAMESPACE))


def test_the_smoke_test_asks_what_the_policy_says(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.until(Phase.ENDPOINTS_SWITCHED)
    scene.tamper(STORED)

    phases.smoke_test(scene.ports(), REF)

    kinds = {question.partition(" ")[0] for question in scene.asked.questions}
    assert kinds == {"http", "promql", "database"}
    assert OTHERS not in str(scene.asked.questions)


def test_new_pods_are_asked_what_the_policy_says(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.until(Phase.INSTANCES_READY)
    scene.tamper(STORED)

    phases.switch_endpoints(scene.ports(), REF)

    proxied = [question for question in scene.asked.questions if question.startswith("proxy")]
    assert len(proxied) == 4
    assert OTHERS not in str(scene.asked.questions)


def test_the_probe_goes_where_the_policy_says(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.until(Phase.SWITCH_ENDPOINTS)
    scene.tamper({}, settings={"probe": {"path": f"/{OTHERS}", "identity": "none", "times": 1}})

    phases.endpoints_switched(scene.ports(), REF)

    assert len(scene.asked.questions) == 2
    assert OTHERS not in str(scene.asked.questions)


def test_whoever_finishes_a_run_looks_at_no_database_of_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.until(Phase.SMOKE_TEST)
    scene.tamper(STORED)

    (run,) = scene.reconciled().runs

    assert (run.status, run.outcome) == (ReconcileStatus.ENDED, RunOutcome.SUCCEEDED)
    assert set(scene.asked.questions) == {"database orders_db", "promql errors"}


def test_a_policy_that_asks_more_by_now_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, smoke=[], databases=[])
    scene.until(Phase.ENDPOINTS_SWITCHED)
    scene.simulation.policy = Scene(monkeypatch, smoke=[{"promql": {"query": "errors", "above": 5}}]).simulation.policy

    with pytest.raises(WorkloadFailed, match="promql errors: 0 is not above 5"):
        phases.smoke_test(scene.ports(), REF)


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("phase", [Phase.INSTANCES_READY, Phase.ENDPOINTS_SWITCHED, Phase.SMOKE_TEST])
def test_nothing_that_a_lease_holds_is_ever_asked(
    monkeypatch: pytest.MonkeyPatch, strategy: str, seed: int, phase: Phase
) -> None:
    """Whatever part of the Lease is written over, and whichever way the run is ended from there."""
    rng = Random(seed)
    scene = Scene(monkeypatch, strategy=strategy)
    scene.until(phase)
    chosen = {name: value for name, value in STORED.items() if rng.random() < 0.7}
    scene.tamper(chosen, settings={"probe": {"path": f"/{OTHERS}", "identity": "none", "times": 1}})

    if rng.random() < 0.5:
        scene.reconciled()
    else:
        for following in FORWARD[FORWARD.index(phase) + 1 :]:
            phases.run_phase(scene.ports(), REF, following)

    assert OTHERS not in str(scene.asked.questions)


class TestWithoutItsPolicy:
    """What is not asked is told, and never counts as passed."""

    def test_a_smoke_test_is_inconclusive(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch)
        scene.until(Phase.ENDPOINTS_SWITCHED)
        scene.lose_the_policy()

        with pytest.raises(WorkloadFailed, match="smoke test inconclusive: policy: its checks: not asked") as raised:
            phases.smoke_test(scene.ports(), REF)

        assert "there is no policy 'web'" in raised.value.message
        assert "Put 'web' back as it was" in raised.value.message
        assert scene.asked.questions == []

    def test_a_policy_that_holds_keeps_both_sets(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, strategy_settings={"on_inconclusive": "hold"})
        scene.until(Phase.ENDPOINTS_SWITCHED)
        scene.lose_the_policy()

        with pytest.raises(PermanentError, match="both sets stay until somebody decides"):
            phases.smoke_test(scene.ports(), REF)

    def test_traffic_does_not_move(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, databases=[])
        scene.until(Phase.INSTANCES_READY)
        scene.lose_the_policy()
        before = scene.simulation.selector

        with pytest.raises(PermanentError, match="its smoke checks: not asked"):
            phases.switch_endpoints(scene.ports(), REF)

        assert scene.simulation.selector == before
        assert scene.asked.questions == []

    def test_the_route_is_not_proven(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch)
        scene.until(Phase.SWITCH_ENDPOINTS)
        scene.lose_the_policy()

        with pytest.raises(PermanentError, match="its probe: not asked"):
            phases.endpoints_switched(scene.ports(), REF)

    def test_a_run_that_had_passed_is_not_finished_past_its_databases(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch)
        scene.until(Phase.SMOKE_TEST)
        scene.lose_the_policy()

        report = scene.reconciled()

        (run,) = report.with_status(ReconcileStatus.NEEDS_ATTENTION)
        assert "its databases: not asked, because its policy cannot be had" in run.message
        assert scene.pods == 6
        assert scene.asked.questions == []

    def test_nor_past_the_conditions_of_its_smoke_test(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, databases=[])
        scene.until(Phase.SMOKE_TEST)
        scene.lose_the_policy()

        (run,) = scene.reconciled().with_status(ReconcileStatus.NEEDS_ATTENTION)
        assert "its conditions: not asked, because its policy cannot be had" in run.message
        assert scene.pods == 6
        assert scene.asked.questions == []

    def test_one_that_had_nothing_to_ask_is_finished(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, smoke=SMOKE[:1], databases=[])
        scene.until(Phase.SMOKE_TEST)
        scene.lose_the_policy()

        (run,) = scene.reconciled().runs

        assert (run.status, run.outcome) == (ReconcileStatus.ENDED, RunOutcome.SUCCEEDED)

    def test_the_way_back_asks_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch)
        scene.until(Phase.SWITCH_ENDPOINTS)
        scene.lose_the_policy()

        (run,) = scene.reconciled().runs

        assert (run.outcome, scene.pods) == (RunOutcome.ROLLED_BACK, 2)
        assert scene.asked.questions == []


@pytest.mark.parametrize("target", [{"deployment": "other"}, {"service": "other"}, {"namespace": "other"}], ids=str)
def test_the_policy_of_another_workload_answers_for_no_other(
    monkeypatch: pytest.MonkeyPatch, target: dict[str, str]
) -> None:
    """As it stands once a policy is pointed elsewhere, or a Lease names the policy of somebody else."""
    scene = Scene(monkeypatch)
    scene.until(Phase.ENDPOINTS_SWITCHED)
    spec = scene.simulation.policy.model_dump(mode="json")["spec"]
    elsewhere = policy(**spec | {"target": spec["target"] | target})
    scene.policy_of = lambda _name: elsewhere

    with pytest.raises(
        WorkloadFailed, match=r"policy 'web' is for .* now, and the run is of shop/web with Service web"
    ):
        phases.smoke_test(scene.ports(), REF)

    assert scene.asked.questions == []
