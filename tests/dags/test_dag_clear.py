"""A DAG run that is cleared as a whole: one that is half-way never ends in success by its age alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from springtide.record.model import RunOutcome
from springtide.sandbox.faults import Crashed, Fault, FaultKind, FaultPlan
from support.dag_runs import run_id_of
from support.simulation import NAMESPACE, WORKLOAD, Simulation

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow.sdk import DAG

    from springtide.sandbox.history import Call

pytestmark = [  # what Airflow 3.3.2 itself does when a DAG runs inside a test
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern"),
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`"),
]

MOMENTS: dict[str, Callable[[Call], bool]] = {
    "set aside": lambda call: "/replicasets/" in call.path and b'"ownerReferences"' in call.body,
    "switched": lambda call: call.path.endswith("/services/web") and b"switched-at" in call.body,
}
LATE = [timedelta(minutes=61), timedelta(hours=2), timedelta(days=2)]


def left_half_way(simulation: Simulation, due: datetime, at: str) -> None:
    """Let the run's process die behind the write at `at`."""
    seen: list[int] = []

    def dies(call: Call) -> Fault | None:
        if call.write and MOMENTS[at](call):
            seen.append(call.number)
        return Fault(FaultKind.CRASH_AFTER) if seen == [call.number] else None

    simulation.world.faults = dies
    with pytest.raises(Crashed):
        simulation.run(4, run_id_of(due))
    simulation.world.faults = FaultPlan()
    simulation.world.settle()
    assert not is_free(simulation)


def cleared(dag: DAG, due: datetime) -> tuple[str, dict[str, Any]]:
    """Do all tasks of the DAG run that was due then; return how it ended, and its tasks."""
    run = dag.test(logical_date=due, run_after=due, run_conf={"service": "checkout", "replicas": 4})
    return str(run.state.value), {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def is_free(simulation: Simulation) -> bool:
    lease = simulation.world.get("leases", NAMESPACE, WORKLOAD.lease_name)
    return lease is None or not lease["spec"].get("holderIdentity")


@pytest.mark.parametrize("late", LATE, ids=str)
@pytest.mark.parametrize("at", MOMENTS)
def test_half_way_and_long_due_it_is_undone_and_ends_failed(
    scale_service: DAG, simulation: Simulation, at: str, late: timedelta
) -> None:
    due = simulation.world.clock.now() - late
    left_half_way(simulation, due, at)

    state, tasks = cleared(scale_service, due)

    assert (state, tasks["roll_back"], tasks["report"]) == ("failed", "success", "failed")
    assert is_free(simulation)
    assert simulation.selector == {"app": "web"}
    simulation.world.settle()
    assert len(simulation.world.pods(NAMESPACE)) == 2
    assert simulation.store.get(run_id_of(due)).outcome is RunOutcome.ROLLED_BACK


def test_half_way_within_the_hour_it_goes_on_and_succeeds(scale_service: DAG, simulation: Simulation) -> None:
    due = simulation.world.clock.now() - timedelta(minutes=20)
    left_half_way(simulation, due, "switched")

    state, _ = cleared(scale_service, due)

    assert state == "success"
    assert is_free(simulation)
    assert len(simulation.world.pods(NAMESPACE)) == 4


@pytest.mark.parametrize("late", [timedelta(minutes=20), *LATE], ids=str)
def test_a_finished_one_writes_nothing_behind_another_run(
    scale_service: DAG, simulation: Simulation, late: timedelta
) -> None:
    due = simulation.world.clock.now() - late
    assert simulation.run(4, run_id_of(due)) is RunOutcome.SUCCEEDED
    assert simulation.run(6, "later") is RunOutcome.SUCCEEDED
    before = len(simulation.world.history.writes())

    cleared(scale_service, due)

    assert [call.path for call in simulation.world.history.writes()[before:] if call.write] == []
    assert len(simulation.world.pods(NAMESPACE)) == 6
