"""`springtide validate`: every error of every file, for people, for programs and for a code review; no cluster."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from springtide.cli.main import app
from support.builders import policy_text

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden"
INVALID = sorted([*GOLDEN.glob("policies/invalid/*/*.yaml"), *GOLDEN.glob("calendars/invalid/*/*.yaml")])
EXAMPLES = sorted({path.parent for path in ROOT.glob("examples/**/policies/*.yaml")})
CALENDAR = """\
apiVersion: springtide/v1
kind: EventCalendar
metadata: {name: sales, owner: commerce}
spec:
  timezone: UTC
  events:
"""


def validate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["validate", *map(str, arguments)])


def record(*places: Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(validate(*places, "--output", "json").stdout)
    return answer


def codes(*places: Path) -> list[str]:
    return [error["code"] for error in record(*places)["errors"]]


def service(name: str, **spec: Any) -> str:
    return policy_text(name, **{"target": {"namespace": "shop", "deployment": name, "service": name}} | spec)


def event(name: str, *services: str, day: datetime | None = None) -> str:
    asks = ", ".join(f"{each}: {{replicas: 9}}" for each in services)
    start = day or datetime.now(UTC) + timedelta(days=3)
    return f"    - {{name: {name}, start: {start:%Y-%m-%dT%H:%M}, duration: 1h, lead: 1h, services: {{{asks}}}}}\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of two policies and a calendar, with nothing wrong in it."""
    for name in ("policies", "calendars"):
        (tmp_path / name).mkdir()
    (tmp_path / "policies" / "checkout.yaml").write_text(service("checkout", after=["orders"]))
    (tmp_path / "policies" / "orders.yml").write_text(service("orders"))
    (tmp_path / "calendars" / "sales.yaml").write_text(CALENDAR + event("flash", "checkout", "orders"))
    return tmp_path


class TestWhatIsRight:
    def test_is_counted_and_ends_with_0(self, repository: Path) -> None:
        done = validate(repository)

        assert (done.exit_code, done.stdout) == (0, "2 policies and 1 calendar: 0 errors, 0 warnings\n")

    @pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.parent.name)
    def test_the_examples_are(self, folder: Path) -> None:
        done = validate(folder)

        assert done.exit_code == 0, done.stdout

    def test_folders_may_be_named_one_by_one(self, repository: Path) -> None:
        assert validate(repository / "policies", repository / "calendars").exit_code == 0

    def test_files_are_judged_with_what_is_beside_them(self, repository: Path) -> None:
        assert validate(repository / "policies" / "checkout.yaml").exit_code == 0
        assert validate(repository / "calendars" / "sales.yaml").exit_code == 0

    def test_other_files_of_a_repository_are_left_alone(self, repository: Path) -> None:
        (repository / "compose.yaml").write_text("services: {web: {image: nginx}}")
        (repository / "broken.yml").write_text("{{ template }}")

        assert record(repository)["valid"] is True

    def test_a_policy_beside_the_folders_counts(self, repository: Path) -> None:
        (repository / "web.yaml").write_text(service("web"))

        assert record(repository)["policies"] == 3


class TestWhatIsWrong:
    @pytest.mark.parametrize("path", INVALID, ids=lambda path: f"{path.parts[-4]}-{path.stem}")
    def test_is_told_of_every_file_as_its_reader_tells_it(self, path: Path, tmp_path: Path) -> None:
        folder = tmp_path / path.parts[-4]
        shutil.copytree(path.parent, folder)

        done = validate(folder / path.name)

        printed = done.stdout.replace(f"{folder}/", "").splitlines()
        assert [line for line in path.with_suffix(".txt").read_text().splitlines() if line not in printed] == []
        assert done.exit_code == 1

    def test_is_told_of_all_files_at_once(self, repository: Path) -> None:
        (repository / "policies" / "orders.yml").write_text("spec: [")
        (repository / "policies" / "search.yaml").write_text(service("search", replicas={"min": 9, "max": 2}))
        (repository / "calendars" / "sales.yaml").write_text(CALENDAR + "    - {name: flash}\n")

        files = [Path(error["file"]).name for error in record(repository)["errors"]]

        assert list(dict.fromkeys(files)) == ["orders.yml", "search.yaml", "sales.yaml"]

    def test_a_service_of_a_calendar_has_a_policy(self, repository: Path) -> None:
        (repository / "calendars" / "sales.yaml").write_text(CALENDAR + event("flash", "checkout", "serch"))

        (error,) = record(repository)["errors"]

        assert (error["code"], error["line"]) == ("service_unknown", 7)
        assert "there is no policy serch; there are: checkout, orders" in error["message"]

    def test_what_comes_before_a_service_has_a_policy(self, repository: Path) -> None:
        (repository / "policies" / "checkout.yaml").write_text(service("checkout", after=["order"]))

        (error,) = record(repository)["errors"]

        assert (error["field"], error["code"]) == ("spec.after", "service_unknown")
        assert "did you mean orders?" in error["message"]

    def test_a_circle_is_none_s_order(self, repository: Path) -> None:
        (repository / "policies" / "orders.yml").write_text(service("orders", after=["checkout"]))

        assert codes(repository) == ["policy_inconsistent"]

    def test_one_policy_is_one_file(self, repository: Path) -> None:
        (repository / "policies" / "orders.yaml").write_text(service("orders"))

        done = validate(repository)

        assert "policy_duplicate_name" in done.stdout
        assert "orders.yaml" in done.stdout
        assert "orders.yml" in done.stdout

    def test_one_calendar_is_one_file(self, repository: Path) -> None:
        (repository / "calendars" / "sales.yml").write_text((repository / "calendars" / "sales.yaml").read_text())

        assert codes(repository) == ["policy_duplicate_name"]

    def test_a_file_is_called_as_what_it_holds(self, repository: Path) -> None:
        (repository / "policies" / "web.yaml").write_text(service("search"))

        assert codes(repository) == ["policy_name_mismatch"]

    def test_a_folder_without_any_file_is_not_valid(self, tmp_path: Path) -> None:
        assert codes(tmp_path) == ["nothing_to_validate"]

    def test_a_file_that_is_neither_is_judged_by_its_folder(self, repository: Path) -> None:
        (repository / "policies" / "web.yaml").write_text("kind: EventCalendar")
        (repository / "calendars" / "feast.yaml").write_text("kind: Deployment")

        counted = record(repository)

        assert (counted["policies"], counted["calendars"]) == (3, 2)

    def test_a_place_that_is_not_there_is_a_wrong_call(self, tmp_path: Path) -> None:
        assert validate(tmp_path / "none").exit_code == 2
        assert validate().exit_code == 2


