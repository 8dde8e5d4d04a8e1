"""The stability test: repeated for its window, counted, timed, and inconclusive where nothing was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from springtide.clock import ManualClock
from springtide.verify.route import Answer
from springtide.verify.smoke import Instant
from springtide.verify.stability import stability_test
from springtide.verify.verdict import CheckResult, VerdictStatus
from support.builders import NOW, policy, service
from support.written import ways

PASS = VerdictStatus.PASS
FAIL = VerdictStatus.FAIL
INCONCLUSIVE = VerdictStatus.INCONCLUSIVE


class SlowRoute:
    """Answers 200, but for the requests of these numbers; each takes so many milliseconds, or ten times those."""

    def __init__(self, clock: ManualClock, wrong: set[int], slow: set[int], milliseconds: int) -> None:
        self.clock = clock
        self.wrong = wrong
        self.slow = slow
        self.milliseconds = milliseconds
        self.asked = 0

    def get(self, url: str, *, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> Answer:
        del url, timeout_seconds, headers
        self.asked += 1
        factor = 10 if self.asked in self.slow else 1
        self.clock.sleep(self.milliseconds * factor / 1000)
        return Answer(status=503 if self.asked in self.wrong else 200, body="", headers={})


def judged(
    checks: list[dict[str, Any]], *, wrong: set[int] | None = None, slow: set[int] | None = None, **settings: Any
) -> tuple[CheckResult, SlowRoute, list[None]]:
    clock = ManualClock(NOW)
    beats = list[None]()
    route = SlowRoute(clock, wrong or set(), slow or set(), 10)
    (result,) = all_judged(checks, route=route, between=lambda: beats.append(None), **settings)
    return result, route, beats


def all_judged(
    checks: list[dict[str, Any]],
    *,
    route: SlowRoute,
    instant: Instant | None = None,
    between: Callable[[], None] = lambda: None,
    **settings: Any,
) -> tuple[CheckResult, ...]:
    chosen = policy(smoke=checks, stability={"window": "1m", "every": "5s"} | settings).spec
    assert chosen.stability is not None
    return stability_test(
        chosen.stability,
        chosen.smoke,
        destination_of=lambda check: ways(route).to_service(check, service()),
        clock=route.clock,
        instant=instant,
        between=between,
    )


def answered(*numbers: float | None, **settings: Any) -> tuple[VerdictStatus, str]:
    """Return what a condition below 1 comes to that is answered with `numbers` and then with 0."""
    left = list(numbers)
    route = SlowRoute(ManualClock(NOW), set(), set(), 10)
    checks = [{"promql": {"query": "errors", "below": 1}}]
    (result,) = all_judged(checks, route=route, instant=lambda _query: left.pop(0) if left else 0.0, **settings)
    return result.status, result.message


HTTP = [{"http": {"path": "/healthz"}}]


def test_it_asks_for_the_whole_window_and_shows_that_it_lives() -> None:
    result, route, beats = judged(HTTP)

    assert (result.status, route.asked, len(beats)) == (PASS, 12, 12)
    assert "12 of 12 answers were as expected" in result.message


@pytest.mark.parametrize(
    ("settings", "wrong", "slow", "status"),
    [
        ({}, {7}, set(), FAIL),
        ({"must_pass": "90%"}, {7}, set(), PASS),
        ({"must_pass": "90%"}, {7, 8}, set(), FAIL),
        ({"p95_milliseconds": 50}, set(), set(), PASS),
        ({"p95_milliseconds": 50}, set(), {3}, FAIL),
    ],
    ids=["one error", "within the share", "beyond it", "fast", "one in twelve is slow"],
)
def test_errors_and_latency_are_counted(
    settings: dict[str, Any], wrong: set[int], slow: set[int], status: VerdictStatus
) -> None:
    assert judged(HTTP, wrong=wrong, slow=slow, **settings)[0].status is status


def test_where_nothing_is_asked_nothing_is_proven() -> None:
    assert judged([{"promql": {"query": "up", "above": 0}}])[0].status is INCONCLUSIVE
    assert judged([])[0].status is INCONCLUSIVE


@pytest.mark.parametrize(
    ("answers", "settings", "status"),
    [
        ([], {}, PASS),
        ([0.5, 0.5, 7.0], {}, FAIL),
        ([7.0], {"must_pass": "90%"}, PASS),
        ([7.0, 7.0], {"must_pass": "90%"}, FAIL),
        ([0.5, None], {}, INCONCLUSIVE),
        ([None, 7.0], {"must_pass": "90%"}, INCONCLUSIVE),
        ([None, None, 7.0, 7.0], {"must_pass": "90%"}, FAIL),
    ],
    ids=["it holds", "broken once", "within the share", "beyond it", "unknown", "unknown and broken", "broken anyhow"],
)
def test_a_condition_is_asked_for_the_whole_window(
    answers: list[float | None], settings: dict[str, Any], status: VerdictStatus
) -> None:
    assert answered(*answers, **settings)[0] is status


def test_the_words_of_a_condition_count_and_repeat_the_last_answer_that_was_wrong() -> None:
    assert answered(0.5, 7.0)[1] == "it held 11 of 12 times, 12 must be; one of the others: 7 is not below 1"


def test_requests_and_conditions_are_judged_by_themselves() -> None:
    route = SlowRoute(ManualClock(NOW), {7}, set(), 10)
    results = all_judged([*HTTP, {"promql": {"query": "errors", "below": 1}}], route=route, instant=lambda _query: 0.0)

    assert [result.status for result in results] == [FAIL, PASS]
