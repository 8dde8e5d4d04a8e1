"""A range of advice beside what really ran: what springtide would have done, missed and cost, and what was. Pure.

Nothing is guessed in springtide's favour. Where metrics do not know what ran, each sweep does: between two of them a
pod serves from when it became ready until a sweep misses it, and the mean of both numbers is paid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from springtide.capacity.minutes import HOUR, MINUTE
from springtide.errors import DemandUnusable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from springtide.backtest.trace import Trace
    from springtide.demand.model import DemandSeries
    from springtide.plan.recent import SweepDecision

    Floats = NDArray[np.float64]

RUN_SECONDS: Final = 30.0
"""What a run takes until its pods are asked for, as in a backtest."""

THEIRS: Final = "as it is"
OURS: Final = "with springtide"

_DAY_SECONDS: Final = 86_400.0
_STALE_SECONDS: Final = 600.0
_LEAST_GAP: Final = timedelta(hours=1)
_LATE: Final = 2.5
"""Times the usual time between two sweeps, after which nobody knows what would have stood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceInputs:
    """What is compared: the service's `trace`, scored over the range, and the `decisions` of its sweeps, oldest first.

    `served` are the replicas that served, as metrics kept them; None where only the sweeps know. A pod serves
    `startup_seconds` after a run asked for it; one costs `pod_hour` an hour, None where nobody says.
    """

    policy: str
    trace: Trace
    decisions: Sequence[SweepDecision]
    served: DemandSeries | None
    startup_seconds: float
    pod_hour: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceSide:
    """How one of both did: minutes in which fewer pods were ready than demand filled, pod-hours, changes, cost.

    `replicas` are the pods that were paid for, per minute; NaN where nobody knows.
    """

    name: str
    violated_minutes: int
    pod_hours: float
    changes: int
    cost: float | None
    replicas: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceDay:
    """One UTC day: violated minutes and pod-hours of what ran (`theirs`) and of what would have (`ours`)."""

    day: date
    theirs: tuple[int, float]
    ours: tuple[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceReport:
    """A range of advice. `judged` minutes are compared, `left_out` are not: nobody knows what one of both had then.

    `needed` is demand in full pods, per minute from second `start`. `is_floor`: springtide would have raised the
    minimum under the autoscaler. `is_sampled`: what ran is known at each sweep only.
    """

    policy: str
    start: float
    judged: int
    left_out: int
    sweeps: int
    is_floor: bool
    is_sampled: bool
    startup_seconds: float
    needed: Floats
    theirs: AdviceSide
    ours: AdviceSide
    days: tuple[AdviceDay, ...]

    @property
    def first(self) -> datetime:
        """When the range begins."""
        return datetime.fromtimestamp(self.start, UTC)

    @property
    def last(self) -> datetime:
        """When it is over."""
        return datetime.fromtimestamp(self.start + MINUTE * len(self.needed), UTC)


def compared(inputs: AdviceInputs) -> AdviceReport:
    """Return what the range comes to.

    Raises:
        DemandUnusable: there is no advice in it, or not a minute in which both are known (`advice_missing`).
    """
    if not inputs.decisions:
        raise _nothing(inputs, "no sweep advised it")
    trace = inputs.trace.from_scored()
    needed = trace.demand / trace.per_replica
    times = trace.start + MINUTE * np.arange(len(needed), dtype=np.float64)
    theirs = _of_metrics(inputs, times) or _of_sweeps(inputs.decisions, times)
    ours = _advised(inputs, times, theirs)
    judged = np.isfinite(theirs.ready) & np.isfinite(ours.ready) & np.isfinite(theirs.paid)
    if not judged.any():
        raise _nothing(inputs, "nobody knows what ran meanwhile")
    return AdviceReport(
        policy=inputs.policy,
        start=trace.start,
        judged=int(judged.sum()),
        left_out=int((~judged).sum()),
        sweeps=len(inputs.decisions),
        is_floor=inputs.decisions[-1].is_floor,
        is_sampled=inputs.served is None,
        startup_seconds=inputs.startup_seconds,
        needed=needed,
        theirs=_side(THEIRS, theirs, needed, judged, inputs.pod_hour),
        ours=_side(OURS, ours, needed, judged, inputs.pod_hour),
        days=tuple(_days(times, judged, needed, (theirs, ours))),
    )


@dataclass(frozen=True, slots=True)
class _Course:
    """Pods per minute that served, pods that were paid for, and how often somebody changed what was wanted."""

    ready: Floats
    paid: Floats
    changes: int


def _of_metrics(inputs: AdviceInputs, times: Floats) -> _Course | None:
    """Return what metrics kept of the replicas that served; what is missing there for ten minutes is not known."""
    served = inputs.served
    if served is None or not len(served):
        return None
    paid = _sampled(served, times)
    # The better of both ends: a pod that came within the minute served in it.
    ready = np.fmax(paid, _sampled(served, times + MINUTE))
    return _Course(ready, paid, int(np.count_nonzero(np.diff(paid[np.isfinite(paid)]))))


def _sampled(served: DemandSeries, times: Floats) -> Floats:
    index = np.searchsorted(served.times, times, side="right") - 1
    known = (index >= 0) & (times - served.times[np.maximum(index, 0)] < _STALE_SECONDS)
    return np.where(known, served.values[np.maximum(index, 0)], np.nan)


def _of_sweeps(decisions: Sequence[SweepDecision], times: Floats) -> _Course:
    """Return what the sweeps saw: pods count from when they became ready, and until a sweep misses them."""
    wanted = [math.nan if each.observed is None else float(each.observed) for each in decisions]
    mean = [(earlier + later) / 2 for earlier, later in zip(wanted, [*wanted[1:], wanted[-1]], strict=True)]
    changes = int(np.count_nonzero(np.diff([each for each in wanted if math.isfinite(each)])))
    ready = _held(decisions, times, [math.nan if each.ready is None else float(each.ready) for each in decisions])
    for before, after in pairwise(decisions):
        own = (times >= before.at.timestamp()) & (times < after.at.timestamp())
        ready[own] = np.where(np.isnan(ready[own]), np.nan, _between(before, after, times[own]))
    return _Course(ready, _held(decisions, times, mean), changes)


def _between(before: SweepDecision, after: SweepDecision, times: Floats) -> Floats:
    """Return the pods that served in the minutes between two sweeps, each as it was at its best."""
    if before.ready is None or after.ready is None:
        return np.full(len(times), math.nan)
    became = after.at.timestamp() - np.array(after.lately_ready)
    # What `after` saw and was not ready yet by the end of the minute; the rest was there all the time.
    missing = np.count_nonzero(became[np.newaxis, :] > times[:, np.newaxis] + MINUTE, axis=1)
    new = int(np.count_nonzero(became > before.at.timestamp()))
    gone = max(0, before.ready - (after.ready - new))
    return np.asarray(after.ready - missing + gone, np.float64)


def _advised(inputs: AdviceInputs, times: Floats, theirs: _Course) -> _Course:
    """Return what the advice would have made of it: a floor starts what is missing, and takes nothing away."""
    decisions = inputs.decisions
    planned = _held(decisions, times, [float(each.planned) for each in decisions])
    slots = math.ceil((inputs.startup_seconds + RUN_SECONDS) / MINUTE)
    ready = _smallest_of_the_last(planned, slots)
    numbers = [decisions[0].before, *(each.planned for each in decisions)]
    changes = int(np.count_nonzero(np.diff(numbers)))
    if not decisions[-1].is_floor:
        return _Course(ready, planned, changes)
    return _Course(np.maximum(ready, theirs.ready), np.maximum(planned, theirs.paid), changes)


def _held(decisions: Sequence[SweepDecision], times: Floats, values: Sequence[float]) -> Floats:
    """Return each decision's value from its sweep to the next, per minute; NaN before the first and in long gaps."""
    at = np.array([each.at.timestamp() for each in decisions])
    usual = float(np.median(np.diff(at))) if len(at) > 1 else 0.0
    longest = max(_LEAST_GAP.total_seconds(), _LATE * usual)
    index = np.searchsorted(at, times, side="right") - 1
    known = (index >= 0) & (times - at[np.maximum(index, 0)] < longest)
    return np.where(known, np.array(values)[np.maximum(index, 0)], np.nan)


def _smallest_of_the_last(planned: Floats, slots: int) -> Floats:
    """Return the smallest number of each minute and the `slots` before it: what was asked for since is not ready."""
    padded = np.concatenate((np.full(slots, planned[0]), planned))
    windows = np.lib.stride_tricks.sliding_window_view(padded, slots + 1)
    # What stood in a gap is not known, which makes nothing smaller: the minutes of the gap itself are left out.
    smallest = np.where(np.isnan(windows), np.inf, windows).min(axis=1)
    return np.where(np.isnan(planned), np.nan, smallest)


def _side(name: str, course: _Course, needed: Floats, judged: NDArray[np.bool_], pod_hour: float | None) -> AdviceSide:
    hours = float(course.paid[judged].sum()) / HOUR
    return AdviceSide(
        name=name,
        violated_minutes=int(np.count_nonzero(course.ready[judged] < needed[judged])),
        pod_hours=hours,
        changes=course.changes,
        cost=None if pod_hour is None else hours * pod_hour,
        replicas=np.where(judged, course.paid, np.nan),
    )


def _days(
    times: Floats, judged: NDArray[np.bool_], needed: Floats, courses: tuple[_Course, _Course]
) -> Iterator[AdviceDay]:
    number = (times // _DAY_SECONDS).astype(np.int64)
    for day in np.unique(number[judged]):
        own = judged & (number == day)
        theirs, ours = (
            (int(np.count_nonzero(each.ready[own] < needed[own])), float(each.paid[own].sum()) / HOUR)
            for each in courses
        )
        moment = datetime.fromtimestamp(float(day) * _DAY_SECONDS, UTC)
        yield AdviceDay(day=moment.date(), theirs=theirs, ours=ours)


def _nothing(inputs: AdviceInputs, why: str) -> DemandUnusable:
    return DemandUnusable(
        f"policy {inputs.policy}: there is nothing to compare in this range: {why}. Set mode: advise, and let sweeps "
        "run.",
        code="advice_missing",
        field="service",
    )
