"""The note of a DAG run, as Airflow keeps it."""

from __future__ import annotations

from typing import Any


def kept_note(run: Any) -> str:
    """Return the note of a run that `dag.test()` gave back; "" where it has none."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        kept = session.scalar(select(DagRun).filter_by(dag_id=run.dag_id, run_id=run.run_id))
        assert kept is not None
        return str(kept.note or "")
