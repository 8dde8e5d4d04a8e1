"""The stability test: repeated for its window, counted, timed, and inconclusive where nothing was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from springtide.clock import ManualClock
from springtide.policy.scaling.smoke import SmokeCheck
from springtide.policy.scaling.stability import Stability
from springtide.verify.route import Answer
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
    chosen = policy(smoke=checks, stability={"window": "1m", "every": "5s"} | settings).spec
    assert chosen.stability is not None
    settings_and_checks: tuple[Stability, tuple[SmokeCheck, ...]] = chosen.stability, chosen.smoke
    result = stability_test(
        *settings_and_checks, service=service(), ways=ways(route), clock=clock, between=lambda: beats.append(None)
    )
    return result, route, beats


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
