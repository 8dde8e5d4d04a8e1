"""What an event of the past needed, by the days that the store kept, beside what was prepared for it. Pure but for it.

Where no sweep decided anything while the event lasted, this is what is left: the demand of those days, replayed through
the policy's own models, each of which sees nothing later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnusable, SpringtideError
from springtide.events.occurrences import Occurrence
from springtide.fleet.simulated import needed_at
from springtide.overview.kept_demand import SLOT, KeptDemand
from springtide.plan.recent import SweepDecision
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.model import RunOutcome, ScalingRun
from springtide.record.store import RunStore

BEFORE: Final = timedelta(hours=12)
"""How long before its start an event may have been prepared: the longest lead that is ever learned."""

MOST_STEPS: Final = 500
"""Times at which the models are asked: an event of weeks is looked at less often, and never longer than seconds."""

_ENOUGH: Final = 0.95
"""The share of its time that demand has to be known of: where it is not, an event looks smaller than it was."""

_RUNS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededThen:
    """One service under one event of the past; `why_not` says what is not known, "" where all of it is.

    `base` is what it needed when it began, `needed` at most while it lasted. `violated` is the time in which that was
    more than was `prepared`, `held_hours` are the pod-hours of that,
    `wasted_hours` those that were not needed.
    """

    prepared: int | None = None
    needed: int | None = None
    base: int | None = None
    violated: timedelta | None = None
    wasted_hours: float | None = None
    held_hours: float | None = None
    why_not: str = ""


def needed_then(store: RunStore, policy: ScalingPolicy, event: Occurrence) -> NeededThen:
    """Return what `event` needed of the policy's service, by its kept days.

    Raises:
        TemporaryError: the store does not answer.
    """
    first = event.start - BEFORE
    prepared = _prepared(store.decisions(policy.name, first, event.end), store.latest(policy.name, limit=_RUNS), event)
    lookback = timedelta(0) if policy.spec.demand is None else policy.spec.demand.lookback
    days = store.days(policy.name, (first - lookback).date(), event.end.date())
    if policy.spec.demand is None:
        return NeededThen(prepared=prepared, why_not="its policy reads no demand")
    try:
        series = KeptDemand(days).read(first - lookback, event.end, SLOT)
        needed = _needed(policy, series, event)
    except SpringtideError as error:
        return NeededThen(prepared=prepared, why_not=f"what demand did is not known: {error.message}")
    return _compared(prepared, needed, _step(event))


def _prepared(decisions: Sequence[SweepDecision], runs: Sequence[ScalingRun], event: Occurrence) -> int | None:
    """Return the most that was prepared: by what was decided, and by the runs that got there."""
    stood = [each.planned for each in decisions if not each.advises]
    stood += [
        int(run.plan["replicas"])
        for run in runs
        if run.outcome is RunOutcome.SUCCEEDED
        and not run.dry_run
        and run.plan is not None
        and event.start - BEFORE <= run.started_at < event.end
    ]
    return max(stood, default=None)


def _step(event: Occurrence) -> timedelta:
    return max(SLOT, (event.end - event.start) / MOST_STEPS)


def _needed(policy: ScalingPolicy, series: DemandSeries, event: Occurrence) -> list[int]:
    """Return what was needed at the event's start, and at the end of each of its steps.

    Raises:
        DemandUnusable: demand of its time is not known as a whole (`demand_gaps`).
    """
    _require_whole(series, event)
    step = _step(event)
    moments = [event.start + number * step for number in range(int((event.end - event.start) / step) + 1)]
    return [needed_at(policy, series, moment) for moment in moments]


def _require_whole(series: DemandSeries, event: Occurrence) -> None:
    within = (series.times > event.start.timestamp()) & (series.times <= event.end.timestamp())
    known = int(within.sum())
    whole = max(1, int((event.end - event.start) / SLOT))
    if known < _ENOUGH * whole:
        raise DemandUnusable(
            f"{known} of {whole} five-minute maxima of its time are kept: capacity_history learns a day when it is "
            "over.",
            code="demand_gaps",
            field="demand",
        )


def _compared(prepared: int | None, needed: list[int], step: timedelta) -> NeededThen:
    base, *during = needed
    if prepared is None:
        return NeededThen(
            needed=max(during, default=base), base=base, why_not="what was prepared is not known: no run is kept"
        )
    short = sum(each > prepared for each in during)
    wasted = sum(max(0, prepared - each) for each in during) * (step / timedelta(hours=1))
    return NeededThen(
        prepared=prepared,
        needed=max(during, default=base),
        base=base,
        violated=short * step,
        wasted_hours=wasted,
        held_hours=prepared * len(during) * (step / timedelta(hours=1)),
    )
