"""The list of runs: what is looked for first, and ids that can be copied, on a narrow terminal and in a pipe."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from rich.console import Console

from springtide.cli import display
from springtide.cli.run_list import show_runs
from springtide.record.model import RunOutcome, ScalingRun
from unit.record.run_builders import NOON, an_ended_run

LONG_ID = "scheduled__2026-11-27T16:05:21.123456+00:00__checkout-of-a-shop-with-a-long-name"
NOW = NOON + timedelta(minutes=12)


def shown(monkeypatch: pytest.MonkeyPatch, width: int, *runs: ScalingRun) -> list[str]:
    text = io.StringIO()
    monkeypatch.setattr(display, "out", Console(file=text, width=width, color_system=None))
    show_runs(runs, NOW)
    return text.getvalue().splitlines()


def a_run(run_id: str, *, dry_run: bool = False) -> ScalingRun:
    plan = {"current": 6, "replicas": 8}
    return an_ended_run(RunOutcome.SUCCEEDED, run_id=run_id, policy="checkout", plan=plan, dry_run=dry_run)


def test_in_80_columns_a_usual_run_is_one_line_that_ends_with_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    heading, line = shown(monkeypatch, 80, a_run("cli-20261127T223000-01b195"))

    assert heading.split() == ["policy", "replicas", "outcome", "age", "run"]
    assert line.split() == ["checkout", "6", "→", "8", "succeeded", "12", "min", "ago", "cli-20261127T223000-01b195"]
    assert len(line) <= 80


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_width_cuts_an_id(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    _, line = shown(monkeypatch, width, a_run(LONG_ID))

    assert line.split()[-1] == LONG_ID


def test_with_room_it_says_who_asked_and_how_long_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    heading, line = shown(monkeypatch, display.PIPE_WIDTH, a_run("cli-1"))

    assert heading.split()[-2:] == ["by", "run"]
    assert "blue_green" in line
    assert f"{NOON:%Y-%m-%d %H:%M:%S}" in line


def test_a_dry_run_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    _, line = shown(monkeypatch, 80, a_run("cli-1", dry_run=True))

    assert "succeeded (dry run)" in line
