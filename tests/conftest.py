"""What is of the whole suite: how many cases and schedules are played, whose logging it is, what was taken out."""

from __future__ import annotations

from collections.abc import Generator
from zlib import crc32

import pytest
import structlog


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--one-in", type=int, default=1, help="play one of so many cases at each write; 1 plays all")
    parser.addoption("--schedules", type=int, default=400, help="how many random schedules of faults are played")
    parser.addoption("--days-of-advice", type=int, default=7, help="how long springtide advises beside an HPA")
    parser.addoption("--seed", type=int, default=1, help="the first random schedule of faults")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Give the process's logging back: commands, simulations and benchmarks set it up as if it were theirs.

    Around fixtures of whole modules, too, which is more than a fixture of each test could do.
    """
    was_configured = structlog.is_configured()
    before = structlog.get_config()
    done = yield
    if was_configured:
        structlog.configure(**before)
    else:
        structlog.reset_defaults()
    return done


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave cases out by their names alone, so that every process and every day leaves out the same."""
    share = config.getoption("--one-in")
    played: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for each in items:
        is_left_out = each.get_closest_marker("at_each_write") and crc32(each.nodeid.encode()) % share
        (left_out if is_left_out else played).append(each)
    if left_out:
        items[:] = played
        config.hook.pytest_deselected(items=left_out)


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
