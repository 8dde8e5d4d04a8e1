"""How many of the cases at each write are played: all of them, or a share that is the same each time."""

from zlib import crc32

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--one-in", type=int, default=1, help="play one of so many cases at each write; 1 plays all")


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
