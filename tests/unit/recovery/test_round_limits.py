"""How many runs are ended at once, and when a living run counts as stalled: what the environment may say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from springtide.errors import InputError
from springtide.recovery.limits import RoundLimits
from springtide.run.waiting import LONGEST_WAIT, MARGIN
from springtide.settings import Settings

RUNS = "SPRINGTIDE_RECONCILE_RUNS"
STALLED = "SPRINGTIDE_STALLED_AFTER"


def limits(**environment: str) -> RoundLimits:
    return RoundLimits.of(Settings.from_environment(environment))


def test_without_a_word_they_are_the_defaults() -> None:
    assert limits() == RoundLimits()
    assert limits() == RoundLimits(at_once=16, stalled_after=timedelta(minutes=5))


def test_what_is_written_is_taken() -> None:
    assert limits(**{RUNS: "3", STALLED: "1h30m"}) == RoundLimits(at_once=3, stalled_after=timedelta(minutes=90))


@pytest.mark.parametrize("text", ["0", "65", "-1", "1.5", "many", "٣", "999999999999"])
def test_a_number_of_runs_that_is_none_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(InputError, match="a whole number from 1 to 64") as caught:
        limits(**{RUNS: text})

    assert (caught.value.code, caught.value.field) == ("limit_invalid", RUNS)


@pytest.mark.parametrize("text", ["59s", "2d", "5", "soon", "999999d", "m"])
def test_a_time_that_is_none_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(InputError, match="a duration from 1m to 1d") as caught:
        limits(**{STALLED: text})

    assert (caught.value.code, caught.value.field) == ("limit_invalid", STALLED)


def test_a_task_that_waits_elsewhere_does_not_count_as_stalled() -> None:
    assert RoundLimits().stalled_after > LONGEST_WAIT + MARGIN
