"""Does the service stay well for a while? The smoke test's checks, repeated over a window, counted and timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from springtide.clock import Clock
from springtide.percentiles import nearest_rank
from springtide.policy.scaling.smoke import HttpCheck, PromqlCheck, SmokeCheck
from springtide.policy.scaling.stability import Stability
from springtide.quantities import round_up
from springtide.verify.destinations import Destination
from springtide.verify.smoke import Instant, problem_with, promql_check
from springtide.verify.verdict import CheckResult, VerdictStatus


@dataclass(slots=True)
class _Tally:
    answers: int = 0
    good: int = 0
    milliseconds: list[float] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class _Answers:
    """What a condition was answered with; `told` is the last answer that did not pass."""

    asked: int = 0
    good: int = 0
    unknown: int = 0
    told: str = ""


def stability_test(
    settings: Stability,
    checks: Sequence[SmokeCheck],
    *,
    destination_of: Callable[[HttpCheck], Destination],
    clock: Clock,
    instant: Instant | None = None,
    between: Callable[[], None] = lambda: None,
) -> tuple[CheckResult, ...]:
    """Repeat `checks` for the window; each result passes when enough answers were as expected, and fast enough.

    One result is over all HTTP checks, then comes one for each condition. Without any check it is inconclusive: nothing
    was asked. `between` is called between two requests, which lets the caller renew its lease; what it raises ends the
    test.
    """
    requests = [(check, destination_of(check)) for smoke in checks if isinstance(check := smoke.check, HttpCheck)]
    conditions = [(check, _Answers()) for smoke in checks if isinstance(check := smoke.check, PromqlCheck)]
    tally = _Tally()
    end = clock.monotonic() + settings.window.total_seconds()
    while (requests or conditions) and clock.monotonic() < end:
        for check, destination in requests:
            between()
            _ask(check, tally, destination, clock)
        for condition, answers in conditions:
            between()
            _ask_condition(condition, answers, instant)
        clock.sleep(max(0.0, min(settings.every.total_seconds(), end - clock.monotonic())))
    if not requests and not conditions:
        return (CheckResult(f"stability {settings.window}", VerdictStatus.INCONCLUSIVE, "there is no check to repeat"),)
    judged = [_judged(settings, tally)] if requests else []
    return (*judged, *(_judged_condition(settings, *each) for each in conditions))


def _ask(check: HttpCheck, tally: _Tally, destination: Destination, clock: Clock) -> None:
    start = clock.monotonic()
    answer = destination.get()
    tally.milliseconds.append((clock.monotonic() - start) * 1000)
    tally.answers += 1
    tally.good += problem_with(check, answer) is None


def _ask_condition(check: PromqlCheck, answers: _Answers, instant: Instant | None) -> None:
    result = promql_check(check, instant)
    answers.asked += 1
    answers.good += result.status is VerdictStatus.PASS
    answers.unknown += result.status is VerdictStatus.INCONCLUSIVE
    if result.status is not VerdictStatus.PASS:
        answers.told = result.message


def _judged(settings: Stability, tally: _Tally) -> CheckResult:
    name = f"stability {settings.window}"
    needed = round_up(tally.answers * settings.must_pass)
    slowest = nearest_rank(tally.milliseconds, 0.95)
    assert slowest is not None, "every answer was timed"
    figures = [f"{tally.good} of {tally.answers} answers were as expected, {needed} must be"]
    figures.append(f"95 % took at most {slowest:.0f} ms")
    is_slow = settings.p95_milliseconds is not None and slowest > settings.p95_milliseconds
    if is_slow:
        figures.append(f"{settings.p95_milliseconds} ms are allowed")
    status = VerdictStatus.FAIL if is_slow or tally.good < needed else VerdictStatus.PASS
    return CheckResult(name, status, "; ".join(figures))


def _judged_condition(settings: Stability, check: PromqlCheck, answers: _Answers) -> CheckResult:
    """Return what the answers of one condition come to: enough good ones pass, and unknown ones are neither."""
    needed = round_up(answers.asked * settings.must_pass)
    status = VerdictStatus.FAIL
    if answers.good >= needed:
        status = VerdictStatus.PASS
    elif answers.good + answers.unknown >= needed:
        status = VerdictStatus.INCONCLUSIVE
    told = f"; one of the others: {answers.told}" if answers.told else ""
    figures = f"it held {answers.good} of {answers.asked} times, {needed} must be{told}"
    return CheckResult(f"stability {settings.window}, promql {check.query}", status, figures)
