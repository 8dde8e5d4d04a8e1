"""How many random schedules of faults are played, and from which seed on."""

import logging

import pytest
import structlog


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=1, help="the first random schedule of faults")
    parser.addoption("--schedules", type=int, default=1000, help="how many random schedules are played")


@pytest.fixture(autouse=True)
def _quiet() -> None:
    """Let the log say nothing: a simulation loses thousands of swaps on purpose."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
