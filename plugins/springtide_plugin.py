"""The one file that Airflow's plugin loader runs: registration, and what forked workers should find imported.

The LocalExecutor forks its workers from the scheduler, and a Celery worker its children: what the parent has imported
costs a task nothing. Measured on Airflow 3.3.2: 0.9 s for the Kubernetes hook and 3.4 to 4.2 s for great-expectations,
in every task that needs them. Other processes (API server, DAG processor, triggerer) gain nothing and are left alone.
"""

import importlib
import logging
import sys
from typing import Any, Final

from airflow.plugins_manager import AirflowPlugin

from springtide_airflow.timetables import CalendarTimetable, EventStart

FORKING_COMMANDS: Final = frozenset({"scheduler", "worker"})

PRELOADED: Final = (
    "airflow.providers.cncf.kubernetes.hooks.kubernetes",
    "great_expectations",
    "pandas",
    "prometheus_api_client",
    "httpx",
    "springtide.run.phases",
    "springtide.run.assembly",
    "springtide.record.sql",
    "springtide.policy.reading.parse",
    "springtide_airflow.event_operators",
    "springtide_airflow.operators",
    "springtide_airflow.sensors",
)


def preload() -> None:
    """Import what tasks import. What cannot be imported is the task's to report: here it is only logged."""
    for name in PRELOADED:
        try:
            importlib.import_module(name)
        except ImportError:
            logging.getLogger(__name__).exception("%s is not preloaded", name)


class SpringtidePlugin(AirflowPlugin):
    """Names springtide in Airflow's list of plugins."""

    name = "springtide"
    timetables = [CalendarTimetable]  # noqa: RUF012  so the base class has it
    deadline_references = [EventStart]  # noqa: RUF012

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # the API server alone reads it
        """Return the page of metrics. What cannot be imported is logged: raised, it would stop the API server."""
        try:
            page = importlib.import_module("springtide_airflow.metrics_page")
        except ImportError:
            logging.getLogger(__name__).exception("the metrics have no page")
            return []
        return [{"app": page.app, "url_prefix": page.PREFIX, "name": "springtide"}]


if not FORKING_COMMANDS.isdisjoint(sys.argv):
    preload()
