"""The smoke test: HTTP checks through the Service and PromQL conditions, each with a hard limit in time and bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from springtide.errors import DemandUnavailable, DemandUnusable
from springtide.kube.objects import Service
from springtide.policy.scaling.smoke import HttpCheck, PromqlCheck, SmokeCheck
from springtide.verify.route import Answer, Route, address_of
from springtide.verify.verdict import CheckResult, Verdict, VerdictStatus

Instant = Callable[[str], float | None]
"""Answers a PromQL expression with one number, or None when there is no such series now."""


def smoke_test(checks: Sequence[SmokeCheck], service: Service, route: Route, instant: Instant | None) -> Verdict:
    """Run every check, in order, and return the verdict over all of them.

    `instant` is None where no Prometheus is configured: conditions are inconclusive then, never passed.
    """
    return Verdict.of([_run(check, service, route, instant) for check in checks])


def _run(check: SmokeCheck, service: Service, route: Route, instant: Instant | None) -> CheckResult:
    match check.check:
        case HttpCheck() as http:
            return http_check(http, service, route)
        case PromqlCheck() as promql:
            return promql_check(promql, instant)


def http_check(check: HttpCheck, service: Service, route: Route) -> CheckResult:
    """Send `samples` requests; pass when at least the `must_pass` share of them is answered as expected."""
    url = address_of(service, check.port) + check.path
    timeout = check.timeout.total_seconds()
    answers = [route.get(url, timeout_seconds=timeout) for _ in range(check.samples)]
    good = sum(answer.error is None and answer.status == check.expect for answer in answers)
    name = f"http {check.path}"
    if good >= check.needed:
        return CheckResult(name, VerdictStatus.PASS, f"{good} of {check.samples} answered {check.expect}")
    wrong = next(answer for answer in answers if answer.error is not None or answer.status != check.expect)
    message = (
        f"{good} of {check.samples} answered {check.expect}, {check.needed} must; one of the others: {_describe(wrong)}"
    )
    return CheckResult(name, VerdictStatus.FAIL, message)


def promql_check(check: PromqlCheck, instant: Instant | None) -> CheckResult:
    """Ask Prometheus once; an empty, NaN or missing answer is inconclusive, never a pass."""
    name = f"promql {check.query}"
    if instant is None:
        return CheckResult(name, VerdictStatus.INCONCLUSIVE, "no Prometheus is configured")
    try:
        value = instant(check.query)
    except (DemandUnavailable, DemandUnusable) as error:
        return CheckResult(name, VerdictStatus.INCONCLUSIVE, error.message)
    # A query over a service that nobody calls yet answers NaN: that says nothing, and NaN compares False to any limit.
    if value is None or math.isnan(value):
        return CheckResult(name, VerdictStatus.INCONCLUSIVE, "the answer is empty" if value is None else "it is NaN")
    limits = [(check.below, "below", value < check.below)] if check.below is not None else []
    limits += [(check.above, "above", value > check.above)] if check.above is not None else []
    broken = [f"{value:g} is not {side} {limit:g}" for limit, side, is_met in limits if not is_met]
    status = VerdictStatus.FAIL if broken else VerdictStatus.PASS
    return CheckResult(name, status, "; ".join(broken) or f"{value:g}")


def _describe(answer: Answer) -> str:
    return answer.error or f"status {answer.status}: {answer.body[:80]!r}"
