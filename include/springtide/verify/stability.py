"""Does the service stay well for a while? The smoke test's requests, repeated over a window, counted and timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from springtide.clock import Clock
from springtide.kube.objects import Service
from springtide.percentiles import nearest_rank
from springtide.policy.scaling.smoke import HttpCheck, SmokeCheck
from springtide.policy.scaling.stability import Stability
from springtide.quantities import round_up
from springtide.verify.destinations import Destination, Ways
from springtide.verify.smoke import problem_with
from springtide.verify.verdict import CheckResult, VerdictStatus


@dataclass(slots=True)
class _Tally:
    answers: int = 0
    good: int = 0
    milliseconds: list[float] = field(default_factory=list)


def stability_test(
    settings: Stability,
    checks: Sequence[SmokeCheck],
    *,
    service: Service | None,
    ways: Ways,
    clock: Clock,
    between: Callable[[], None] = lambda: None,
) -> CheckResult:
    """Repeat the HTTP `checks` for the window; pass when enough answers were as expected and fast enough.

    Without an HTTP check it is inconclusive: nothing was asked. `between` is called between two requests, which
    lets the caller renew its lease.
    """
    requests = [
        (check, ways.to_service(check, service)) for smoke in checks if isinstance(check := smoke.check, HttpCheck)
    ]
    tally = _Tally()
    end = clock.monotonic() + settings.window.total_seconds()
    while requests and clock.monotonic() < end:
        for check, destination in requests:
            between()
            _ask(check, tally, destination, clock)
        clock.sleep(max(0.0, min(settings.every.total_seconds(), end - clock.monotonic())))
    return _judged(settings, tally)


def _ask(check: HttpCheck, tally: _Tally, destination: Destination, clock: Clock) -> None:
    start = clock.monotonic()
    answer = destination.get()
    tally.milliseconds.append((clock.monotonic() - start) * 1000)
    tally.answers += 1
    tally.good += problem_with(check, answer) is None


def _judged(settings: Stability, tally: _Tally) -> CheckResult:
    name = f"stability {settings.window}"
    if not tally.answers:
        return CheckResult(name, VerdictStatus.INCONCLUSIVE, "no smoke check asks over HTTP, so nothing was repeated")
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
