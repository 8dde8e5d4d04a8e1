"""reconcile_runs asks Airflow who lives, and the Leases for the rest; the cluster and its time are simulated."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from springtide.errors import PermanentError, TemporaryError
from springtide.sandbox.faults import Crashed, Fault, FaultKind, FaultPlan, Match
from springtide_airflow.hook import SpringtideHook
from support.builders import policy_text
from support.dag_notes import executed
from support.simulation import NAMESPACE, WORKLOAD, Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

    from springtide.run.ports import Ports

pytestmark = [  # what Airflow 3.3.2 itself does when a DAG runs inside a test
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern"),
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`"),
]


@pytest.fixture
def reconcile_runs(bag: DagBag) -> DAG:
    return bag.dags["reconcile_runs"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPRINGTIDE_POLICIES", str(tmp_path))
    return tmp_path


@pytest.fixture
def simulation(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    """A workload of two pods, its policy, and tasks whose ports are the simulation's."""
    (folder / "web.yaml").write_text(policy_text())
    made = Simulation.of(2)

    @contextmanager
    def ports(_hook: SpringtideHook, _on_wait: Callable[[str], None]) -> Iterator[Ports]:
        yield made.ports()

    monkeypatch.setattr(SpringtideHook, "ports", ports)
    return made


def crash(simulation: Simulation, run_id: str) -> None:
    simulation.world.faults = FaultPlan().at(Match(write=5), Fault(FaultKind.CRASH_AFTER))
    with pytest.raises(Crashed):
        simulation.run(4, run_id)
    simulation.world.faults = FaultPlan()
    simulation.world.settle()


def airflow_knows(run_id: str, state: str) -> None:
    """Let Airflow have a run of `scale_service` in this state."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunType

    at = datetime.now(UTC)
    known = DagRunState(state)
    run = DagRun(dag_id="scale_service", run_id=run_id, run_type=DagRunType.MANUAL, run_after=at, state=known)
    with create_session() as session:
        session.add(run)


def outcome(dag: DAG) -> tuple[str, Any]:
    """Run the DAG once; return its state and what the task returned."""
    run = dag.test()
    (ti,) = run.get_task_instances()
    return str(run.state), ti.xcom_pull(task_ids="reconcile_runs")


def is_free(simulation: Simulation) -> bool:
    lease = simulation.world.get("leases", NAMESPACE, WORKLOAD.lease_name)
    assert lease is not None
    return not lease["spec"].get("holderIdentity")


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_that_airflow_works_on_is_left_alone(reconcile_runs: DAG, simulation: Simulation, state: str) -> None:
    crash(simulation, f"manual__{state}")
    airflow_knows(f"manual__{state}", state)

    ended, runs = outcome(reconcile_runs)

    assert (ended, runs[0]["status"]) == ("success", "alive")
    assert not is_free(simulation)


@pytest.mark.parametrize("state", ["failed", "success", "deleted"])
def test_a_run_that_airflow_has_given_up_is_undone(reconcile_runs: DAG, simulation: Simulation, state: str) -> None:
    crash(simulation, f"manual__{state}")
    if state != "deleted":
        airflow_knows(f"manual__{state}", state)

    ended, runs = outcome(reconcile_runs)

    assert (ended, runs[0]["run_id"], runs[0]["outcome"]) == ("success", f"manual__{state}", "rolled_back")
    assert is_free(simulation)
    assert len(simulation.world.pods(NAMESPACE)) == 2


def test_a_run_of_the_command_line_is_judged_by_its_lease_alone(reconcile_runs: DAG, simulation: Simulation) -> None:
    crash(simulation, "cli-20261111T000000-abcdef")

    ended, runs = outcome(reconcile_runs)

    assert (ended, runs[0]["outcome"]) == ("success", "rolled_back")
    assert is_free(simulation)


def test_a_run_that_needs_a_person_fails_the_task_with_its_words(reconcile_runs: DAG, simulation: Simulation) -> None:
    crash(simulation, "manual__somebody")
    service = dict(simulation.world.get("services", NAMESPACE, "web") or {})
    simulation.world.apply({**service, "spec": {**service["spec"], "selector": {"app": "another"}}})

    first, _ = outcome(reconcile_runs)
    second, _ = outcome(reconcile_runs)

    assert (first, second) == ("failed", "failed")
    task: Any = reconcile_runs.get_task("reconcile_runs")
    with pytest.raises(PermanentError, match=r"'manual__somebody' needs_attention: .* `springtide roll-back web`"):
        executed(task, {"ti": SimpleNamespace(get_dr_count=lambda **_: 0)})
    assert not is_free(simulation)


def test_a_broken_policy_file_is_told_after_the_others_were_looked_after(
    reconcile_runs: DAG, simulation: Simulation, folder: Path
) -> None:
    crash(simulation, "manual__broken")
    (folder / "broken.yaml").write_text("kind: Nonsense\n")

    ended, _ = outcome(reconcile_runs)

    assert ended == "failed"
    assert is_free(simulation)


def test_a_living_run_that_stands_still_fails_the_task_and_is_left_alone(
    reconcile_runs: DAG, simulation: Simulation
) -> None:
    crash(simulation, "manual__paused")
    airflow_knows("manual__paused", "queued")
    simulation.world.advance(600)

    ended, _ = outcome(reconcile_runs)

    task: Any = reconcile_runs.get_task("reconcile_runs")
    with pytest.raises(PermanentError, match=r"'manual__paused' running: .* is its DAG paused"):
        executed(task, {"ti": SimpleNamespace(get_dr_count=lambda **_: 1)})
    assert ended == "failed"
    assert not is_free(simulation)


def test_a_run_that_airflow_cannot_be_asked_about_is_left_alone_and_told(
    reconcile_runs: DAG, simulation: Simulation
) -> None:
    crash(simulation, "manual__unknown")

    def no_answer(**_: object) -> int:
        raise RuntimeError("no answer")

    task: Any = reconcile_runs.get_task("reconcile_runs")
    with pytest.raises(PermanentError, match=r"the owner of run 'manual__unknown' is alive: .*no answer"):
        executed(task, {"ti": SimpleNamespace(get_dr_count=no_answer)})
    assert not is_free(simulation)


def test_a_cluster_that_does_not_answer_is_tried_again(reconcile_runs: DAG, simulation: Simulation) -> None:
    crash(simulation, "manual__away")
    simulation.world.faults = FaultPlan().at(Match(path="/leases$"), Fault(FaultKind.REFUSED), times=20)

    task: Any = reconcile_runs.get_task("reconcile_runs")
    with pytest.raises(TemporaryError, match="cannot be reached"):
        executed(task, {"ti": SimpleNamespace(get_dr_count=lambda **_: 0)})


def test_without_policies_there_is_nothing_to_look_after(reconcile_runs: DAG, folder: Path) -> None:
    assert list(folder.iterdir()) == []

    run = reconcile_runs.test()

    assert [ti.state for ti in run.get_task_instances()] == ["skipped"]


def test_it_looks_every_minute_and_never_twice_at_once(reconcile_runs: DAG) -> None:
    assert (reconcile_runs.max_active_runs, reconcile_runs.catchup) == (1, False)
    assert reconcile_runs.schedule == "* * * * *"
