"""The one file that Airflow's plugin loader runs: registration, and what forked workers should find imported.

The LocalExecutor forks its workers from the scheduler, and a Celery worker its children: what the parent has imported
costs a task nothing. Measured on Airflow 3.3.2: 0.9 s for the Kubernetes hook and 3.4 to 4.2 s for great-expectations,
in every task that needs them. A Celery worker's parent runs this file only where plugins are not loaded late ([core]
lazy_load_plugins); where they are, its tasks do, and each imports what it needs. The DAG processor forks a process for
each read of a DAG file, a dozen of them every ten seconds. API server and triggerer gain nothing and are left alone.
"""

import importlib
import logging
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any, Final
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from springtide_airflow import run_notes
from springtide_airflow.timetables import CalendarTimetable, EventStart

FORKING_COMMAND: Final = "scheduler"

CELERY_COMMAND: Final = "worker"

READING_COMMAND: Final = "dag-processor"

READ: Final = (
    "springtide_airflow.aborting",
    "springtide_airflow.approval",
    "springtide_airflow.approving",
    "springtide_airflow.defaults",
    "springtide_airflow.event_operators",
    "springtide_airflow.history",
    "springtide_airflow.operators",
    "springtide_airflow.parameters",
    "springtide_airflow.pausing",
    "springtide_airflow.reconciling",
    "springtide_airflow.rehearsal",
    "springtide_airflow.releasing",
    "springtide_airflow.sensors",
    "springtide.fleet.turns",
    "springtide.policy.calendar.files",
    "springtide.policy.language.keys",
    "springtide.policy.reading.plain_yaml",
    "springtide.policy.reading.validation",
)
"""What the DAG files import, and what they read the names of calendars by."""

PRELOADED: Final = (
    *READ,
    "airflow.providers.cncf.kubernetes.hooks.kubernetes",
    "great_expectations",
    "pandas",
    "prometheus_api_client",
    "httpx",
    "airflow.providers.apprise.hooks.apprise",
    "airflow.sdk.execution_time.cache",
    "jinja2.ext",
    "springtide.kube.live",
    "springtide.run.ahead",
    "springtide.run.approved_ahead",
    "springtide.run.assembly",
    "springtide.run.ended_words",
    "springtide.run.moment_limit",
    "springtide.run.notices",
    "springtide.run.permission",
    "springtide.run.phases",
    "springtide.run.planned",
    "springtide.run.queueing",
    "springtide.run.refusals",
    "springtide.run.waiting",
    "springtide.fleet.conductor",
    "springtide.fleet.ended_words",
    "springtide.fleet.looking",
    "springtide.fleet.notices",
    "springtide.record.memory",
    "springtide.record.sql",
    "springtide.policy.reading.consistency",
    "springtide.policy.reading.parse",
)
"""What tasks import, beside what their DAG file does: one that imports two dozen small modules by itself pays as much
for them as for its own fork."""


def preload() -> None:
    """Import what tasks import, and make ready what they store and read by."""
    from springtide.stored import prepare_all

    _import_all(PRELOADED)
    prepare_all()


def _import_all(names: Iterable[str]) -> None:
    """Import them; what cannot be imported is the task's or the DAG's to report, and is only logged."""
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            logging.getLogger(__name__).exception("%s is not preloaded", name)


class SpringtidePlugin(AirflowPlugin):
    """Names springtide in Airflow's list of plugins."""

    name = "springtide"
    timetables = [CalendarTimetable]  # noqa: RUF012  so the base class has it
    deadline_references = [EventStart]  # noqa: RUF012
    listeners = [run_notes]  # noqa: RUF012

    @property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # asked for by the API server alone
        """Return the pages in Airflow's own navigation, below where its pages are mounted."""
        root = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
        return [_page(root, "services", "Services"), _page(root, "events", "Events"), _tab_of_runs(root)]

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # the API server alone reads it
        """Return REST and pages, and the page of metrics. What cannot be imported is logged, and the rest is there."""
        metrics = _imported("springtide_airflow.metrics_page", "the metrics have no page")
        if metrics is None:
            return []
        web = _imported("springtide_airflow.web_app", "there is no REST and there are no pages")
        app = metrics.app if web is None else _together(metrics, web)
        return [{"app": app, "url_prefix": metrics.PREFIX, "name": "springtide"}]


def _page(root: str, page: str, title: str) -> dict[str, Any]:
    place = f"{root}/springtide/pages"
    return {
        "name": title,
        "category": "Capacity",
        "destination": "nav",
        "href": f"{place}/{page}",
        "url_route": f"springtide-{page}",
        "icon": f"{place}/static/{page}.svg",
        "icon_dark_mode": f"{place}/static/{page}-dark.svg",
    }


def _tab_of_runs(root: str) -> dict[str, Any]:
    """Return the tab of DAG runs; Airflow's page fills in both places, encoded. It stands on the runs of every DAG."""
    place = f"{root}/springtide/pages"
    return {
        "name": "Scaling",
        "destination": "dag_run",
        "href": f"{place}/runs/{{RUN_ID}}?dag={{DAG_ID}}",
        "url_route": "springtide-scaling",
        "icon": f"{place}/static/services.svg",
        "icon_dark_mode": f"{place}/static/services-dark.svg",
    }


def _imported(name: str, otherwise: str) -> ModuleType | None:
    """Return the module; None where it cannot be imported: raised, that would stop the API server."""
    try:
        return importlib.import_module(name)
    except ImportError:
        logging.getLogger(__name__).exception("%s", otherwise)
        return None


def _together(metrics: ModuleType, web: ModuleType) -> Any:
    """Return one application of both: Airflow would ask the first of two that are mounted at one prefix."""
    from springtide.errors import SpringtideError

    try:
        return web.beside(metrics.app)
    except SpringtideError:
        logging.getLogger(__name__).exception("there is no REST and there are no pages")
        return metrics.app


def _is_before_forks() -> bool:
    is_loaded_late = conf.getboolean("core", "lazy_load_plugins", fallback=True)
    return FORKING_COMMAND in sys.argv or (CELERY_COMMAND in sys.argv and not is_loaded_late)


if _is_before_forks():
    preload()
elif READING_COMMAND in sys.argv:
    _import_all(READ)
