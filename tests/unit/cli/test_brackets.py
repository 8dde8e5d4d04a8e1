"""Square brackets in what people and clusters wrote are shown as they stand: they are no markup of the terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from springtide.cli import display, run_list
from springtide.record.model import RunOutcome, ScalingRun
from springtide.run.state import Phase
from unit.record.run_builders import an_ended_run

DENIED = 'admission webhook "x" denied the request: [few] at least 2 [/few] replicas'


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return what the display prints, wide enough for a line each."""
    text = io.StringIO()
    console = Console(file=text, width=300, force_terminal=True, color_system=None)
    monkeypatch.setattr(display, "out", console)
    monkeypatch.setattr(display, "err", console)
    return text


def interrupted_while_it_waits(message: str) -> None:
    with display.PhaseDisplay(is_shown=True) as shown:
        shown.phase(Phase.CREATE_INSTANCES)
        shown.wait(message)
        raise KeyboardInterrupt


def test_what_a_phase_waits_for(printed: io.StringIO) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted_while_it_waits(DENIED)

    assert DENIED in printed.getvalue()


def a_failed_run() -> ScalingRun:
    error = {"code": "admission_denied", "message": DENIED}
    return an_ended_run(
        RunOutcome.FAILED, run_id="sale[one]", requested_by="ada [on call]", reason="[/sale] begins", error=error
    )


def test_who_asked_for_runs(printed: io.StringIO) -> None:
    run_list.show_runs((a_failed_run(),), datetime(2026, 11, 27, tzinfo=UTC))

    assert "sale[one]" in printed.getvalue()
    assert "ada [on call]" in printed.getvalue()


def test_what_a_run_was_for_and_why_it_failed(printed: io.StringIO) -> None:
    display.show_run(a_failed_run())

    for text in ("sale[one]", "ada [on call]", "[/sale] begins", DENIED):
        assert text in printed.getvalue()
