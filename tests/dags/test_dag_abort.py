"""The DAG that aborts a run: its form is judged again, and it ends as the run says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from springtide.errors import PermanentError
from springtide.run import phases
from springtide.run.ports import RunRef
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

    from support.simulation import Simulation

# Airflow's own: its plugin loader, and the execution API that `dag.test()` asks
pytestmark = pytest.mark.filterwarnings(
    "ignore:GitWildMatchPattern:DeprecationWarning", "ignore:Using `httpx`", "ignore:Multiple rows returned"
)


def asked(bag: DagBag, conf: dict[str, Any]) -> tuple[str, Any]:
    """Run the DAG with `conf`; return how it ended, and what its task returned."""
    done = bag.dags["abort_run"].test(run_conf=conf)
    (task,) = done.get_task_instances()
    return str(done.state.value), task.xcom_pull(task_ids="abort")


def test_a_run_under_way_rolls_back_and_the_dag_says_how_it_ended(bag: DagBag, simulation: Simulation) -> None:
    ref = begun(simulation)
    undo = Fault(FaultKind.PAUSE, meanwhile=lambda: undone(simulation, ref))
    simulation.world.faults = FaultPlan().at(Match(method="GET", path="/leases/"), undo, skip=1)

    state, end = asked(bag, {"service": "checkout", "run_id": "run-1", "reason": "the new pods are slow"})

    assert (state, end["outcome"]) == ("success", "rolled_back")
    assert "the new pods are slow" in end["message"]


@pytest.mark.parametrize(
    "conf",
    [
        {"service": "checkout", "reason": " "},
        {"service": "checkout", "reason": "no run owns it"},
        {"service": "checkout", "reason": "two\nlines"},
        {"service": "checkout", "reason": "a field too many", "force": True},
    ],
    ids=["no reason", "no run", "two lines", "unknown field"],
)
def test_what_cannot_be_asked_ends_failed(bag: DagBag, simulation: Simulation, conf: dict[str, Any]) -> None:
    state, end = asked(bag, conf)

    assert (state, end) == ("failed", None)
    assert [call for call in simulation.world.history.calls if call.method == "PATCH"] == []


def begun(simulation: Simulation) -> RunRef:
    ports = simulation.ports("run-1")
    request = simulation.request(4)
    plan = phases.calculate_capacity(ports, request)
    phases.create_instances(ports, request, plan)
    return RunRef.of_plan(plan, "run-1")


def undone(simulation: Simulation, ref: RunRef) -> None:
    ports = simulation.ports("run-1")
    with pytest.raises(PermanentError, match="aborted by") as stopped:
        phases.instances_ready(ports, ref)
    phases.roll_back(ports, ref)
    phases.report(ports, ref, stopped.value)
