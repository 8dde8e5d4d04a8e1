"""`springtide events approve`: judged at once, kept by a run of a (small) Airflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unit.cli.test_events_command import ahead, runs, said

__all__ = ["runs"]  # the fixture: a small Airflow beside the policies `web` and `search`


@pytest.fixture
def calendar(tmp_path: Path, runs: dict[str, Any]) -> dict[str, Any]:
    folder = tmp_path / "calendars"
    folder.mkdir()
    (folder / "sales.yaml").write_text(
        "apiVersion: springtide/v1\nkind: EventCalendar\nmetadata: {name: sales, owner: commerce}\nspec:\n"
        f"  timezone: UTC\n  events:\n    - {{name: flash, start: {ahead(days=2)}, duration: 1h, "
        "services: {web: {multiply: 2x}}}\n"
    )
    return runs


GOOD = ("approve", "sales.flash", "--service", "web", "--up-to", "4", "--reason", "nobody is awake")


def test_an_approval_is_queued_for_one_time_of_the_event(calendar: dict[str, Any]) -> None:
    code, output = said(*GOOD)

    ((name, run),) = calendar.items()
    assert code == 0
    assert name.startswith("web__approve__2")
    assert run["conf"]["event"].startswith("sales.flash.2")
    assert (run["conf"]["up_to"], run["conf"]["take_back"]) == (4, False)
    assert "up to 4 replicas" in " ".join(output.split())


def test_it_is_taken_back(calendar: dict[str, Any]) -> None:
    code, _ = said("approve", "flash", "--service", "web", "--take-back", "--reason", "it was moved")

    ((_, run),) = calendar.items()
    assert (code, run["conf"]["take_back"], run["conf"]["up_to"]) == (0, True, None)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (("--up-to", "10001"), "replicas.max"),
        (("--service", "search"), "service"),
        (("--reason", ""), "reason"),
        (("--until", "2001-01-01T00:00Z"), "until"),
        (("--until", "2001-01-01T00:00"), "until"),
    ],
)
def test_what_cannot_be_approved_is_refused_before_anything_is_queued(
    calendar: dict[str, Any], changed: tuple[str, str], says: str
) -> None:
    code, output = said(*GOOD, *changed)

    assert code != 0
    assert says in output
    assert calendar == {}


def test_an_event_that_was_added_is_approved_by_its_name_until_its_end(calendar: dict[str, Any]) -> None:
    start = ahead(hours=5)
    assert said("add", "launch", "--start", start, "--end", ahead(hours=6), "--service", "web=4")[0] == 0

    code, _ = said("approve", "launch", "--service", "web", "--up-to", "4", "--reason", "at night")

    approved = [run for name, run in calendar.items() if "__approve__" in name]
    assert code == 0
    assert approved[0]["conf"]["event"].startswith("ad-hoc.launch.2")