class TestWarnings:
    def test_an_event_under_a_freeze_is_one_for_each_service_and_ends_with_0(self, repository: Path) -> None:
        begins = datetime.now(UTC) + timedelta(days=3)
        freeze = f"""\
  freezes:
    - {{name: quarter, reason: the books close, start: {begins - timedelta(days=1):%Y-%m-%dT%H:%M}, duration: 2d}}
"""
        text = CALENDAR + event("flash", "checkout", "orders", day=begins) + freeze
        (repository / "calendars" / "sales.yaml").write_text(text)

        answer = record(repository)

        assert answer["valid"] is True
        assert [(each["code"], each["field"], each["line"]) for each in answer["warnings"]] == [
            ("event_frozen", "spec.events[0]", 7)
        ] * 2
        assert "checkout is frozen until" in answer["warnings"][0]["message"]
        assert validate(repository).exit_code == 0
        assert "(a warning)" in validate(repository).stdout

    def test_an_event_that_a_service_is_only_advised_of_is_told_once_with_the_first(self, repository: Path) -> None:
        begins = datetime.now(UTC) + timedelta(days=3)
        text = service("checkout", mode="advise")
        (repository / "policies" / "checkout.yaml").write_text(text)
        calendar = CALENDAR + event("flash", "checkout", day=begins) + event("feast", "checkout", day=begins)
        (repository / "calendars" / "sales.yaml").write_text(calendar)

        (warning,) = record(repository)["warnings"]

        assert (warning["code"], warning["field"]) == ("event_advised", "spec.mode")
        assert Path(warning["file"]).name == "checkout.yaml"
        assert "asks for it, and is planned only; write mode: act" in warning["message"]

    def test_advice_without_an_event_is_no_warning(self, repository: Path) -> None:
        text = service("web", mode="advise")
        (repository / "policies" / "web.yaml").write_text(text)

        assert record(repository)["warnings"] == []

    def test_both_kinds_in_one_folder_are_told(self, tmp_path: Path) -> None:
        (tmp_path / "web.yaml").write_text(service("web"))
        (tmp_path / "sales.yaml").write_text(CALENDAR + event("flash", "web"))

        answer = record(tmp_path)

        assert (answer["policies"], answer["calendars"], answer["valid"]) == (1, 1, True)
        assert [each["code"] for each in answer["warnings"]] == ["folder_mixed"]


FEED = """\
BEGIN:VCALENDAR
BEGIN:VEVENT
UID:1@league
SUMMARY:Cup
DTSTART:{tomorrow}T180000Z
DTEND:{tomorrow}T200000Z
END:VEVENT
BEGIN:VEVENT
UID:2@league
SUMMARY:Friendly
STATUS:CANCELLED
DTSTART:{tomorrow}T180000Z
DTEND:{tomorrow}T200000Z
END:VEVENT
BEGIN:VEVENT
UID:3@league
SUMMARY:Draw
DTSTART:{tomorrow}T180000Z
END:VEVENT
{more}END:VCALENDAR
"""
BROKEN = "BEGIN:VEVENT\nUID:4@league\nSUMMARY:Final\nDTSTART:tomorrow\nEND:VEVENT\n"


