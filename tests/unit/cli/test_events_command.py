"""`springtide events`: what the calendars hold, and events of no calendar as queued runs of a (small) Airflow."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from springtide.cli.main import app
from support.builders import policy_text
from support.small_airflow import SmallAirflow

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Return the runs of a small Airflow that commands talk to, beside the policies `web` and `search`."""
    SmallAirflow.forget()
    server = ThreadingHTTPServer(("127.0.0.1", 0), SmallAirflow)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    policies = tmp_path / "policies"
    policies.mkdir()
    text = (GOLDEN / "policies" / "valid" / "fixed-only.yaml").read_text()
    (policies / "web.yaml").write_text(text)
    settings = {
        "SPRINGTIDE_AIRFLOW": f"http://127.0.0.1:{server.server_port}",
        "SPRINGTIDE_AIRFLOW_USER": "ada",
        "SPRINGTIDE_AIRFLOW_PASSWORD": "secret",
        "SPRINGTIDE_POLICIES": str(policies),
        "SPRINGTIDE_CALENDARS": str(tmp_path / "calendars"),
        "SPRINGTIDE_STORE_URL": f"sqlite:///{tmp_path}/runs.db",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    yield SmallAirflow.runs
    server.shutdown()
    thread.join()
    server.server_close()


def ahead(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).replace(microsecond=0).isoformat()


def said(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["events", *arguments])
    return done.exit_code, done.output


def test_an_event_is_queued_once_and_taken_back(runs: dict[str, Any]) -> None:
    start = ahead(hours=5)
    end = ahead(hours=6)
    add = ("add", "launch", "--start", start, "--end", end, "--service", "web=3.2x", "--lead", "45m", "--reason", "tv")

    code, output = said(*add)
    (name, run), *others = runs.items()

    assert (code, others) == (0, [])
    assert f"{name} is queued for" in output
    assert name.startswith("event__launch__2")
    assert run["logical_date"] is None  # one in the future would never have its tasks run
    due = datetime.fromisoformat(run["run_after"])
    assert due == datetime.fromisoformat(start) - timedelta(minutes=45)
    assert run["conf"]["event"]["services"] == {"web": {"multiply": "3.2x"}}
    assert run["conf"]["event"]["reason"] == "tv"
    assert said(*add)[0] == 1
    assert "event_exists" in said(*add)[1]
    assert said("cancel", "launch", "--start", start) == (0, f"{name} is cancelled.\n")
    assert runs == {}
    assert "event_unknown" in said("cancel", "launch", "--start", start)[1]


def test_a_lead_longer_than_the_notice_is_due_at_once_and_said(runs: dict[str, Any]) -> None:
    code, output = said("add", "flash", "--start", ahead(minutes=10), "--end", ahead(hours=1), "--service", "web=9")
    (run,) = runs.values()

    assert code == 0
    assert "at once, for its lead of 0:35:00 is longer than the notice" in output
    assert datetime.fromisoformat(run["run_after"]) <= datetime.now(UTC)


def test_an_event_that_is_being_prepared_is_not_taken_back(runs: dict[str, Any]) -> None:
    start = ahead(hours=5)
    said("add", "launch", "--start", start, "--end", ahead(hours=6), "--service", "web=9")
    next(iter(runs.values()))["state"] = "running"

    code, output = said("cancel", "launch", "--start", start)

    assert (code, len(runs)) == (1, 1)
    assert "event_began" in output


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"--service": "nope=9"}, "service_unknown"),
        ({"--service": "web"}, "event_invalid"),
        ({"--service": "web=0"}, "event_invalid"),
        ({"--service": "web=many"}, "event_invalid"),
        ({"--start": "2030-01-01T00:00"}, "time_invalid"),
        ({"--start": "tomorrow"}, "time_invalid"),
        ({"--end": "2020-01-01T00:00Z"}, "event_invalid"),
        ({"--start": "2020-01-01T00:00Z", "--end": "2020-01-01T01:00Z"}, "event_invalid"),
        ({"--lead": "soon"}, "event_invalid"),
        ({"--airflow": "ftp://airflow"}, "url_scheme"),
    ],
)
def test_what_cannot_be_is_refused_before_airflow_hears_of_it(
    runs: dict[str, Any], changes: dict[str, str], code: str
) -> None:
    options = {"--start": ahead(hours=5), "--end": ahead(hours=6), "--service": "web=9"} | changes

    status, output = said("add", "launch", *(word for pair in options.items() for word in pair))

    assert status == 1
    assert code in output
    assert runs == {}


