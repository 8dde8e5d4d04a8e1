"""Smoke checks and identity probes over a route that a test writes."""

from __future__ import annotations

from itertools import cycle

import pytest

from springtide.errors import DemandUnavailable, InputError
from springtide.policy.scaling.strategy import Probe
from springtide.verify.identity import wrong_answer
from springtide.verify.route import Answer, address_of
from springtide.verify.smoke import smoke_test
from springtide.verify.verdict import VerdictStatus
from support.builders import policy, service

OK = Answer(status=200, body="web-alt-1 v1\n", headers={"x-pod": "web-alt-1"})
BROKEN = Answer(status=500, body="oops", headers={})
SILENT = Answer(status=0, body="", headers={}, error="ReadTimeout: timed out")


class WrittenRoute:
    """Answers in turn what it was given."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = cycle(answers)
        self.urls: list[str] = []

    def get(self, url: str, *, timeout_seconds: float) -> Answer:
        assert timeout_seconds > 0
        self.urls.append(url)
        return next(self.answers)


def http(*answers: Answer, **check: object) -> VerdictStatus:
    checks = policy(smoke=[{"http": {"path": "/healthz", "samples": 4} | check}]).spec.smoke
    return smoke_test(checks, service(), WrittenRoute(*answers), None).status


def promql(value: float | Exception | None, **limits: float) -> VerdictStatus:
    def instant(_query: str) -> float | None:
        if isinstance(value, Exception):
            raise value
        return value

    checks = policy(smoke=[{"promql": {"query": "errors"} | limits}]).spec.smoke
    return smoke_test(checks, service(), WrittenRoute(OK), instant).status


def test_every_sample_must_pass_by_default() -> None:
    assert http(OK) is VerdictStatus.PASS
    assert http(OK, OK, OK, BROKEN) is VerdictStatus.FAIL
    assert http(OK, OK, OK, SILENT) is VerdictStatus.FAIL


def test_a_share_of_the_samples_may_be_allowed_to_fail() -> None:
    assert http(OK, OK, OK, BROKEN, must_pass="75%") is VerdictStatus.PASS
    assert http(OK, OK, BROKEN, BROKEN, must_pass="75%") is VerdictStatus.FAIL


def test_requests_go_to_the_service_itself() -> None:
    route = WrittenRoute(OK)
    checks = policy(smoke=[{"http": {"path": "/healthz", "samples": 2}}]).spec.smoke
    smoke_test(checks, service(), route, None)

    assert route.urls == ["http://127.0.1.1:80/healthz"] * 2


@pytest.mark.parametrize(
    ("value", "limits", "status"),
    [
        (0.005, {"below": 0.01}, VerdictStatus.PASS),
        (0.01, {"below": 0.01}, VerdictStatus.FAIL),
        (12.0, {"above": 10}, VerdictStatus.PASS),
        (9.0, {"above": 10}, VerdictStatus.FAIL),
        (None, {"below": 0.01}, VerdictStatus.INCONCLUSIVE),
        (float("nan"), {"below": 0.01}, VerdictStatus.INCONCLUSIVE),
        (DemandUnavailable("away", code="x"), {"below": 0.01}, VerdictStatus.INCONCLUSIVE),
    ],
)
def test_conditions_on_metrics(
    value: float | Exception | None, limits: dict[str, float], status: VerdictStatus
) -> None:
    assert promql(value, **limits) is status


def test_without_prometheus_a_condition_is_never_passed() -> None:
    checks = policy(smoke=[{"promql": {"query": "errors", "below": 1}}]).spec.smoke

    assert smoke_test(checks, service(), WrittenRoute(OK), None).status is VerdictStatus.INCONCLUSIVE


def test_one_failure_outweighs_everything() -> None:
    checks = policy(
        smoke=[{"promql": {"query": "errors", "below": 1}}, {"http": {"path": "/", "samples": 1}}]
    ).spec.smoke

    assert smoke_test(checks, service(), WrittenRoute(BROKEN), None).status is VerdictStatus.FAIL


@pytest.mark.parametrize(
    ("identity", "answers", "is_right"),
    [
        ("body", [OK], True),
        ("header:X-Pod", [OK], True),
        ("header:X-Other", [OK], False),
        ("body", [OK, OK, Answer(status=200, body="web-1 v1\n", headers={})], False),
        ("body", [SILENT], False),
        ("none", [Answer(status=404, body="", headers={})], True),
        ("none", [BROKEN], False),
    ],
)
def test_who_answers(identity: str, answers: list[Answer], *, is_right: bool) -> None:
    probe = Probe(path="/whoami", identity=identity, times=3)
    wrong = wrong_answer(probe, service(), WrittenRoute(*answers), pods={"web-alt-1"})

    assert (wrong is None) is is_right


def test_a_port_that_the_service_does_not_have() -> None:
    assert address_of(service(), "http") == "http://127.0.1.1:80"
    with pytest.raises(InputError, match="has the ports http:80"):
        address_of(service(), 8080)