class TestFeeds:
    @pytest.fixture
    def feed(self, repository: Path) -> Path:
        """The file of a feed that the repository's calendar, a .yml, imports."""
        imports = "  imports:\n    - {name: matches, ical: league.ics, services: {checkout: {replicas: 9}}}\n"
        (repository / "calendars" / "sales.yaml").unlink()
        (repository / "calendars" / "sales.yml").write_text(CALENDAR.replace("  events:\n", imports))
        return repository / "calendars" / "league.ics"

    def write(self, feed: Path, more: str = "", *, days: int = 1) -> None:
        day = datetime.now(UTC) + timedelta(days=days)
        feed.write_text(FEED.format(tomorrow=f"{day:%Y%m%d}", more=more))

    def test_what_is_left_out_is_counted_and_named(self, repository: Path, feed: Path) -> None:
        self.write(feed)

        line = (
            "sales: matches (league.ics): 3 events, 1 counted, 2 left out: 1 cancelled (Friendly), "
            "1 lasting no time (Draw)"
        )
        assert line in validate(repository).stdout.splitlines()
        (source,) = record(repository)["sources"]
        assert (source["in_file"], source["counted"]) == (3, 1)
        assert source["left_out"] == {"cancelled": ["Friendly"], "lasting no time": ["Draw"]}

    def test_what_is_odd_is_a_warning_at_its_line(self, repository: Path, feed: Path) -> None:
        self.write(feed)

        answer = record(repository)

        assert answer["valid"] is True
        assert [(each["code"], each["file"], each["line"]) for each in answer["warnings"]] == [
            ("event_doubtful", str(feed), 15)
        ]
        (line,) = validate(repository, "--output", "github").stdout.splitlines()
        assert line.startswith(f"::warning file={feed},line=15,title=event_doubtful::spec.imports.matches: ")

    def test_an_event_that_cannot_be_read_is_an_error_at_its_line(self, repository: Path, feed: Path) -> None:
        self.write(feed, BROKEN)

        (error,) = record(repository)["errors"]

        assert (error["code"], error["file"], error["line"]) == ("event_unreadable", str(feed), 23)
        assert validate(repository).exit_code == 1
        assert f"::error file={feed},line=23" in validate(repository, "--output", "github").stdout

    def test_a_feed_that_cannot_be_read_is_an_error(self, repository: Path, feed: Path) -> None:
        feed.write_text("no calendar")

        assert codes(repository) == ["policy_unreadable"]

    def test_a_feed_with_nothing_ahead_is_a_warning(self, repository: Path, feed: Path) -> None:
        self.write(feed, days=-9)

        assert "source_idle" in [each["code"] for each in record(repository)["warnings"]]

    def test_what_is_odd_in_the_calendar_is_told_at_its_entry(self, repository: Path) -> None:
        holidays = "  holidays:\n    - {name: days, country: DE, only: [Estar], services: {orders: {replicas: 9}}}\n"
        (repository / "calendars" / "sales.yaml").unlink()
        calendar = repository / "calendars" / "sales.yml"
        calendar.write_text(CALENDAR.replace("  events:\n", holidays))

        warnings = record(repository)["warnings"]

        assert [(each["code"], each["file"], each["line"]) for each in warnings] == [
            ("event_doubtful", str(calendar), 7),
            ("source_idle", str(calendar), 7),
        ]


class TestGithub:
    def test_an_error_stands_at_its_line(self, repository: Path) -> None:
        (repository / "policies" / "orders.yml").write_text("spec: [")

        (line,) = validate(repository, "--output", "github").stdout.splitlines()

        file = repository / "policies" / "orders.yml"
        assert re.match(rf"::error file={re.escape(str(file))},line=\d+,title=policy_unreadable::file: ", line)

    def test_what_would_end_a_command_is_escaped(self, tmp_path: Path) -> None:
        folder = tmp_path / "a,b:c%d"
        folder.mkdir()
        (folder / "web.yaml").write_text(service("web").replace("team-web", "100%").replace('"shop"', '"100%"'))

        done = validate(folder, "--output", "github")

        assert "a%2Cb%3Ac%25d/web.yaml,line=" in done.stdout
        assert "100%25" in done.stdout
        assert all(line.startswith("::error ") for line in done.stdout.splitlines())

    def test_a_warning_is_one(self, tmp_path: Path) -> None:
        (tmp_path / "web.yaml").write_text(service("web"))
        (tmp_path / "sales.yaml").write_text(CALENDAR + event("flash", "web"))

        (line,) = validate(tmp_path, "--output", "github").stdout.splitlines()

        assert line.startswith("::warning ")

    def test_nothing_wrong_says_nothing(self, repository: Path) -> None:
        done = validate(repository, "--output", "github")

        assert (done.exit_code, done.stdout) == (0, "")


def test_it_is_a_pre_commit_hook_that_runs_the_command() -> None:
    (hook,) = YAML(typ="safe").load(ROOT / ".pre-commit-hooks.yaml")

    command = [*hook["entry"].split(), *hook["args"]]

    assert command == ["springtide", "validate", "."]
    assert hook["pass_filenames"] is False  # with the changed files alone, services of others would be unknown
    assert re.search(hook["files"], "policies/checkout.yml")
