"""The demonstration's inbox shows what was told, as text, and keeps so much and no more: deploy/airflow/inbox.py."""

from __future__ import annotations

import runpy
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from architecture.sources import ROOT

PROGRAM: dict[str, Any] = runpy.run_path(str(ROOT / "deploy" / "airflow" / "inbox.py"))


def notification(title: str = "checkout: run succeeded", message: str = "3 → 6 replicas") -> dict[str, Any]:
    return {"version": "1.0", "title": title, "message": message, "attachments": [], "type": "info"}


def alert(status: str = "firing") -> dict[str, Any]:
    words = {"summary": "A calendar is broken", "description": "Events known before stay."}
    return {"alerts": [{"status": status, "labels": {"alertname": "SpringtideCalendarBroken"}, "annotations": words}]}


@pytest.fixture
def inbox() -> Iterator[httpx.Client]:
    server = PROGRAM["server"](0, "127.0.0.1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}", trust_env=False, timeout=5) as client:
        yield client
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_empty_inbox_says_so(inbox: httpx.Client) -> None:
    assert "Nothing yet." in inbox.get("/").text


def test_it_shows_notifications_and_alerts_the_newest_first(inbox: httpx.Client) -> None:
    inbox.post("/notifications", json=notification()).raise_for_status()
    inbox.post("/alerts", json=alert()).raise_for_status()

    page = inbox.get("/").text

    assert page.index("SpringtideCalendarBroken (firing)") < page.index("checkout: run succeeded")
    assert "Events known before stay." in page
    assert "3 → 6 replicas" in page


def test_each_message_is_a_line_of_the_log(inbox: httpx.Client, capsys: pytest.CaptureFixture[str]) -> None:
    inbox.post("/notifications", json=notification(message="first\nsecond"))

    (line,) = capsys.readouterr().out.splitlines()

    assert line.endswith("notification: checkout: run succeeded: first second")


def test_what_others_wrote_is_no_markup(inbox: httpx.Client) -> None:
    inbox.post("/notifications", json=notification(title="<script>alert(1)</script>"))

    assert "<script>" not in inbox.get("/").text


def test_it_keeps_the_newest_and_no_more(inbox: httpx.Client) -> None:
    for number in range(PROGRAM["KEPT"] + 1):
        inbox.post("/notifications", json=notification(title=f"message {number}."))

    page = inbox.get("/").text

    assert page.count("<article>") == PROGRAM["KEPT"]
    assert "message 0." not in page


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/elsewhere", b"{}", 404),
        ("/alerts", b"{", 400),
        ("/alerts", b"[]", 400),
        ("/notifications", b" " * (PROGRAM["LARGEST_BODY"] + 1), 413),
    ],
    ids=["another path", "no JSON", "no object", "too large"],
)
def test_what_it_cannot_take_is_refused_and_not_shown(inbox: httpx.Client, path: str, body: bytes, status: int) -> None:
    assert inbox.post(path, content=body).status_code == status
    assert "Nothing yet." in inbox.get("/").text
