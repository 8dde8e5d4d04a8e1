"""A living run whose Lease stands still for minutes: told, and left to its owner."""

from __future__ import annotations

from datetime import timedelta

import pytest

from springtide.recovery.limits import RoundLimits
from springtide.recovery.report import ReconcileReport, ReconcileStatus
from springtide.recovery.rounds import reconcile_round
from springtide.run import phases
from springtide.run.ports import RunRef
from support.simulation import NAMESPACE, WORKLOAD, Simulation

REF = RunRef(workload=WORKLOAD, run_id="run-1")
FIVE_MINUTES = 300
LONG = {"ready": "2h", "switched": "2h", "removed": "2h"}


@pytest.fixture
def simulation() -> Simulation:
    """A run that has created its instances, and that nobody works on any more."""
    made = Simulation.of(2, strategy="in_place", deadlines=LONG)
    ports = made.ports()
    request = made.request(3)
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))
    return made


def a_round(simulation: Simulation, *, alive: bool = True, limits: RoundLimits | None = None) -> ReconcileReport:
    return reconcile_round(simulation.ports("reconcile"), [NAMESPACE], lambda _run: alive, limits=limits)


def writes_by(simulation: Simulation, agent: str) -> int:
    return sum(call.user_agent == agent and call.write > 0 for call in simulation.world.history.calls)


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, "alive"), (FIVE_MINUTES - 30, "alive"), (FIVE_MINUTES + 30, "stalled")]
)
def test_it_is_told_once_its_lease_stood_still_for_minutes(simulation: Simulation, seconds: int, status: str) -> None:
    simulation.world.advance(seconds)

    report = a_round(simulation)

    assert [(run.run_id, run.status.value) for run in report.runs] == [("run-1", status)]
    assert bool(report.problems) == (status == "stalled")
    assert writes_by(simulation, "reconcile") == 0


def test_the_word_says_since_when_and_what_to_do(simulation: Simulation) -> None:
    simulation.world.advance(FIVE_MINUTES)

    (problem,) = a_round(simulation).problems

    assert "its Lease stands still since 2026-01-05 08:0" in problem
    assert "is its DAG paused" in problem
    assert "end its DAG run" in problem


def test_how_long_is_as_the_limits_say(simulation: Simulation) -> None:
    simulation.world.advance(FIVE_MINUTES)

    patient = a_round(simulation, limits=RoundLimits(stalled_after=timedelta(hours=1)))

    assert [run.status for run in patient.runs] == [ReconcileStatus.ALIVE]


def test_once_its_owner_goes_on_it_is_alive_again(simulation: Simulation) -> None:
    simulation.world.advance(FIVE_MINUTES)
    stalled = a_round(simulation)

    phases.instances_ready(simulation.ports(), REF)

    assert [run.status for run in stalled.runs] == [ReconcileStatus.STALLED]
    assert [run.status for run in a_round(simulation).runs] == [ReconcileStatus.ALIVE]


def test_a_task_that_comes_back_from_its_wait_renews_the_lease() -> None:
    """A deferred task looks for seconds only, every two minutes: it must not look as if nobody were there."""
    simulation = Simulation.of(2, propagation="30m", deadlines=LONG)
    ports = simulation.ports()
    request = simulation.request(3)
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))
    phases.instances_ready(ports, REF)
    phases.switch_endpoints(ports, REF)
    looks = []
    for _ in range(5):
        simulation.world.advance(120)
        progress = phases.endpoints_switched(simulation.ports(), REF, patience=timedelta(seconds=5))
        looks.append((progress.is_done, a_round(simulation).runs[0].status))

    assert looks == [(False, ReconcileStatus.ALIVE)] * 5


def test_once_its_owner_is_gone_the_next_round_ends_it(simulation: Simulation) -> None:
    simulation.world.advance(FIVE_MINUTES)

    report = a_round(simulation, alive=False)

    assert [(run.status.value, run.outcome.value) for run in report.runs] == [("ended", "rolled_back")]


def test_a_lease_that_nobody_ever_renewed_is_told_too(simulation: Simulation) -> None:
    lease = dict(simulation.world.get("leases", NAMESPACE, WORKLOAD.lease_name) or {})
    spec = {key: value for key, value in lease["spec"].items() if key != "renewTime"}
    simulation.world.apply(lease | {"spec": spec}, manager="kubectl-edit")

    (run,) = a_round(simulation).runs

    assert run.status is ReconcileStatus.STALLED
    assert "nobody knows when" in run.message
