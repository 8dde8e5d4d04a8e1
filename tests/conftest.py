"""What the whole suite says at its end: which safeties were taken out, and which test saw each."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell the safeties that were taken out, a line each, and how many of them were missed."""
    reports = [report for end in ("passed", "failed") for report in terminalreporter.stats.get(end, ())]
    taken_out = [(report, dict(report.user_properties)) for report in reports if report.when == "call"]
    safeties = [(report, told) for report, told in taken_out if "safety" in told]
    if not safeties:
        return
    seen = sum(report.passed for report, _ in safeties)
    terminalreporter.section(f"{len(safeties)} safeties were taken out one at a time, {seen} of them were missed")
    for report, told in safeties:
        mark = "red" if report.passed else "NOT SEEN"
        terminalreporter.write_line(f"{mark}  {told['safety']}: {told['seen_by']}")
