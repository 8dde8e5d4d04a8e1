"""The smoke test: HTTP checks and PromQL conditions, each with a hard limit in time and bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from springtide.errors import DemandUnavailable, DemandUnusable
from springtide.kube.objects import Service
from springtide.policy.scaling.smoke import HttpCheck, PromqlCheck, SmokeCheck
from springtide.policy.scaling.strategy import BlueGreen, RunSettings
from springtide.verify.destinations import Destination, Ways
from springtide.verify.route import Answer
from springtide.verify.verdict import CheckResult, Verdict, VerdictStatus

Instant = Callable[[str], float | None]
"""Answers a PromQL expression with one number, or None when there is no such series now."""

CONDITION_SECONDS: Final = 60.0
"""How long an `Instant` may take: it is tried a few times."""


def _nothing() -> None:
    """Do nothing between two requests."""


def checks_before_switch(checks: Iterable[SmokeCheck], settings: RunSettings) -> tuple[HttpCheck, ...]:
    """Return what each new pod is asked before it has traffic; nothing where a ready pod has traffic at once."""
    if not isinstance(settings, BlueGreen):
        return ()
    return tuple(check.http for check in checks if check.http is not None and check.http.when != "after_switch")


def checks_after_switch(checks: Iterable[SmokeCheck], settings: RunSettings) -> tuple[SmokeCheck, ...]:
    """Return the checks of the pods that serve: all of them where there was no moment before."""
    if not isinstance(settings, BlueGreen):
        return tuple(checks)
    return tuple(check for check in checks if check.http is None or check.http.when != "before_switch")


def smoke_test(
    checks: Sequence[SmokeCheck],
    service: Service | None,
    ways: Ways,
    instant: Instant | None,
    *,
    between: Callable[[], None] = _nothing,
) -> Verdict:
    """Run every check, in order, and return the verdict over all of them.

    `instant` is None where no Prometheus is configured: conditions are inconclusive then, never passed. `between` is
    called between two requests, which lets the caller renew its lease.

    Raises:
        InputError: there is no Service, or it lacks the port or the address that a check needs.
        ClusterRefused, ClusterUnavailable: the API server does not pass a request on.
    """
    return Verdict.of([_run(check, service, ways, instant, between) for check in checks])


def _run(
    check: SmokeCheck, service: Service | None, ways: Ways, instant: Instant | None, between: Callable[[], None]
) -> CheckResult:
    match check.check:
        case HttpCheck() as http:
            return http_check(http, ways.to_service(http, service), between)
        case PromqlCheck() as promql:
            between()
            return promql_check(promql, instant)


def http_check(check: HttpCheck, destination: Destination, between: Callable[[], None] = _nothing) -> CheckResult:
    """Send `samples` requests; pass when at least the `must_pass` share of them is answered as expected."""
    answers = []
    for _ in range(check.samples):
        between()
        answers.append(destination.get())
    problems = [problem for answer in answers if (problem := problem_with(check, answer)) is not None]
    good = check.samples - len(problems)
    if good >= check.needed:
        return CheckResult(name_of(check), VerdictStatus.PASS, f"{good} of {check.samples} answered {check.expect}")
    message = f"{good} of {check.samples} answered {check.expect}, {check.needed} must; one of the others: "
    return CheckResult(name_of(check), VerdictStatus.FAIL, message + problems[0])


def name_of(check: HttpCheck) -> str:
    """Return what messages and records call the check."""
    return f"http {check.path}"


def problem_with(check: HttpCheck, answer: Answer) -> str | None:
    """Return what is wrong with one answer; None when it is as expected."""
    if answer.error is not None:
        return answer.error
    if answer.status != check.expect:
        return f"status {answer.status}: {answer.body[:80]!r}"
    if check.expect_text is not None and check.expect_text not in answer.body:
        return f"status {answer.status}, and the answer does not contain {check.expect_text!r}: {answer.body[:80]!r}"
    return None


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
