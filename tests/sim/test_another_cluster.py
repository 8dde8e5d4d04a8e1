"""A connection, or a kubeconfig, that leads to another cluster from some phase on: told, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from invariants import Begin
from springtide.errors import ClusterRefused, OtherCluster, PermanentError
from springtide.kube.cluster import ClusterIdentity, difference
from springtide.kube.live import LiveKube
from springtide.kube.objects import Json, Kind
from springtide.record.model import RunOutcome
from springtide.recovery.reconcile import reconcile
from springtide.run import phases, pipeline
from springtide.run.handover import Handover
from springtide.run.ports import Ports, RunRef
from springtide.run.state import Phase
from support.simulation import NAMESPACE, WORKLOAD, Simulation
from support.task_driver import TaskDriver

RUN = "run-1"
FROM = ["create_instances", "instances_ready", "switch_endpoints", "endpoints_switched", "smoke_test"]
FROM += ["remove_old_instances", "instances_removed", "roll_back", "report"]
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"


class OwnNamespaceHidden(LiveKube):
    """A client whose rights end before any namespace."""

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """Return the object, unless it is a namespace."""
        if kind is Kind.NAMESPACE:
            raise ClusterRefused(f"get namespace {name}: refused with 403 Forbidden", code="rbac_missing")
        return super().get(kind, namespace, name)


def written(simulation: Simulation, begin: Begin) -> list[str]:
    """Return the paths of what was written since."""
    return [call.path for call in simulation.world.history.calls[begin.calls :] if call.write and call.applied]


def as_it_is(ports: Ports) -> Ports:
    return ports


def without_namespaces(ports: Ports) -> Ports:
    kube = ports.kube
    assert isinstance(kube, LiveKube)
    hidden = OwnNamespaceHidden(kube._client, clock=ports.clock)
    return replace(ports, kube=hidden)


@dataclass
class Astray:
    """A run of the first cluster whose tasks see the second from task `at` on."""

    at: str
    seen_by: Callable[[Ports], Ports] = as_it_is
    here: Simulation = field(default_factory=lambda: Simulation.of(3))
    there: Simulation = field(default_factory=lambda: Simulation.of(3, seed=2))
    is_astray: bool = False

    def __post_init__(self) -> None:
        self.begin = Begin.now(self.there.world)
        self.driver = TaskDriver(self.here, self.here.request(6, RUN))
        self.driver.ports = self.ports  # type: ignore[method-assign]
        self.driver.before_task = self.turn

    def turn(self, name: str) -> None:
        self.is_astray = self.is_astray or name == self.at

    def ports(self) -> Ports:
        """Return the ports of the next task: every record goes to the one store of the installation."""
        cluster = self.there if self.is_astray else self.here
        return replace(self.seen_by(cluster.ports(RUN)), store=self.here.store)

    def go(self) -> None:
        """Run into it."""
        with pytest.raises(OtherCluster) as caught:
            self.driver.go()
        assert caught.value.code == "other_cluster"

    def written_there(self) -> list[str]:
        """Return what was written to the second cluster."""
        return written(self.there, self.begin)


def astray(at: str, monkeypatch: pytest.MonkeyPatch, seen_by: Callable[[Ports], Ports] = as_it_is) -> Astray:
    run = Astray(at, seen_by)
    if at == "roll_back":

        def fail(_ports: Ports, _ref: RunRef) -> object:
            raise PermanentError("the smoke test fails", code="smoke_failed")

        monkeypatch.setattr(phases, "smoke_test", fail)
    if at == "report":
        report = phases.report

        def reported(_ports: Ports, *arguments: object) -> RunOutcome:
            run.is_astray = True
            return report(run.ports(), *arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(phases, "report", reported)
    run.go()
    monkeypatch.undo()
    return run


@pytest.mark.parametrize("seen_by", [as_it_is, without_namespaces])
@pytest.mark.parametrize("at", FROM)
def test_it_is_told_at_every_phase_and_nothing_is_written_there(
    at: str, seen_by: Callable[[Ports], Ports], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = astray(at, monkeypatch, seen_by)

    record = run.here.store.get(RUN)
    assert run.written_there() == []
    assert record.outcome is RunOutcome.NEEDS_ATTENTION
    assert (record.error or {})["code"] == "other_cluster"
    assert not any("nothing to undo" in phase.message for phase in record.phases)
    assert all("this is not the cluster that run 'run-1' was planned in" in each for each in run.driver.failures[-1:])


@pytest.mark.parametrize(("at", "outcome"), [
    ("instances_ready", RunOutcome.ROLLED_BACK),
    ("smoke_test", RunOutcome.ROLLED_BACK),
    ("remove_old_instances", RunOutcome.SUCCEEDED),
    ("report", RunOutcome.SUCCEEDED),
])  # fmt: skip
def test_a_connection_that_leads_back_ends_the_run_and_its_record(
    at: str, outcome: RunOutcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = astray(at, monkeypatch)
    run.here.world.settle(quiet=20)

    (ended,) = reconcile(run.here.ports("reconcile"), [NAMESPACE], is_alive=lambda _run: False)

    assert ended.outcome is outcome
    assert run.here.store.get(RUN).outcome is outcome
    run.here.world.settle(quiet=20)
    assert len(run.here.world.pods(NAMESPACE)) == (6 if outcome is RunOutcome.SUCCEEDED else 3)


def test_a_run_of_the_same_name_that_ended_there_is_not_taken_for_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Simulation.of(3, seed=2)
    assert there.run(5, RUN) is RunOutcome.SUCCEEDED
    run = Astray("report", there=there)
    report = phases.report

    def reported(_ports: Ports, ref: RunRef) -> RunOutcome:
        run.is_astray = True
        return report(run.ports(), ref)

    monkeypatch.setattr(phases, "report", reported)

    run.go()

    assert run.here.store.get(RUN).outcome is RunOutcome.NEEDS_ATTENTION


def test_a_half_way_run_that_is_cleared_as_a_whole_does_not_begin_again_there() -> None:
    run = Astray("nowhere")
    ports = run.ports()
    plan = phases.calculate_capacity(ports, run.driver.request)
    phases.create_instances(ports, run.driver.request, plan)
    run.is_astray = True

    with pytest.raises(OtherCluster):
        phases.calculate_capacity(run.ports(), run.driver.request, attempt=2)

    assert run.written_there() == []


def test_a_run_that_never_began_is_planned_anew_wherever_the_connection_leads() -> None:
    run = Astray("nowhere")
    phases.calculate_capacity(run.ports(), run.driver.request)
    run.is_astray = True

    assert phases.calculate_capacity(run.ports(), run.driver.request, attempt=2).replicas == 6


def test_a_lease_that_a_backup_brought_elsewhere_ends_nothing_there() -> None:
    here = Simulation.of(3)
    there = Simulation.of(3, seed=2)
    phases.create_instances(here.ports(), here.request(6), phases.calculate_capacity(here.ports(), here.request(6)))
    lease = json.loads(json.dumps(here.world.get("leases", NAMESPACE, WORKLOAD.lease_name)))
    del lease["metadata"]["uid"], lease["metadata"]["resourceVersion"]
    there.world.apply(lease)
    begin = Begin.now(there.world)

    with pytest.raises(OtherCluster):
        phases.run_phase(there.ports(), RunRef(workload=WORKLOAD, run_id=RUN), Phase.INSTANCES_READY)
    with pytest.raises(OtherCluster):
        phases.roll_back(there.ports(), RunRef(workload=WORKLOAD, run_id=RUN))
    (ended,) = reconcile(there.ports("reconcile"), [NAMESPACE], is_alive=lambda _run: False)

    assert ended.outcome is RunOutcome.NEEDS_ATTENTION
    assert "this is not the cluster" in ended.message
    assert {path.rpartition("/")[0] for path in written(there, begin)} == {LEASES}


def test_a_plan_of_another_cluster_is_not_carried_out() -> None:
    here = Simulation.of(3)
    there = Simulation.of(3, seed=2)
    plan = phases.calculate_capacity(here.ports(), here.request(6))

    with pytest.raises(OtherCluster):
        phases.create_instances(there.ports(), there.request(6), plan)

    assert there.world.get("leases", NAMESPACE, WORKLOAD.lease_name) is None


def test_a_whole_run_in_one_process_tells_it_last(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Astray("nowhere")
    ports = run.ports()
    switching = phases.run_phase

    def then_elsewhere(_ports: Ports, ref: RunRef, phase: Phase, *, handover: Handover) -> object:
        del handover  # another process has none
        run.is_astray = run.is_astray or phase is Phase.SWITCH_ENDPOINTS
        return switching(run.ports(), ref, phase)

    def rolled_back_elsewhere(_ports: Ports, ref: RunRef, *, is_halted: bool) -> object:
        return rolling_back(run.ports(), ref, is_halted=is_halted)

    rolling_back = phases.roll_back
    monkeypatch.setattr(phases, "run_phase", then_elsewhere)
    monkeypatch.setattr(phases, "roll_back", rolled_back_elsewhere)

    with pytest.raises(PermanentError, match="this is not the cluster"):
        pipeline.run(ports, run.driver.request)


class TestIdentity:
    SAME = ClusterIdentity(kube_system="k1", namespace="n1", service="s1")

    @pytest.mark.parametrize(
        "now",
        [
            SAME,
            replace(SAME, service="s2"),  # recreated, in the same namespace
            replace(SAME, service=""),
            replace(SAME, namespace="n2", service="s2"),  # the namespace was deleted and made anew
            replace(SAME, kube_system=None),
            replace(SAME, kube_system=None, service="s2"),
            replace(SAME, kube_system=None, namespace=None),
            ClusterIdentity(kube_system=None, namespace=None, service=None),
        ],
    )
    def test_nothing_tells_another_cluster(self, now: ClusterIdentity) -> None:
        assert difference(WORKLOAD, self.SAME, now) is None

    @pytest.mark.parametrize(
        ("now", "told"),
        [
            (replace(SAME, kube_system="k2"), "namespace kube-system has uid k2 here, and had uid k1"),
            (replace(SAME, kube_system=None, namespace="n2"), "namespace shop has uid n2 here, and had uid n1"),
            (replace(SAME, kube_system=None, namespace=""), "namespace shop is not there, and had uid n1"),
            (
                ClusterIdentity(kube_system=None, namespace=None, service="s2"),
                "Service shop/web has uid s2 here, and had uid s1",
            ),
            (
                ClusterIdentity(kube_system=None, namespace=None, service=""),
                "Service shop/web is not there, and had uid s1",
            ),
        ],
    )
    def test_the_first_uid_that_both_know_tells(self, now: ClusterIdentity, told: str) -> None:
        assert difference(WORKLOAD, self.SAME, now) == told
