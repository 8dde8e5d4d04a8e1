"""When a load ends early, and how it grows."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.errors import InputError
from springtide.load.generator import Load
from springtide.load.load_profile import LoadProfile
from springtide.load.windows import Limits, LoadWindow, p99_of
from unit.load.test_load import OK, SILENCE, UNAVAILABLE, always, site

LIMITS = Limits(errors=0.01, p99=0.5)


def second(good: int = 100, failed: int = 0, *, latency: float = 0.1, slow: int = 0) -> LoadWindow:
    """Return one second; `slow` of the good answers take two seconds."""
    return LoadWindow(good, failed, array("d", [latency] * (good - slow) + [2.0] * slow))


@pytest.mark.parametrize(
    ("windows", "waiting"),
    [
        ([], 0),
        ([second()] * 5, 100),
        ([second(99, 1)] * 3, 0),  # a hundredth is allowed
        ([second(0, 4)], 0),  # four failures: too little is known
        ([second(0, 90), *[second()] * 3], 0),  # it was bad, and is good again
        ([second(slow=1)] * 3, 0),
        ([second(19, latency=2.0)], 0),  # too few answers for a percentile
    ],
)
def test_within_its_limits_a_load_goes_on(windows: list[LoadWindow], waiting: int) -> None:
    assert LIMITS.broken_by(windows, waiting=waiting, rate=100) is None


@pytest.mark.parametrize(
    ("windows", "waiting", "message", "is_late"),
    [
        ([second(94, 6)], 0, "6 of 100 requests failed", False),
        ([second(0, 5)], 0, "5 of 5 requests failed", False),
        ([*[second()] * 3, second(97, 5)], 0, "5 of 302 requests failed", False),
        ([second(slow=2)], 0, "p99 was 2000 ms", True),
        ([second(34, latency=0.6)] * 3, 0, "p99 was 600 ms", True),
        ([], 101, "101 requests wait", True),
    ],
)
def test_beyond_them_it_says_what_and_whether_answers_were_late(
    windows: list[LoadWindow],
    waiting: int,
    message: str,
    is_late: bool,  # noqa: FBT001
) -> None:
    breach = LIMITS.broken_by(windows, waiting=waiting, rate=100)

    assert breach is not None
    assert (message in breach.message, breach.is_late) == (True, is_late)


def test_a_second_holds_by_its_own_answers() -> None:
    assert LIMITS.holds_in(second())
    assert not LIMITS.holds_in(second(98, 2))
    assert not LIMITS.holds_in(second(slow=2))
    assert not LIMITS.holds_in(LoadWindow())
    assert p99_of([]) is None


@given(st.floats(1, 2000), st.floats(0, 60))
@settings(deadline=None)
def test_the_rate_grows_through_the_ramp_and_is_then_constant(rate: float, ramp: float) -> None:
    course = LoadProfile(ramp=ramp)
    in_ramp = math.ceil(rate * ramp / 2)

    due = [course.due(number, rate) for number in range(in_ramp + 50)]

    assert due[0] == (0 if ramp else pytest.approx(0))
    assert all(before < after for before, after in pairwise(due))
    gaps = [after - before for before, after in pairwise(due)]
    assert gaps[in_ramp + 1 :] == pytest.approx([1 / rate] * len(gaps[in_ramp + 1 :]))
    assert all(gap >= 1 / rate - 1e-9 for gap in gaps)


def test_no_more_requests_are_sent_than_allowed() -> None:
    with site(always(OK)) as server:
        report = Load(server.url, 100, seconds=10, course=LoadProfile(most=7)).run()

    assert (report.requests, server.requests, report.stopped) == (7, 7, None)


def test_errors_end_it_early_and_say_why() -> None:
    with site(always(UNAVAILABLE)) as server:
        report = Load(server.url, 50, seconds=60, course=LoadProfile(limits=LIMITS)).run()

    assert report.requests < 500
    assert report.stopped is not None
    assert "requests failed" in report.stopped
    assert not report.is_late


def test_answers_that_do_not_come_end_it_long_before_they_time_out() -> None:
    with site(always(SILENCE)) as server:
        report = Load(server.url, 200, seconds=60, course=LoadProfile(limits=Limits(0.01, 0.2))).run()

    assert report.stopped is not None
    assert "wait for an answer" in report.stopped
    assert report.is_late


def test_whoever_watches_ends_it() -> None:
    with site(always(OK)) as server:
        report = Load(server.url, 50, seconds=60, course=LoadProfile(watch=lambda: "orders are lost")).run()

    assert (report.stopped, report.failed, report.is_late) == ("orders are lost", 0, False)


def test_a_load_that_nobody_watches_any_more_ends() -> None:
    def gone() -> str | None:
        raise RuntimeError("gone")

    with site(always(OK)) as server, pytest.raises(RuntimeError, match="gone"):
        Load(server.url, 50, seconds=600, course=LoadProfile(watch=gone)).run()


def test_the_expected_status_is_good_and_any_other_is_not() -> None:
    with site(always(UNAVAILABLE)) as server:
        report = Load(server.url, 50, seconds=0.2, course=LoadProfile(expect=503)).run()
    assert (report.requests, report.failed) == (10, 0)

    with site(always(OK)) as server:
        report = Load(server.url, 50, seconds=0.2, course=LoadProfile(expect=503)).run()
    assert report.errors == {"status 200": 10}


@pytest.mark.parametrize("ramp", [-1.0, 1.5, math.nan, math.inf])
def test_a_ramp_is_within_the_time(ramp: float) -> None:
    with pytest.raises(InputError, match="ramp"):
        Load("http://127.0.0.1/", 10, seconds=1.0, course=LoadProfile(ramp=ramp))
