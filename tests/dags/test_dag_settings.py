"""Settings as Airflow's processes see them: one store for all of them, and no password in a message."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from springtide.errors import InputError
from springtide.events.schedule import ScheduledPreparation
from springtide.record.model import RunOutcome, ScalingRun
from springtide.record.sql import open_store
from springtide.workload import Workload
from springtide_airflow import settings
from springtide_airflow.folders import calendar_folder
from springtide_airflow.hook import SpringtideHook
from springtide_airflow.wiring import AIRFLOW
from support.builders import policy_text

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

ROOT = Path(__file__).parents[2]


def connect(monkeypatch: pytest.MonkeyPatch, **fields: object) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SPRINGTIDE_STORE", json.dumps(fields))


def test_the_store_is_the_connection_s_else_the_environment_s_else_in_airflow_home(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SPRINGTIDE_STORE_URL")
    in_home = settings.store_url()
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", "postgresql://db/runs")
    in_environment = settings.store_url()
    connect(monkeypatch, conn_type="postgres", host="db", schema="other")
    in_connection = settings.store_url()

    assert in_home == f"sqlite:///{os.environ['AIRFLOW_HOME']}/springtide/runs.db"
    assert in_environment == "postgresql://db/runs"
    assert in_connection == "postgresql+psycopg://db/other"


def test_an_airflow_variable_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", "postgresql://db/runs")
    monkeypatch.setenv("AIRFLOW_VAR_SPRINGTIDE_STORE_URL", "postgresql://db/other")

    assert settings.store_url() == "postgresql://db/runs"


def test_tasks_and_the_timetable_have_one_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    connect(monkeypatch, conn_type="sqlite", host=str(tmp_path / "runs.db"))

    with SpringtideHook().store() as store:
        store.save(finished(1))

    for open_again in (calendar_folder().open_store, AIRFLOW.open_store):
        with open_again() as store:
            assert store.get("run-1").run_id == "run-1"


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"conn_type": "postgres", "host": "db", "schema": "runs"}, "postgresql+psycopg://db/runs"),
        (
            {"conn_type": "postgresql", "host": "db", "port": 5433, "schema": "runs"},
            "postgresql+psycopg://db:5433/runs",
        ),
        (
            {"conn_type": "postgres", "host": "db", "schema": "runs", "login": "me", "password": "a@b:c/d"},
            "postgresql+psycopg://me:a%40b%3Ac%2Fd@db/runs",
        ),
        (
            {"conn_type": "postgres", "host": "db", "schema": "runs", "extra": {"sslmode": "require", "keepalives": 1}},
            "postgresql+psycopg://db/runs?sslmode=require",
        ),
        ({"conn_type": "sqlite", "host": "/var/lib/runs.db"}, "sqlite:////var/lib/runs.db"),
        ({"conn_type": "sqlite", "schema": "/var/lib/runs.db"}, "sqlite:////var/lib/runs.db"),
    ],
)
def test_a_connection_is_a_url(monkeypatch: pytest.MonkeyPatch, fields: dict[str, object], url: str) -> None:
    connect(monkeypatch, **fields)

    assert settings.store_url() == url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("postgresql+psycopg://me:hidden@db:5432/runs", "postgresql+psycopg://me:hidden@db:5432/runs"),
        ("postgresql://me:hidden@db/runs", "postgresql+psycopg://me:hidden@db/runs"),
        ("postgres://me:hidden@db/runs?sslmode=require", "postgresql+psycopg://me:hidden@db/runs?sslmode=require"),
        ("sqlite:////var/lib/runs.db", "sqlite:////var/lib/runs.db"),
    ],
)
def test_a_connection_may_be_written_as_a_url(monkeypatch: pytest.MonkeyPatch, text: str, url: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SPRINGTIDE_STORE", text)

    assert settings.store_url() == url


@pytest.mark.parametrize(
    "fields",
    [
        {"conn_type": "mysql", "host": "db", "schema": "runs"},
        {"conn_type": "postgres", "schema": "runs"},
        {"conn_type": "postgres", "host": "db"},
        {"conn_type": "sqlite"},
    ],
)
def test_a_connection_that_is_no_store_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, object]
) -> None:
    connect(monkeypatch, **fields, login="me", password="hidden")

    with pytest.raises(InputError) as refused:
        settings.store_url()

    assert (refused.value.code, refused.value.field) == ("store_url_invalid", "springtide_store")
    assert "hidden" not in refused.value.message


def test_a_connection_that_a_process_may_not_read_is_not_replaced_by_another_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

    def denied(_conn_id: str) -> None:
        raise AirflowSecretsBackendAccessDenied("denied")

    monkeypatch.setattr(Connection, "get", denied)

    with pytest.raises(InputError, match="does not let this process read it"):
        settings.store_url()


def test_files_are_beside_the_plugins_and_in_airflow_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPRINGTIDE_POLICIES")
    home = Path(os.environ["AIRFLOW_HOME"])

    told = settings.airflow_settings()

    assert (told.policies, told.calendars) == (ROOT / "policies", ROOT / "calendars")
    assert (told.pages, told.demand_cache) == (home / "springtide" / "pages", home / "springtide" / "demand")
    assert calendar_folder().memory_file == home / "springtide" / "known-events.json"


def finished(number: int, lasted: timedelta = timedelta(minutes=2)) -> ScalingRun:
    began = datetime.now(UTC) - timedelta(hours=1 + number)
    target = Workload(namespace="shop", deployment="web", service="web")
    plan = {"current": 2, "replicas": 4}
    run = ScalingRun(
        run_id=f"run-{number}",
        policy="web",
        target=target,
        strategy="in_place",
        requested_by="ada",
        reason="",
        started_at=began,
        plan=plan,
    )
    return run.with_outcome(RunOutcome.SUCCEEDED, at=began + lasted)


def test_runs_in_airflow_show_their_metrics(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", f"sqlite:///{tmp_path}/runs.db")
    monkeypatch.setenv("SPRINGTIDE_METRICS_DIRECTORY", str(tmp_path))

    with SpringtideHook().store() as store:
        store.save(finished(1))

    assert "springtide_runs_total" in (tmp_path / "springtide.prom").read_text()


@pytest.mark.timeout(600)  # a DAG processor that starts, beside other tests
def test_the_dag_processor_learns_leads_from_the_store_of_the_connection(bag: DagBag, tmp_path: Path) -> None:
    """The connection stands in Airflow's database: nothing in the environment leads to the store."""
    assert bag.dags
    place = Processor(tmp_path)
    begins = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=5)
    place.write_calendar(begins)
    place.keep_runs(timedelta(minutes=2))
    place.add_connection()

    place.parse()

    (firing,) = place.firings()
    assert firing.start == begins
    assert firing.at == begins - timedelta(minutes=7)  # what runs took, and 5 of margin


