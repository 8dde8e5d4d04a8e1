"""How many random schedules of faults are played and from which seed on; what was proven, in numbers, at the end."""

import logging
import re

import pytest
import structlog


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=1, help="the first random schedule of faults")
    parser.addoption("--schedules", type=int, default=400, help="how many random schedules are played")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many write points and schedules were played."""
    ids = {report.nodeid for end in ("passed", "failed") for report in terminalreporter.stats.get(end, ())}
    faults = [match for each in ids if (match := re.search(r"test_every_write.*\[(?:.*-)?(.+-write\d+)\]", each))]
    chunks = [match for each in ids if (match := re.search(r"\[seeds(\d+)-(\d+)\]", each))]
    if faults or chunks:
        points = len({match.group(1) for match in faults})
        schedules = sum(int(match.group(2)) - int(match.group(1)) + 1 for match in chunks)
        terminalreporter.write_line(
            f"{points} write points with {len(faults)} faults at them, {schedules} random schedules of faults"
        )


@pytest.fixture(autouse=True)
def _quiet() -> None:
    """Let the log say nothing: a simulation loses thousands of swaps on purpose."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
