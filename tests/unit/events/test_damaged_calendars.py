"""One damaged line of a good feed, or of a calendar of ours, takes nothing else away; `damage` says the promise."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unit.events.damage import broken_promise_of_calendar, broken_promise_of_feed

SEEDS = st.integers(0, 2**32)


@given(SEEDS)
@settings(deadline=None, max_examples=250)
def test_a_damaged_line_of_a_feed_takes_no_other_event_away(seed: int) -> None:
    assert broken_promise_of_feed(seed) is None


@given(SEEDS)
@settings(deadline=None, max_examples=40)
def test_a_damaged_entry_of_a_calendar_removes_nothing_that_was_known(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    folder: Path = tmp_path_factory.mktemp("damaged")

    assert broken_promise_of_calendar(seed, folder) is None