class Processor:
    """An Airflow of its own, whose DAG processor reads one DAG file once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "airflow.db"
        self.store = folder / "elsewhere" / "runs.db"
        for name in ("dags", "calendars", "policies"):
            (folder / name).mkdir()
        shutil.copy(ROOT / "dags" / "prepare_events.py", folder / "dags")
        ready = Path(os.environ["AIRFLOW_HOME"]) / "airflow.db"
        with closing(sqlite3.connect(ready)) as source, closing(sqlite3.connect(self.database)) as copy:
            source.backup(copy)  # a copy of the file alone would lack what is still in its write-ahead log

    def write_calendar(self, begins: datetime) -> None:
        lines = [
            "apiVersion: springtide/v1",
            "kind: EventCalendar",
            "metadata: {name: sales, owner: commerce}",
            "spec:",
            "  timezone: UTC",
            "  events:",
            f"    - name: flash\n      start: {begins:%Y-%m-%dT%H:%M:%S}\n      duration: 1h",
            "      services: {web: {replicas: 9}}",
        ]
        (self.folder / "calendars" / "sales.yaml").write_text("\n".join(lines))
        (self.folder / "policies" / "web.yaml").write_text(policy_text())

    def keep_runs(self, lasted: timedelta) -> None:
        with open_store(f"sqlite:///{self.store}") as store:
            for number in range(5):
                store.save(finished(number, lasted))

    def add_connection(self) -> None:
        columns = "(conn_id, conn_type, host, is_encrypted, is_extra_encrypted)"
        row = ("springtide_store", "sqlite", str(self.store))
        with closing(sqlite3.connect(self.database)) as database, database:
            database.execute(f"INSERT INTO connection {columns} VALUES (?, ?, ?, 0, 0)", row)

    def parse(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SPRINGTIDE_")}
        environment |= {
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.folder / "dags"),
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
            # The copied database may hold what another test wrote seconds ago, which Airflow keeps for 30 s.
            "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
            "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "300",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.database}",
            "SPRINGTIDE_CALENDARS": str(self.folder / "calendars"),
            "SPRINGTIDE_POLICIES": str(self.folder / "policies"),
            "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("include", "plugins")),
        }
        command = [sys.executable, "-m", "airflow", "dag-processor", "--num-runs", "1"]
        done = subprocess.run(
            command, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=500, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]

    def firings(self) -> list[ScheduledPreparation]:
        query = "SELECT data FROM serialized_dag WHERE dag_id = 'prepare_events' ORDER BY last_updated DESC"
        with closing(sqlite3.connect(self.database)) as database:
            (data,) = database.execute(query).fetchone()
        known = json.loads(data)["dag"]["timetable"]["__var"]
        assert not known["problem"], known
        return [ScheduledPreparation.from_record(record) for record in known["firings"]]
