"""`springtide backtest` over the recorded match day of the examples."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from springtide.cli.backtest import PastOptions
from springtide.cli.main import app

POLICIES = str(Path(__file__).parents[3] / "examples" / "policies")
RANGE = ["--from", "1998-06-23T12:00:00Z", "--to", "1998-06-24"]


def run(*arguments: str, code: int = 0) -> str:
    """Return what the command prints."""
    result = CliRunner().invoke(app, ["backtest", *arguments, "--policies", POLICIES])
    assert result.exit_code == code, result.output
    return result.output


def test_programs_get_every_line_with_its_figures() -> None:
    answer = json.loads(run("world-cup", *RANGE, "-o", "json"))

    assert answer["days"] == 0.5
    assert [line["name"] for line in answer["lines"]][::6] == ["this policy", "oracle"]
    assert {"violated_minutes", "underserved_percent", "pod_hours", "cost", "changes"} <= answer["lines"][0].keys()
    assert answer["verdict"].startswith("world-cup would have missed")


def test_people_get_a_table_a_verdict_and_a_page(tmp_path: Path) -> None:
    page = tmp_path / "report.html"

    printed = run("world-cup", *RANGE, "--report", str(page))

    assert "this policy" in printed
    assert "clairvoyant minimum." in printed
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "1998-06-24", "--to", "1998-06-23"], "--from must lie before --to"),
        (["--from", "soon", "--to", "1998-06-23"], "ISO 8601"),
        (["--from", "2020-01-01", "--to", "2020-01-02"], "no sample"),
    ],
)
def test_ranges_that_cannot_be_replayed_are_refused(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["backtest", "world-cup", *arguments, "--policies", POLICIES])

    assert result.exit_code == 1
    assert message in " ".join(result.output.split())


def test_without_a_range_it_is_the_last_seven_days() -> None:
    now = datetime(2026, 11, 27, 12, tzinfo=UTC)

    assert PastOptions().range(now) == (datetime(2026, 11, 20, 12, tzinfo=UTC), now)
    assert PastOptions(last="2026-11-11").range(now) == (
        datetime(2026, 11, 4, tzinfo=UTC),
        datetime(2026, 11, 11, tzinfo=UTC),
    )
