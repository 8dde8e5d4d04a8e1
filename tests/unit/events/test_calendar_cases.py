"""Calendars and feeds as people have them, each with what is right: what counts and when, what is left out, and why.

`right.txt` beside each calendar holds what is told of it: errors, warnings, what became of its sources, and its events
ahead. What is odd in one event changes nothing about the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from springtide.errors import Violation
from springtide.events.file_checks import check_files
from springtide.events.snapshot import read_calendars

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
CASES = sorted((Path(__file__).parents[2] / "golden" / "calendars" / "cases").iterdir())
MOST_SHOWN = 8


def told(folder: Path) -> Iterator[str]:
    """Yield what is said of the calendar of `folder`, and its first events ahead, in UTC."""
    checks = check_files([folder / "cal.yaml"], now=NOW)
    for kind, found in (("error", checks.errors), ("warning", checks.warnings)):
        yield from (f"{kind} {_without(folder, each)}" for each in found)
    known = read_calendars(folder, {}, now=NOW)
    yield from (str(account) for account in known.accounts)
    ahead = [occurrence for occurrence in known.calendars.occurrences if occurrence.end > NOW]
    yield f"{len(ahead)} ahead"
    yield from (f"{each.event} {each.start:%Y-%m-%d %H:%M} to {each.end:%Y-%m-%d %H:%M}" for each in ahead[:MOST_SHOWN])


def _without(folder: Path, violation: Violation) -> str:
    return str(violation).replace(f"{folder}/", "")


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_it_is_read_as_it_is_meant_or_left_out_with_a_word(folder: Path) -> None:
    assert list(told(folder)) == (folder / "right.txt").read_text(encoding="utf-8").splitlines()


def test_there_are_cases_of_each_kind() -> None:
    kinds = {folder.name.partition("-")[0] for folder in CASES}

    assert {"b", "f", "own", "r", "zone", "vt", "until", "x"} <= kinds
