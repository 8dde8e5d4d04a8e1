"""`springtide events check`, `show`, `list`, `add` and `cancel`: what a person is told, and the exit code."""

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

from springtide.cli.event_card import WIDTH, card_lines
from springtide.cli.main import app
from springtide.overview.events import Light
from support.builders import NOW, policy_text
from support.event_views import event_check, readiness
from support.small_airflow import SmallAirflow

NO_AIRFLOW = "http://127.0.0.1:9"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder with the policy `web` of at most 50, and a small Airflow that is logged in to."""
    SmallAirflow.forget()
    server = ThreadingHTTPServer(("127.0.0.1", 0), SmallAirflow)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    for name in ("policies", "calendars"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"SPRINGTIDE_{name.upper()}", str(tmp_path / name))
    (tmp_path / "policies" / "web.yaml").write_text(policy_text("web"))
    monkeypatch.setenv("SPRINGTIDE_AIRFLOW", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("SPRINGTIDE_AIRFLOW_USER", "ada")
    monkeypatch.setenv("SPRINGTIDE_AIRFLOW_PASSWORD", "secret")
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", f"sqlite:///{tmp_path}/runs.db")
    yield tmp_path
    server.shutdown()
    thread.join()
    server.server_close()


def ahead(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).replace(microsecond=0).isoformat()


def calendar(folder: Path, asks: str = "replicas: 12", name: str = "flash") -> None:
    (folder / "calendars" / "sales.yaml").write_text(
        "apiVersion: springtide/v1\nkind: EventCalendar\nmetadata: {name: sales, owner: commerce}\nspec:\n"
        "  timezone: UTC\n  events:\n"
        f"    - {{name: {name}, start: {ahead(days=2)}, duration: 1h, lead: 45m, services: {{web: {{{asks}}}}}}}\n"
    )


def said(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["events", *arguments])
    return done.exit_code, done.stdout


def add(*more: str, asks: str = "web=12", name: str = "launch") -> tuple[int, str]:
    done = CliRunner().invoke(
        app,
        ["events", "add", name, "--start", ahead(hours=5), "--end", ahead(hours=6), "--service", asks, *more],
    )
    return done.exit_code, " ".join(done.output.split())


class TestChecking:
    def test_an_event_that_cannot_be_met_is_red_and_the_exit_code_says_so(self, folder: Path) -> None:
        calendar(folder, "replicas: 80")

        code, output = said("check")

        assert code == 1
        assert "sales.flash: RED" in output
        assert "✗ policy maximum: web: asks for 80, replicas.max is 50, so it gets 50" in output
        assert "→ Raise replicas.max to 80, or ask for at most 50." in output

    def test_what_was_not_checked_is_told_and_is_no_failure(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calendar(folder)
        monkeypatch.setenv("SPRINGTIDE_AIRFLOW", NO_AIRFLOW)

        code, output = said("check", "flash", "--no-cluster")

        assert code == 0
        assert "sales.flash: AMBER" in output
        assert "not checked for web: HPA maximum, quota and nodes: no cluster was asked" in " ".join(output.split())
        assert "? airflow: Airflow was not asked (" in output

    def test_all_lines_fit_on_80_columns(self, folder: Path) -> None:
        calendar(folder, "replicas: 80")

        lines = [line for line in said("show", "flash")[1].splitlines() if "http" not in line]

        assert [line for line in lines if len(line) > WIDTH] == []

    def test_programs_get_the_same_card(self, folder: Path) -> None:
        calendar(folder, "replicas: 80")

        code, output = said("check", "-o", "json", "--no-cluster")
        (card,) = json.loads(output)

        assert (code, card["light"]) == (1, "red")
        assert {"name": "adjust_capacity", "light": "green"}.items() <= {
            key: value for check in card["checks"] if check["name"] == "adjust_capacity" for key, value in check.items()
        }.items()

    def test_a_name_that_nothing_has_is_refused_with_those_that_there_are(self, folder: Path) -> None:
        calendar(folder)

        done = CliRunner().invoke(app, ["events", "show", "flush"])

        assert done.exit_code == 1
        assert "there are: sales.flash" in " ".join(done.output.split())

    def test_where_nothing_is_ahead_it_is_said(self, folder: Path) -> None:
        assert folder.is_dir()
        assert said("check", "--days", "1") == (0, "no event begins within 1 day\n")


class TestTheCard:
    def test_a_short_one_leaves_out_what_is_green_and_says_how_much(self) -> None:
        card = readiness(event_check("cap"), event_check("quota", Light.RED, sentence="needs 12, 3 are free"))

        lines = [line for line, _ in card_lines(card, NOW, is_whole=False)]

        assert "  ✗ quota: web: needs 12, 3 are free" in lines
        assert "  ✓ 1 more check is green" in lines
        assert not any("cap:" in line for line in lines)

    def test_a_whole_one_has_the_waves_and_what_it_costs(self) -> None:
        lines = [line for line, _ in card_lines(readiness(), NOW, is_whole=True)]

        assert "  wave 1: web 2 → 6 → 12 (waits, 2 ready)" in lines
        assert lines[-1] == "  holding it: 12 pods, 10 of them only for it, 144 pod-hours"
        assert "(tomorrow 0:00)" in lines[1]


class TestListing:
    def test_added_events_stand_in_it_with_the_name_that_cancel_wants(self, folder: Path) -> None:
        calendar(folder)
        assert add()[0] == 0

        rows = json.loads(said("list", "-o", "json")[1])["rows"]

        assert [(row["event"], row["origin"], row["owner"]) for row in rows] == [
            ("launch", "added", "ada"),
            ("flash", "calendar", "commerce"),
        ]
        assert "added by ada" in said("list")[1]
        assert said("cancel", "launch")[0] == 0
        assert [row["event"] for row in json.loads(said("list", "-o", "json")[1])["rows"]] == ["flash"]

    def test_where_airflow_does_not_answer_it_says_what_is_missing(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calendar(folder)
        monkeypatch.setenv("SPRINGTIDE_AIRFLOW", NO_AIRFLOW)

        code, output = said("list")
        told = " ".join(output.split())

        assert code == 0
        assert "not in this list: events that were added by hand: Airflow was not asked (" in told
        assert "whether adjust_capacity is on, and gives anything back, is not known" in told

    def test_a_paused_sweep_and_what_cannot_be_met_are_told(self, folder: Path) -> None:
        calendar(folder, "replicas: 80")
        SmallAirflow.dags["adjust_capacity"] = True

        overview = json.loads(said("list", "-o", "json")[1])

        assert overview["rows"][0]["obstacles"] == ["web: asks for 80, replicas.max is 50, so it gets 50"]
        assert overview["warnings"] == ["sales.flash: adjust_capacity is paused: nobody will give back web at all"]


class TestAdding:
    def test_what_cannot_be_met_is_refused_with_both_numbers_and_what_to_do(self, folder: Path) -> None:
        assert folder.is_dir()
        code, output = add(asks="web=80")

        assert (code, SmallAirflow.runs) == (1, {})
        assert "web: asks for 80, replicas.max is 50, so it gets 50. Raise replicas.max to 80" in output

    def test_a_paused_sweep_is_a_warning(self, folder: Path) -> None:
        assert folder.is_dir()
        SmallAirflow.dags["adjust_capacity"] = True

        code, output = add()

        assert (code, len(SmallAirflow.runs)) == (0, 1)
        assert "warning: adjust_capacity is paused: nobody will give back web at all" in output

    def test_a_lead_of_its_own_is_not_its_calendars(self, folder: Path) -> None:
        assert folder.is_dir()

        assert "Lead 45m: as it was asked for." in add("--lead", "45m")[1]

    def test_the_owner_is_who_airflow_knows(self, folder: Path) -> None:
        assert folder.is_dir()
        add()

        (run,) = SmallAirflow.runs.values()
        assert run["conf"]["event"]["owner"] == "ada"


class TestCancelling:
    def told(self, *arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["events", "cancel", *arguments])
        return done.exit_code, " ".join(done.output.split())

    def test_an_event_of_a_calendar_is_taken_out_of_its_file(self, folder: Path) -> None:
        calendar(folder)

        for arguments in (("flash",), ("sales.flash",), ("flash", "--start", ahead(days=2))):
            code, output = self.told(*arguments)
            assert code == 1
            assert "is in sales.yaml: remove it there, or freeze its services" in output

    def test_of_several_of_one_name_the_start_is_asked_for(self, folder: Path) -> None:
        assert folder.is_dir()
        add()
        other: dict[str, Any] = dict(next(iter(SmallAirflow.runs.values())))
        SmallAirflow.runs["event__launch__20301111T100000Z"] = other | {"dag_run_id": "event__launch__20301111T100000Z"}

        code, output = self.told("launch")

        assert code == 1
        assert "begins at several times" in output

    def test_where_airflow_does_not_answer_the_start_is_asked_for(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert folder.is_dir()
        monkeypatch.setenv("SPRINGTIDE_AIRFLOW", NO_AIRFLOW)

        assert "Give its start." in self.told("launch")[1]
