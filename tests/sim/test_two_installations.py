"""Two Airflows on one cluster: each ends its own runs, and tells the other's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from springtide.errors import Fenced
from springtide.kube.objects import Kind
from springtide.record.memory import MemoryStore
from springtide.record.model import RunOutcome
from springtide.recovery.report import ReconcileReport, ReconcileStatus
from springtide.recovery.rounds import known_by, reconcile_round
from springtide.run import phases
from springtide.run.lease import Lease
from springtide.run.ports import Ports, RunRef
from springtide.run.state import Phase
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Ref
from support.simulation import NAMESPACE, WORKLOAD, Simulation

RUN = "scheduled__2026-11-27T10:00:00+00:00"
REF = RunRef(workload=WORKLOAD, run_id=RUN)
Of = Callable[[str], Ports]


@pytest.fixture
def simulation() -> Simulation:
    return Simulation.of(3, deadlines={"ready": "10m"})


@pytest.fixture
def of(simulation: Simulation) -> Of:
    """The ports of an installation; "" is the command line."""
    stores = {name: MemoryStore() for name in ("first", "second", "")}
    return lambda name: replace(simulation.ports(name or "cli"), installation=name, store=stores[name])


def begun(simulation: Simulation, ports: Ports, run_id: str = RUN) -> None:
    request = simulation.request(6, run_id)
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))


def a_round(ports: Ports, *, named: tuple[str, ...] = ()) -> ReconcileReport:
    """Look as somebody does who knows of no run that lives; the command line takes only `named` ones as dead."""
    is_alive = known_by(lambda run: run not in named) if not ports.installation else (lambda _run: False)
    return reconcile_round(ports, [NAMESPACE], is_alive)


def lease_of(ports: Ports) -> Lease:
    return Lease(ports.kube.get(Kind.LEASE, NAMESPACE, WORKLOAD.lease_name))


def test_a_deferred_run_of_one_is_told_by_the_other_and_goes_on(simulation: Simulation, of: Of) -> None:
    begun(simulation, of("first"))
    phases.instances_ready(of("first"), REF, patience=timedelta(0))
    for _ in range(20):  # its trigger looks, and only reads: the Lease stands still
        phases.look(of("first"), REF, Phase.INSTANCES_READY)
        simulation.world.advance(5)
    before = lease_of(of("first")).version

    report = a_round(of("second"))

    (told,) = report.runs
    assert (told.run_id, told.status, told.outcome) == (RUN, ReconcileStatus.ELSEWHERE, RunOutcome.RUNNING)
    assert "a run of another Airflow (installation first; this is second)" in told.message
    assert f"`springtide reconcile --run {RUN}`" in told.message
    assert report.problems == ()
    assert lease_of(of("first")).version == before
    assert phases.instances_ready(of("first"), REF).is_done


def test_its_own_installation_ends_it(simulation: Simulation, of: Of) -> None:
    begun(simulation, of("first"))

    (ended,) = a_round(of("first")).runs

    assert (ended.status, ended.outcome) == (ReconcileStatus.ENDED, RunOutcome.ROLLED_BACK)


def test_the_command_line_says_what_it_leaves_alone_and_ends_what_is_named(simulation: Simulation, of: Of) -> None:
    begun(simulation, of("first"))

    (left,) = a_round(of("")).runs
    (ended,) = a_round(of(""), named=(RUN,)).runs

    assert left.status is ReconcileStatus.ALIVE
    assert "only Airflow (installation first) knows whether it lives" in left.message
    assert f"add --run {RUN}" in left.message
    assert (ended.status, ended.outcome) == (ReconcileStatus.ENDED, RunOutcome.ROLLED_BACK)


def test_a_run_of_the_command_line_is_ended_by_whoever_finds_it(simulation: Simulation, of: Of) -> None:
    begun(simulation, of(""), "cli-1")

    (ended,) = a_round(of("second")).runs

    assert (ended.run_id, ended.outcome) == ("cli-1", RunOutcome.ROLLED_BACK)


def test_what_the_others_run_set_aside_is_told_when_its_lease_is_gone(simulation: Simulation, of: Of) -> None:
    begun(simulation, of("first"))
    simulation.world.core.writes.delete(KINDS["leases"], Ref("leases", NAMESPACE, WORKLOAD.lease_name))

    left = a_round(of("second"))
    ended = a_round(of("first"))

    assert left.runs == ()
    (problem,) = left.problems
    assert f"is set aside by run '{RUN}' of another Airflow (installation first; this is second)" in problem
    assert [(run.run_id, run.outcome) for run in ended.runs] == [(RUN, RunOutcome.ROLLED_BACK)]
    assert ended.problems == ()


def test_a_run_of_the_other_that_needs_a_person_is_told_and_is_not_this_ones_problem(
    simulation: Simulation, of: Of
) -> None:
    begun(simulation, of("first"))
    assert phases.report(of("first"), REF) is RunOutcome.NEEDS_ATTENTION

    theirs = a_round(of("second"))
    own = a_round(of("first"))

    assert [(run.status, run.outcome) for run in theirs.runs] == [
        (ReconcileStatus.ELSEWHERE, RunOutcome.NEEDS_ATTENTION)
    ]
    assert theirs.problems == ()
    assert "springtide release-lease web --i-have-looked" in own.problems[0]


class TestRunsOfTheSameName:
    """Two Airflows with the same schedule give the runs of one moment the same names."""

    @pytest.fixture
    def twin(self, simulation: Simulation, of: Of) -> Ports:
        """The ports of the second, whose run is called as the first one's, which has begun."""
        begun(simulation, of("first"))
        return of("second")

    def test_the_second_is_refused(self, simulation: Simulation, twin: Ports) -> None:
        with pytest.raises(Fenced) as caught:
            phases.calculate_capacity(twin, simulation.request(2, RUN))

        assert caught.value.code == "service_busy"

    @pytest.mark.parametrize("phase", [Phase.INSTANCES_READY, Phase.SWITCH_ENDPOINTS, Phase.REMOVE_OLD_INSTANCES])
    def test_no_phase_of_the_second_goes_on_with_the_first(self, twin: Ports, phase: Phase) -> None:
        with pytest.raises(Fenced, match=r"a run of the same name, .* of another installation \(first\)"):
            phases.run_phase(twin, REF, phase)

    def test_the_second_undoes_and_closes_nothing_of_the_first(self, twin: Ports, of: Of) -> None:
        before = lease_of(twin).version

        assert phases.roll_back(twin, REF).writes == ()
        assert phases.report(twin, REF) is RunOutcome.FAILED
        assert lease_of(twin).version == before
        assert phases.instances_ready(of("first"), REF).is_done

    def test_once_the_first_has_ended_the_second_has_its_turn(
        self, simulation: Simulation, twin: Ports, of: Of
    ) -> None:
        phases.roll_back(of("first"), REF)
        assert phases.report(of("first"), REF) is RunOutcome.ROLLED_BACK
        simulation.world.settle()

        begun(simulation, twin)
        phases.roll_back(twin, REF)
        assert phases.report(twin, REF) is RunOutcome.ROLLED_BACK
        simulation.world.settle()

        with pytest.raises(Fenced, match="A finished run is not repeated"):
            begun(simulation, replace(of("first"), store=MemoryStore()))
