"""The page of metrics as the API server mounts it, and metrics that Airflow's tasks write to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI

from springtide.record.exposition import FILE
from springtide.record.looks import event_late
from springtide_airflow.clock import system_clock
from springtide_airflow.wiring import AIRFLOW

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from starlette.testclient import TestClient

TOKEN = "a-token-of-the-page"

pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning", "ignore:Using `httpx`")


def mounted() -> TestClient:
    """Return a client of what the API server would mount."""
    from airflow import plugins_manager
    from starlette.testclient import TestClient

    apps, _ = plugins_manager.get_fastapi_plugins()
    root = FastAPI()
    for each in apps:
        root.mount(each["url_prefix"], each["app"])
    return TestClient(root)


def bearer(token: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {token}"}}


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of the token that the environment names; the store is one of its own."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    monkeypatch.setenv("SPRINGTIDE_METRICS_TOKEN_FILE", str(file))
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", f"sqlite:///{tmp_path}/runs.db")
    return file


def test_the_page_shows_what_the_store_counted(bag: DagBag, configured: Path) -> None:
    assert bag.dags
    assert configured.is_file()
    with AIRFLOW.open_store() as store:
        store.measure(event_late(["flash"], now=system_clock().now()))

    answer = mounted().get("/springtide/metrics", **bearer(TOKEN))

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert 'springtide_event_late_timestamp_seconds{event="flash"}' in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_nobody_else_reads_it(bag: DagBag, configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bag.dags
    assert configured.is_file()
    client = mounted()

    wrong = client.get("/springtide/metrics", **bearer("another-token"))
    monkeypatch.delenv("SPRINGTIDE_METRICS_TOKEN_FILE")
    closed = client.get("/springtide/metrics", **bearer(TOKEN))

    assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, "Bearer")
    assert closed.status_code == 403
    assert client.get("/springtide/openapi.json").status_code == 404
    assert client.get("/springtide/docs").status_code == 404


def test_a_store_that_cannot_be_used_is_no_trace(
    bag: DagBag, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bag.dags
    assert configured.is_file()
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", "mysql://root:hidden@db/runs")

    answer = mounted().get("/springtide/metrics", **bearer(TOKEN))

    assert answer.status_code == 503
    assert "hidden" not in answer.text
    assert "Traceback" not in answer.text


def test_tasks_show_metrics_in_the_folder_that_is_set(
    configured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert configured.is_file()
    monkeypatch.setenv("SPRINGTIDE_METRICS_DIRECTORY", str(tmp_path / "textfiles"))

    with AIRFLOW.open_store() as store:
        store.measure(event_late(["flash"], now=system_clock().now()))

    assert "flash" in (tmp_path / "textfiles" / FILE).read_text()
    assert [path.name for path in (tmp_path / "textfiles").iterdir()] == [FILE]
