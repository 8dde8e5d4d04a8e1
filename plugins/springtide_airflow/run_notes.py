"""What a DAG run says in Airflow's lists: its note, written where the run's state changes.

A task cannot write a note: its API has no such call. The scheduler tells listeners when a run begins and ends, with the
row of the run in hand. So tasks leave words as an XCom, those that failed and the report, and they become the note in
the transaction that ends the run. What others wrote stays below. A listener that fails costs the note alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

    NoteOf = Callable[[DagRun, Connection], str | None]

NOTE_KEY: Final = "outcome_note"
"""The XCom of a task that holds a note, and of one that is mapped nothing that counts: its report says the same."""

REPORTED_BY: Final = "report"
SCALES: Final = "scale_service"

log = logging.getLogger(__name__)


@hookimpl
def on_dag_run_running(dag_run: DagRun, msg: str) -> None:
    """Note what a run of `scale_service` was asked for, so that lists name its service while it goes on."""
    del msg
    if dag_run.dag_id == SCALES:
        _write(dag_run, _asked)


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:
    """Note how the run ended."""
    del msg
    _write(dag_run, _ended)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:
    """Note how the run ended, and why."""
    del msg
    _write(dag_run, _ended)


def _write(dag_run: DagRun, note_of: NoteOf) -> None:
    from airflow.utils.session import create_session
    from sqlalchemy.orm import object_session

    try:
        session = object_session(dag_run)
        if session is not None:
            _note_within(session, dag_run, note_of)
            return
        with create_session() as own:  # `dag.test()` hands over a row of no session
            _note(own.get_one(type(dag_run), dag_run.id), own.connection(), note_of)
    except Exception:
        log.exception("no note is written of %s %s", dag_run.dag_id, dag_run.run_id)


def _note_within(session: Session, dag_run: DagRun, note_of: NoteOf) -> None:
    """Write the note in the scheduler's own transaction, so that what goes wrong undoes the note alone.

    By a savepoint of the connection: the scheduler forbids its session every commit, that of a savepoint included.
    """
    connection = session.connection()
    with connection.begin_nested():
        _note(dag_run, connection, note_of)
    session.expire(dag_run, ["dag_run_note"])


def _note(dag_run: DagRun, connection: Connection, note_of: NoteOf) -> None:
    from airflow.models.dagrun import DagRunNote
    from sqlalchemy import insert, select, update

    from springtide.run.ended_words import merged_note

    note = note_of(dag_run, connection)
    if note is None:
        return
    of_run = DagRunNote.dag_run_id == dag_run.id
    before = connection.execute(select(DagRunNote.content).where(of_run)).first()
    text = merged_note(note, before and before.content, dag_run.run_id)
    if before is None:
        connection.execute(insert(DagRunNote).values(dag_run_id=dag_run.id, content=text))
    else:
        connection.execute(update(DagRunNote).where(of_run).values(content=text))


def _asked(dag_run: DagRun, connection: Connection) -> str | None:
    from springtide.run.ended_words import asked_note

    del connection
    conf: Mapping[str, Any] = dag_run.conf or {}
    return asked_note(conf, dag_run.triggering_user_name, dag_run.run_id)


def _ended(dag_run: DagRun, connection: Connection) -> str | None:
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    from springtide.run.ended_words import joined_notes

    left = select(XComModel.task_id, XComModel.value).filter_by(dag_run_id=dag_run.id, key=NOTE_KEY, map_index=-1)
    # what failed first says more than the report, which then has nothing to tell of
    rows = sorted(connection.execute(left.order_by(XComModel.timestamp)), key=lambda row: row.task_id == REPORTED_BY)
    return joined_notes([row.value for row in rows if isinstance(row.value, str)], dag_run.run_id)
