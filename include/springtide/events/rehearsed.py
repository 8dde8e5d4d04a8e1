"""What a rehearsal came to for one service: the figures of its load, the verdict, and what it teaches. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from springtide.capacity.rehearsed import MeasuredLoad

if TYPE_CHECKING:
    from springtide.events.rehearsal import LoadOrder
    from springtide.load.recorder import LoadReport

COUNTS_FOR: Final = timedelta(days=90)
"""How long a measure says something about a service: it is changed every week."""

_ENOUGH: Final = 0.95
"""The share of the rate that has to be answered: less was not sent, and proves less."""

_LEAST_SECONDS: Final = 3
_LEAST_ANSWERS: Final = 20


class RehearsalVerdict(StrEnum):
    """What is known now about one service under the event."""

    HELD = "held"
    WOULD_NOT_HOLD = "would_not_hold"
    NOT_PROVEN = "not_proven"
    NOT_TESTED = "not_tested"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFigures:
    """What a load saw. Rates are requests a second, times milliseconds.

    `achieved` are the good answers a second while the full rate was sent, None when it never was. `sustained` are the
    most good answers of a second that was within the limits, None with too few such seconds.
    """

    ready_before: int
    ready_after: int
    requests: int = 0
    failed: int = 0
    seconds: float = 0.0
    achieved: float | None = None
    sustained: float | None = None
    p50: float | None = None
    p99: float | None = None
    stopped: str | None = None
    is_late: bool = False
    errors: Mapping[str, int] = field(default_factory=dict)


def figures_of(report: LoadReport, order: LoadOrder, *, ready_before: int, ready_after: int) -> LoadFigures:
    """Return the figures of a load that was sent as `order` says."""
    limits = order.course(lambda: None).limits
    assert limits is not None
    full = report.windows[math.ceil(order.ramp) : math.floor(report.seconds)]
    within = [second.good for second in report.windows if second.answers >= _LEAST_ANSWERS and limits.holds_in(second)]
    most = sorted(report.errors.items(), key=lambda error: -error[1])[:5]
    return LoadFigures(
        ready_before=ready_before,
        ready_after=ready_after,
        requests=report.requests,
        failed=report.failed,
        seconds=report.seconds,
        achieved=sum(second.good for second in full) / len(full) if len(full) >= _LEAST_SECONDS else None,
        sustained=float(max(within)) if len(within) >= _LEAST_SECONDS else None,
        p50=report.latency_ms.p50,
        p99=report.latency_ms.p99,
        stopped=report.stopped,
        is_late=report.is_late,
        errors=dict(most),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalOutcome:
    """The outcome for one service, as it is kept. `event` is what was rehearsed."""

    run_id: str
    policy: str
    event: str
    at: datetime
    verdict: RehearsalVerdict
    message: str
    replicas: int = 0
    peak: float | None = None
    present: float | None = None
    rate: float | None = None
    figures: LoadFigures | None = None
    measured: MeasuredLoad | None = None

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        measured = None if self.measured is None else asdict(self.measured) | {"at": self.measured.at.isoformat()}
        return asdict(self) | {"at": self.at.isoformat(), "verdict": self.verdict.value, "measured": measured}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> RehearsalOutcome:
        """Return the outcome that `to_record` stored."""
        figures = record["figures"]
        measured = record["measured"]
        parsed = {
            "at": datetime.fromisoformat(record["at"]),
            "verdict": RehearsalVerdict(record["verdict"]),
            "figures": None if figures is None else LoadFigures(**figures),
            "measured": None
            if measured is None
            else MeasuredLoad(**{**measured, "at": datetime.fromisoformat(measured["at"])}),
        }
        return cls(**{**record, **parsed})


def judged(outcome: RehearsalOutcome, order: LoadOrder, figures: LoadFigures) -> RehearsalOutcome:
    """Return `outcome` with the verdict over a load that was sent as `order` says.

    A limit is measured only by answers that came too late: errors say that something breaks, not how much one replica
    can serve.
    """
    whole = replace(
        outcome, replicas=order.replicas, peak=order.peak, present=order.present, rate=order.rate, figures=figures
    )
    broken = _broken(order, figures)
    if broken is not None:
        limit = figures.sustained if figures.is_late else None
        measured = None if limit is None else _measured(order, limit, is_limit=True, at=outcome.at)
        message = f"would not hold: {broken}"
        if measured is not None:
            needed = math.ceil(order.peak / measured.per_replica - 1e-9)
            message += f". One replica serves {measured.per_replica:.4g} requests/s: the peak needs {needed} of them"
        return replace(whole, verdict=RehearsalVerdict.WOULD_NOT_HOLD, message=message, measured=measured)
    if figures.achieved is None or figures.achieved < _ENOUGH * order.rate:
        came = "the full rate was never reached" if figures.achieved is None else f"{figures.achieved:.4g} were"
        message = f"not proven: {order.rate:.4g} requests/s were to be sent, {came}: the generator had no time"
        return replace(whole, verdict=RehearsalVerdict.NOT_PROVEN, message=message)
    measured = _measured(order, figures.achieved, is_limit=False, at=outcome.at)
    measurements = _told(order, figures, measured)
    if order.cut:
        message = f"not proven: {measurements}; the peak is {order.peak:.4g}, but {order.cut}"
        return replace(whole, verdict=RehearsalVerdict.NOT_PROVEN, message=message, measured=measured)
    return replace(whole, verdict=RehearsalVerdict.HELD, message=f"held: {measurements}", measured=measured)


def _broken(order: LoadOrder, figures: LoadFigures) -> str | None:
    """Return what did not hold; None when all did."""
    wanted = order.replicas
    if figures.ready_before < wanted:
        return f"{figures.ready_before} of {wanted} replicas were ready, so nothing was sent"
    if figures.stopped is not None:
        return (
            f"stopped after {figures.seconds:.0f} s, {figures.requests} requests: {figures.stopped}{_errors(figures)}"
        )
    if figures.ready_after < wanted:
        return f"{figures.ready_after} of {wanted} replicas were ready after the load"
    if figures.failed > order.max_errors * figures.requests:
        return f"{figures.failed} of {figures.requests} requests failed{_errors(figures)}"
    if figures.p99 is not None and figures.p99 > order.p99_seconds * 1000:
        return f"p99 was {figures.p99:.0f} ms, more than {order.p99_seconds * 1000:.0f} ms"
    return None


def _errors(figures: LoadFigures) -> str:
    listed = ", ".join(f"{count} times {message}" for message, count in figures.errors.items())
    return f" ({listed})" if listed else ""


def _told(order: LoadOrder, figures: LoadFigures, measured: MeasuredLoad) -> str:
    return (
        f"{order.replicas} replicas, {figures.achieved:.4g} of {order.rate:.4g} requests/s on top of "
        f"{order.present:.4g}, {figures.failed} of {figures.requests} failed, p50 {figures.p50:.0f} ms, "
        f"p99 {figures.p99:.0f} ms, {measured.per_replica:.4g} requests/s a replica"
    )


def _measured(order: LoadOrder, rate: float, *, is_limit: bool, at: datetime) -> MeasuredLoad:
    return MeasuredLoad(
        per_replica=(rate + order.present) / order.replicas, replicas=order.replicas, is_limit=is_limit, at=at
    )


def measured_of(outcomes: Sequence[RehearsalOutcome], now: datetime) -> MeasuredLoad | None:
    """Return what the rehearsals of one service say by now: the newest limit that nothing newer has disproven.

    A newer rehearsal that held as much on one replica disproves an older limit. Without a limit it is the newest
    measure. What is older than `COUNTS_FOR` says nothing.
    """
    loads = [outcome.measured for outcome in outcomes if outcome.measured is not None]
    newest_first = sorted(loads, key=lambda load: load.at, reverse=True)
    recent = [measured for measured in newest_first if timedelta(0) <= now - measured.at <= COUNTS_FOR]
    held = 0.0
    for measured in recent:
        if measured.is_limit and measured.per_replica > held:
            return measured
        held = max(held, 0.0 if measured.is_limit else measured.per_replica)
    return recent[0] if recent else None
