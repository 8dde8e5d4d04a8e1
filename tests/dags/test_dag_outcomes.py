"""Nothing looks done that is not: how a DAG run ended stands in its state, its note, its log and the store alike."""

from __future__ import annotations

import logging
from copy import deepcopy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from springtide.record.model import RunOutcome
from springtide_airflow.run_notes import on_dag_run_success
from support.dag_notes import kept_note
from support.simulation import Simulation

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import DAG

    from springtide.record.model import ScalingRun

pytestmark = [  # what Airflow 3.3.2 itself does when a DAG runs inside a test
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern"),
    pytest.mark.filterwarnings("ignore:Multiple rows returned"),
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`"),
]


class Ended:
    """A DAG run that has ended, as Airflow keeps it, and its record."""

    def __init__(self, dag: DAG, simulation: Simulation, due: datetime | None = None, **conf: Any) -> None:
        dated: dict[str, Any] = {} if due is None else {"run_after": due}
        params = deepcopy(dag.params)
        run = dag.test(logical_date=due, run_conf={"service": "checkout"} | conf, **dated)
        dag.params = params  # `dag.test()` leaves the conf of one run as the default of the next
        self.state = str(run.state.value)
        self.run_id = str(run.run_id)
        self.tasks = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
        self.note = kept_note(run)
        self.record: ScalingRun = simulation.store.get(self.run_id)


def writes(simulation: Simulation) -> list[str]:
    return [call.path for call in simulation.world.history.writes() if call.write]


def test_a_run_that_scaled_says_so_with_what_serves_now(scale_service: DAG, simulation: Simulation) -> None:
    ended = Ended(scale_service, simulation, replicas=4, reason="sale")

    assert (ended.state, ended.record.outcome) == ("success", RunOutcome.SUCCEEDED)
    assert ended.note.startswith("checkout 2 → 4: succeeded\n")
    assert "    now: exactly 4 pods serve" in ended.note
    assert "(manual): sale" in ended.note


def test_the_note_is_written_in_the_schedulers_session_which_forbids_every_commit(
    scale_service: DAG, simulation: Simulation
) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.sqlalchemy import prohibit_commit
    from sqlalchemy import select

    ended = Ended(scale_service, simulation, replicas=4)
    with create_session() as session:
        run = session.scalar(select(DagRun).filter_by(dag_id="scale_service", run_id=ended.run_id))
        assert run is not None
        run.note = "left by somebody"
        session.flush()
        with prohibit_commit(session) as guard:  # type: ignore[no-untyped-call]  # Airflow's own
            on_dag_run_success(run, "success")
            guard.commit()
        note = str(run.note)

    assert note.startswith("checkout 2 → 4: succeeded\n")
    assert note.endswith("\n\nleft by somebody")


def test_nothing_that_is_normal_is_skipped_outside_a_group_of_its_own(
    scale_service: DAG, simulation: Simulation
) -> None:
    ended = Ended(scale_service, simulation, replicas=4)

    skipped = {name for name, state in ended.tasks.items() if state == "skipped"}
    assert skipped == {"warm_nodes", "nodes_ready", "roll_back"}
    for name in skipped:
        group = scale_service.get_task(name).task_group
        assert group is not None
        assert not group.is_root
        # Airflow gives a closed group the best state of its tasks that did not fail
        assert "success" in {ended.tasks[other] for other in group.children}


def test_a_dry_run_is_planned_only_everywhere(scale_service: DAG, simulation: Simulation) -> None:
    ended = Ended(scale_service, simulation, replicas=4, dry_run=True)

    assert (ended.state, ended.record.outcome) == ("success", RunOutcome.PLANNED_ONLY)
    assert ended.note.startswith("checkout 2 → 4: planned only\n")
    assert "now: nothing was changed, 2 replicas as before" in ended.note
    assert writes(simulation) == []


def test_where_there_is_nothing_to_do_it_says_that(scale_service: DAG, simulation: Simulation) -> None:
    ended = Ended(scale_service, simulation, replicas=2)

    assert (ended.state, ended.record.outcome) == ("success", RunOutcome.NOTHING_TO_DO)
    assert ended.note.startswith("checkout 2 → 2: nothing to do\n")


def test_a_run_that_was_due_an_hour_ago_is_refused_and_red(scale_service: DAG, simulation: Simulation) -> None:
    due = simulation.world.clock.now() - timedelta(minutes=65)

    ended = Ended(scale_service, simulation, due, replicas=4, reason="a tab that was left open")

    assert (ended.state, ended.record.outcome) == ("failed", RunOutcome.REFUSED)
    assert ended.tasks["calculate_capacity"] == "failed"
    assert "checkout → 4, refused: due 65 min ago" in ended.note
    assert "trigger it again" in ended.note
    assert writes(simulation) == []


def test_who_asked_for_400_stands_in_the_history(
    scale_service: DAG, simulation: Simulation, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.WARNING):
        ended = Ended(scale_service, simulation, replicas=400, reason="at two o'clock")

    assert (ended.state, ended.record.outcome) == ("failed", RunOutcome.REFUSED)
    assert ended.record.error is not None
    assert ended.record.error["code"] == "pods_too_many"
    assert ended.record.error["asked"]["replicas"] == "400"
    assert ended.record.reason == "at two o'clock"
    assert ended.note.startswith("checkout → 400: refused\n")
    shown = capsys.readouterr()
    assert "record_not_kept" not in caplog.text + shown.out + shown.err


@pytest.mark.parametrize("task", ["calculate_capacity", "report"])
def test_what_is_no_defect_leaves_no_traceback(
    scale_service: DAG, simulation: Simulation, capsys: pytest.CaptureFixture[str], task: str
) -> None:
    assert Ended(scale_service, simulation, replicas=400).tasks[task] == "failed"

    shown = capsys.readouterr()
    assert "Traceback" not in shown.out + shown.err
    assert "Task failed with exception" not in shown.out + shown.err
