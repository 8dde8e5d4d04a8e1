"""What was proven, in numbers, at the end; and simulations keep quiet."""

import logging
import re

import pytest
import structlog


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
