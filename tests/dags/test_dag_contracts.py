"""Airflow's memory and child runs, inside a task of a real run, by the suites that every implementation passes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from springtide.events.waves import ChildRunState
from springtide.fleet.child_runs import ASKED_AT_ONCE
from springtide.record.model import RunOutcome, ScalingRun
from springtide.record.sql import open_store
from springtide.record.store import RunStore
from springtide.workload import Workload
from springtide_airflow.child_runs import SCALE_SERVICE, AirflowRuns
from springtide_airflow.wiring import AIRFLOW
from unit.fleet.contracts import MEMORY, RUN, RUNS, Ended

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import Context

    from springtide.fleet.memory import Memory

# Airflow's own: its plugin loader, and the execution API that `dag.test()` asks
pytestmark = pytest.mark.filterwarnings(
    "ignore:GitWildMatchPattern:DeprecationWarning", "ignore:Using `httpx`", "ignore:Multiple rows returned"
)


def in_a_task(bag: DagBag, act: Callable[[Context], None]) -> None:
    """Run `act` in the place of a task's own work, in a DAG run; what it raises is raised here."""
    raised: list[BaseException] = []

    def guarded(context: Context) -> None:
        try:
            act(context)
        except BaseException as error:
            raised.append(error)
            raise

    dag = deepcopy(bag.dags["release_floors"])
    (task,) = dag.tasks
    task.retries = 0
    setattr(task, "execute", guarded)  # noqa: B010  a method of this one copy
    done = dag.test()
    for error in raised:
        raise error
    assert str(done.state.value) == "success"


@pytest.mark.parametrize("promise", MEMORY)
def test_memory_in_the_tasks_state_store(bag: DagBag, promise: Callable[[Memory], None]) -> None:
    in_a_task(bag, lambda context: promise(AIRFLOW.memory(context)))


@dataclass
class EndedInAirflow:
    """Runs of `scale_service` whose state a test sets, as its scheduler would."""

    runs: AirflowRuns
    store: str

    def succeed(self, run_id: str) -> None:
        set_state(run_id, "success")

    def fail(self, run_id: str) -> str:
        message = "6 of 8 replicas are ready: ImagePullBackOff"
        set_state(run_id, "failed")
        run = ScalingRun(
            run_id=run_id,
            policy="web",
            target=Workload(namespace="shop", deployment="web", service="web"),
            strategy="in_place",
            requested_by="airflow",
            reason="",
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            error={"code": "workload_failed", "field": None, "message": message},
        )
        with open_store(self.store) as store:
            store.save(run.with_outcome(RunOutcome.FAILED, at=run.started_at))
        return message


def set_state(run_id: str, state: str) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        session.execute(update(DagRun).filter_by(dag_id=SCALE_SERVICE, run_id=run_id).values(state=state))


def forget_runs() -> None:
    """Remove the runs of the test before: they all have one name."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(DagRun).filter_by(dag_id=SCALE_SERVICE))


@pytest.mark.parametrize("promise", RUNS)
def test_runs_of_scale_service(bag: DagBag, tmp_path: Path, promise: Callable[[Ended], None]) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"

    def opened() -> AbstractContextManager[RunStore]:
        return open_store(url)

    forget_runs()
    try:
        in_a_task(bag, lambda context: promise(EndedInAirflow(AirflowRuns(context, opened), url)))
    finally:
        forget_runs()


def test_of_many_runs_those_that_ended_are_told(bag: DagBag, tmp_path: Path) -> None:
    runs = [replace(RUN, run_id=f"conductor__service-{number}__0") for number in range(3 * ASKED_AT_ONCE)]

    def act(context: Context) -> None:
        started = AirflowRuns(context, lambda: open_store(f"sqlite:///{tmp_path}/runs.db"))
        for run in runs:
            started.start(run)
        names = [run.run_id for run in runs]
        assert started.ended(names) == {}

        set_state(names[2], "success")
        set_state(names[-1], "failed")
        assert started.ended(names) == {names[2]: ChildRunState.SUCCEEDED, names[-1]: ChildRunState.FAILED}

    forget_runs()
    try:
        in_a_task(bag, act)
    finally:
        forget_runs()
