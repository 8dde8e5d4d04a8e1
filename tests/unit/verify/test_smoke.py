"""Smoke checks and identity probes over a route that a test writes."""

from __future__ import annotations

import pytest

from springtide.errors import DemandUnavailable
from springtide.policy.scaling.strategy import Floor, InPlace, Probe
from springtide.verify.identity import wrong_answer
from springtide.verify.route import Answer
from springtide.verify.smoke import checks_after_switch, checks_before_switch, smoke_test
from springtide.verify.verdict import VerdictStatus
from support.builders import policy, service
from support.written import WrittenProxy, WrittenRoute, ways

OK = Answer(status=200, body="web-new-1 v1\n", headers={"x-pod": "web-new-1"})
BROKEN = Answer(status=500, body="oops", headers={})
SILENT = Answer(status=0, body="", headers={}, error="ReadTimeout: timed out")
HOST = [{"name": "Host", "value": "shop.example"}]


def http(*answers: Answer, **check: object) -> VerdictStatus:
    checks = policy(smoke=[{"http": {"path": "/healthz", "samples": 4} | check}]).spec.smoke
    return smoke_test(checks, service(), ways(WrittenRoute(*answers)), None).status


def promql(value: float | Exception | None, **limits: float) -> VerdictStatus:
    def instant(_query: str) -> float | None:
        if isinstance(value, Exception):
            raise value
        return value

    checks = policy(smoke=[{"promql": {"query": "errors"} | limits}]).spec.smoke
    return smoke_test(checks, service(), ways(WrittenRoute(OK)), instant).status


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
    smoke_test(checks, service(), ways(route), None)

    assert route.urls == ["http://127.0.1.1:80/healthz"] * 2


def test_the_status_and_the_text_must_both_be_there() -> None:
    assert http(OK, expect_text="v1") is VerdictStatus.PASS
    assert http(OK, expect_text="v2") is VerdictStatus.FAIL
    assert http(BROKEN, expect_text="oops") is VerdictStatus.FAIL


def test_scheme_port_and_headers_are_those_of_the_check() -> None:
    route = WrittenRoute(OK)
    check = {"path": "/", "samples": 1, "scheme": "https", "port": "http", "headers": HOST}
    smoke_test(policy(smoke=[{"http": check}]).spec.smoke, service(), ways(route), None)

    assert route.urls == ["https://127.0.1.1:80/"]
    assert route.headers == [{"Host": "shop.example"}]


def test_by_way_of_the_api_server_no_cluster_ip_is_reached() -> None:
    route = WrittenRoute(SILENT)
    proxy = WrittenProxy(OK)
    checks = policy(smoke=[{"http": {"path": "/healthz", "samples": 2, "via": "api_server"}}]).spec.smoke
    verdict = smoke_test(checks, service(), ways(route, proxy), None)

    assert verdict.status is VerdictStatus.PASS
    assert route.urls == []
    assert proxy.addresses == ["/api/v1/namespaces/shop/services/http:web:80/proxy/healthz"] * 2


def test_a_lease_can_be_renewed_between_any_two_requests() -> None:
    beats = list[None]()
    checks = policy(smoke=[{"http": {"path": "/", "samples": 7}}]).spec.smoke
    smoke_test(checks, service(), ways(WrittenRoute(OK)), None, between=lambda: beats.append(None))

    assert len(beats) == 7


def test_what_is_asked_before_a_switch_and_what_after_it() -> None:
    names = {"/before": "before_switch", "/after": "after_switch", "/both": "both"}
    written = [{"http": {"path": path, "when": when}} for path, when in names.items()]
    spec = policy(smoke=[*written, {"promql": {"query": "errors", "below": 1}}]).spec
    after = checks_after_switch(spec.smoke, spec.strategy)

    assert [check.path for check in checks_before_switch(spec.smoke, spec.strategy)] == ["/before", "/both"]
    assert [check.http.path for check in after if check.http] == ["/after", "/both"]
    assert [check.promql.query for check in after if check.promql] == ["errors"]


@pytest.mark.parametrize("settings", [InPlace(), Floor()], ids=["in_place", "floor"])
def test_without_a_moment_before_traffic_everything_is_asked_after(settings: InPlace | Floor) -> None:
    checks = policy(smoke=[{"http": {"path": "/", "when": "before_switch"}}]).spec.smoke

    assert checks_before_switch(checks, settings) == ()
    assert checks_after_switch(checks, settings) == checks


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

    assert smoke_test(checks, service(), ways(WrittenRoute(OK)), None).status is VerdictStatus.INCONCLUSIVE


def test_one_failure_outweighs_everything() -> None:
    checks = policy(
        smoke=[{"promql": {"query": "errors", "below": 1}}, {"http": {"path": "/", "samples": 1}}]
    ).spec.smoke

    assert smoke_test(checks, service(), ways(WrittenRoute(BROKEN)), None).status is VerdictStatus.FAIL


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
    wrong = wrong_answer(probe, service(), WrittenRoute(*answers), pods={"web-new-1"})

    assert (wrong is None) is is_right
