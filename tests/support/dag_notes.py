"""How tasks and DAG runs ended: the note as Airflow keeps it, and the error whose words ended a task."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from springtide_airflow.errors import ToldFailure


def kept_note(run: Any) -> str:
    """Return the note of a run that `dag.test()` gave back; "" where it has none."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        kept = session.scalar(select(DagRun).filter_by(dag_id=run.dag_id, run_id=run.run_id))
        assert kept is not None
        return str(kept.note or "")


def executed(task: Any, context: dict[str, Any]) -> Any:
    """Execute a task by itself, and return what it does; raise the error whose words ended it.

    What it leaves for others is dropped. `context` may say more of its run and its instance.
    """
    run: Any = SimpleNamespace(run_id="manual__by_itself")
    instance = context.get("ti", SimpleNamespace())
    instance.xcom_push = lambda **_: None
    try:
        return task.execute({"dag_run": run} | context | {"ti": instance})
    except ToldFailure as ended:
        raise ended.error from None