def test_a_wrong_login_and_a_silent_airflow_are_told(runs: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    add = ("add", "launch", "--start", ahead(hours=5), "--end", ahead(hours=6), "--service", "web=9")
    monkeypatch.setenv("SPRINGTIDE_AIRFLOW_PASSWORD", "wrong")
    assert "airflow_login" in said(*add)[1]
    monkeypatch.delenv("SPRINGTIDE_AIRFLOW_PASSWORD")
    assert "no credentials; set SPRINGTIDE_AIRFLOW_TOKEN" in said(*add)[1]
    monkeypatch.setenv("SPRINGTIDE_AIRFLOW_TOKEN", "token-1")
    monkeypatch.setenv("SPRINGTIDE_AIRFLOW", "http://127.0.0.1:9")
    assert said(*add)[0] == 75
    assert runs == {}


def test_the_list_says_when_what_and_what_stands_in_the_way(runs: dict[str, Any], tmp_path: Path) -> None:
    assert runs == {}
    (tmp_path / "calendars").mkdir()
    (tmp_path / "calendars" / "sales.yaml").write_text(
        "apiVersion: springtide/v1\nkind: EventCalendar\nmetadata: {name: sales, owner: commerce}\nspec:\n"
        "  timezone: UTC\n  events:\n"
        f"    - {{name: flash, start: {ahead(days=2)}, duration: 1h, lead: 45m, services: {{web: {{multiply: 3x}}}}}}\n"
        f"  freezes:\n    - {{name: quiet, start: {ahead(days=1)}, duration: 3d, reason: audit}}\n"
    )

    code, output = said("list", "--output", "json")
    (row,) = json.loads(output)["rows"]

    assert code == 0
    assert row["asks"] == {"web": "3x"}
    assert datetime.fromisoformat(row["start"]) - datetime.fromisoformat(row["prepared_at"]) == timedelta(minutes=45)
    assert "by quiet (audit)" in row["obstacles"][0]
    assert "sales.flash" in said("list")[1]
    (tmp_path / "calendars" / "sales.yaml").write_text("spec: [")
    assert "policy_unreadable" in said("list")[1]


@pytest.mark.parametrize("command", ["list", "sources"])
def test_no_calendars_are_no_error_unless_their_folder_was_named(
    runs: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    assert runs == {}
    monkeypatch.chdir(tmp_path)
    named, why = said(command)
    monkeypatch.delenv("SPRINGTIDE_CALENDARS")
    default, told = said(command)

    assert (named, default) == (1, 0)
    assert "the folder of calendars cannot be read" in " ".join(why.split())
    assert "no calendars: SPRINGTIDE_CALENDARS is not set, and there is no folder calendars" in " ".join(told.split())


def test_an_event_of_a_service_that_is_only_advised_is_queued_with_a_warning(
    runs: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "policies" / "web.yaml").write_text(policy_text("web", mode="advise"))

    code, output = said("add", "launch", "--start", ahead(hours=5), "--end", ahead(hours=6), "--service", "web=9")

    assert (code, len(runs)) == (0, 1)
    assert "warning: web: mode advise: planned only, nothing is written" in " ".join(output.split())


def test_an_event_of_a_service_whose_policy_is_broken_is_refused(runs: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "policies" / "web.yaml").write_text("spec: [")

    code, output = said("add", "launch", "--start", ahead(hours=5), "--end", ahead(hours=6), "--service", "web=9")

    assert (code, runs) == (1, {})
    assert "policy_unreadable" in output


def test_the_list_says_for_whom_nothing_will_be_done(runs: dict[str, Any], tmp_path: Path) -> None:
    assert runs == {}
    for name, text in {"web": policy_text("web", mode="advise"), "mail": policy_text("mail"), "db": "spec: ["}.items():
        (tmp_path / "policies" / f"{name}.yaml").write_text(text)
    (tmp_path / "calendars").mkdir()
    (tmp_path / "calendars" / "sales.yaml").write_text(
        "apiVersion: springtide/v1\nkind: EventCalendar\nmetadata: {name: sales, owner: commerce}\nspec:\n"
        "  timezone: UTC\n  events:\n"
        f"    - {{name: flash, start: {ahead(days=2)}, duration: 1h, services: "
        "{web: {multiply: 3x}, mail: {multiply: 3x}, db: {multiply: 3x}}}\n"
    )

    (row,) = json.loads(said("list", "--output", "json")[1])["rows"]

    assert row["obstacles"] == [
        "web: mode advise: planned only, nothing is written",
        "db: its policy cannot be used (policy_unreadable); see springtide validate",
    ]


def test_a_rehearsal_of_a_known_event_is_begun_when_it_is_confirmed(runs: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "calendars"
    folder.mkdir()
    event = f"{{name: flash, start: '{ahead(days=1)}', duration: 1h, services: {{web: {{multiply: 3x}}}}}}"
    (folder / "sales.yaml").write_text(
        "apiVersion: springtide/v1\nkind: EventCalendar\nmetadata: {name: sales, owner: commerce}\n"
        f"spec: {{timezone: UTC, events: [{event}]}}\n"
    )

    refused, why = said("rehearse", "flash")
    assert (refused, runs) == (1, {})
    assert "is rehearsed with --yes only" in why
    assert said("rehearse", "flush", "--yes")[0] == 1

    code, output = said("rehearse", "sales.flash", "--yes", "--max-rate", "50", "--seconds", "20", "--no-load")
    (name, run), *others = runs.items()
    assert (code, others) == (0, [])
    assert name.startswith("rehearsal__flash__2")
    assert f"{name} of sales.flash." in output
    assert run["conf"]["event"].startswith("sales.flash.2")
    wanted = {"load_test": False, "max_rate": 50.0, "seconds": 20, "minutes": 60, "confirm": True}
    assert wanted.items() <= run["conf"].items()


def test_a_rehearsal_of_an_event_that_was_added_is_told_what_it_asks_for(runs: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "calendars").mkdir()
    times = ("--start", ahead(hours=5), "--end", ahead(hours=6))
    assert said("add", "tv-spot", *times, "--service", "web=6", "--reason", "television")[0] == 0

    code, output = said("rehearse", "ad-hoc.tv-spot", "--yes")
    assert code == 0, output

    (rehearsal,) = (run["conf"] for name, run in runs.items() if name.startswith("rehearsal__"))
    assert (code, "of ad-hoc.tv-spot." in output) == (0, True)
    assert rehearsal["event"].startswith("ad-hoc.tv-spot.2")
    assert rehearsal["services"] == {"web": {"replicas": 6}}


def test_what_is_left_out_is_told_and_the_rest_is_shown_all_the_same(runs: dict[str, Any], tmp_path: Path) -> None:
    assert runs == {}
    folder = tmp_path / "calendars"
    folder.mkdir()
    asks = "services: {web: {replicas: 3}}"
    (folder / "sales.yaml").write_text(
        "apiVersion: springtide/v1\nkind: EventCalendar\nmetadata: {name: sales, owner: commerce}\nspec:\n"
        f"  timezone: UTC\n  events:\n    - {{name: flash, start: {ahead(days=2)}, duration: 1h, lead: 45m, {asks}}}\n"
        f"  imports:\n    - {{name: feed, ical: feed.ics, lead: 45m, {asks}}}\n"
    )
    (folder / "feed.ics").write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:[b]Sale[/b]\nDTSTART:soon\nEND:VEVENT\n"
        "BEGIN:VEVENT\nUID:2\nSUMMARY:Off\nSTATUS:CANCELLED\nEND:VEVENT\nEND:VCALENDAR\n"
    )

    status, output = said("list")
    as_json = said("list", "--output", "json")[1]
    sources = said("sources")[1]

    assert status == 1
    assert "sales.flash" in output
    assert "sales.flash" in as_json
    for text in (output, sources):
        assert "flash (sales.yaml): 1 event, 1 counted, 0 left out; 1 time ahead, next " in text
        assert "feed (feed.ics): 2 events, 0 counted, 2 left out: 1 unreadable ([b]Sale[/b]), 1 cancelled (Off)" in text
        assert "nothing is ahead" in text
        assert "feed.ics:5: spec.imports.feed: UID 1: DTSTART 'soon' is no time" in " ".join(text.split())
    assert '"left_out"' in said("sources", "--output", "json")[1]


class TestFetching:
    """What is fetched and how: `unit/events/test_feed_fetch.py`. Here no address leads anywhere."""

    TEXT = (
        "apiVersion: springtide/v1\nkind: EventCalendar\nmetadata: {name: sales, owner: shop}\nspec:\n  timezone: UTC\n"
        "  events: [{name: broken}]\n"
        "  imports:\n"
        "    - {name: team, ical: team.ics, connection: team-calendar, services: {web: {replicas: 3}}}\n"
        "    - {name: file, ical: file.ics, services: {web: {replicas: 3}}}\n"
        "  freeze_imports: [{name: freeze, reason: change freeze, ical: freeze.ics, connection: freezes}]\n"
    )

    def calendars(self, tmp_path: Path) -> list[str]:
        folder = tmp_path / "calendars"
        folder.mkdir()
        (folder / "sales.yaml").write_text(self.TEXT)
        return ["events", "fetch", "--calendars", str(folder)]

    def test_without_an_address_nothing_is_fetched_and_the_variable_is_told(self, tmp_path: Path) -> None:
        result = CliRunner().invoke(app, self.calendars(tmp_path))

        assert result.exit_code == 1
        assert "team.ics (team-calendar) kept: SPRINGTIDE_FEED_TEAM_CALENDAR is not set" in result.output
        assert "freeze.ics (freezes) kept: SPRINGTIDE_FEED_FREEZES is not set" in result.output
        assert "file.ics" not in result.output
        assert "2 of 2 feeds could not be fetched" in result.output

    def test_an_address_that_is_refused_is_not_shown(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SPRINGTIDE_FEED_TEAM_CALENDAR", "http://calendar.example.com/secret.ics")
        monkeypatch.setenv("SPRINGTIDE_FEED_FREEZES", "https://127.0.0.1/secret.ics")

        result = CliRunner().invoke(app, [*self.calendars(tmp_path), "--output", "json"])

        told = json.loads(result.stdout)
        assert [row["outcome"] for row in told] == ["kept", "kept"]
        assert "its scheme must be https" in told[0]["problem"]
        assert "127.0.0.1, which is no address of the Internet" in told[1]["problem"]
        assert "secret" not in result.output

    def test_calendars_without_connections_have_nothing_to_fetch(self, tmp_path: Path) -> None:
        command = self.calendars(tmp_path)
        (tmp_path / "calendars" / "sales.yaml").write_text("spec: [")

        assert CliRunner().invoke(app, command).exit_code == 0
