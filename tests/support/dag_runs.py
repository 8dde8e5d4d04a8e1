"""What Airflow calls a run that somebody starts."""

from __future__ import annotations

from datetime import datetime


def run_id_of(due: datetime) -> str:
    from airflow.models.dagrun import DagRun
    from airflow.utils.types import DagRunType

    return str(DagRun.generate_run_id(run_type=DagRunType.MANUAL, logical_date=due, run_after=due))
