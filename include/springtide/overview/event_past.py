"""What events of the past came to for a service, by what sweeps decided while they went on. Pure but for the store."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from springtide.events.occurrences import Occurrence
from springtide.plan.recent import SweepDecision
from springtide.record.decisions import KEPT_FOR, DecisionStore

BEFORE: Final = timedelta(hours=2)
"""How long before its start decisions say what an event was prepared from: longer than a lead mostly is."""

LATEST_PAST: Final = 3
"""How many events of the past are shown."""

_LONGEST_STEP: Final = timedelta(hours=1)
"""Between two decisions: what lies longer between them is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastNeed:
    """One service under one event: what demand `needed` at most, what was `prepared`, and from what `base`.

    `violated` is the time in which demand asked for more than was wanted of the workload, `held_hours` the pod-hours
    that were wanted then, `wasted_hours` those beyond what demand asked for. None where the decisions do not say.
    """

    occurrence: str
    start: datetime
    needed: int | None
    prepared: int | None
    base: int | None = None
    violated: timedelta | None = None
    wasted_hours: float | None = None
    held_hours: float | None = None


def past_occurrences(
    occurrences: Iterable[Occurrence], event: Occurrence, service: str, now: datetime
) -> tuple[Occurrence, ...]:
    """Return the latest events like `event` that are over and asked something of `service`, newest first.

    Those alone of which decisions are still kept.
    """
    over = [
        other
        for other in occurrences
        if now - KEPT_FOR < other.start and other.end <= now and other.is_like(event) and service in other.asks
    ]
    return tuple(sorted(over, key=lambda other: other.start, reverse=True)[:LATEST_PAST])


def past_need(store: DecisionStore, service: str, occurrence: Occurrence) -> PastNeed:
    """Return what `occurrence` came to for `service`.

    Raises:
        TemporaryError: the store does not answer.
    """
    decisions = store.decisions(service, occurrence.start - BEFORE, occurrence.end)
    before = [each for each in decisions if each.at < occurrence.start]
    during = [each for each in decisions if each.at >= occurrence.start]
    answers = [each.answer for each in during if each.answer is not None]
    steps = tuple(_steps(during, occurrence.end))
    known = [(each, each.answer, length) for each, length in steps if each.answer is not None]
    return PastNeed(
        occurrence=occurrence.id,
        start=occurrence.start,
        needed=max(answers, default=None),
        prepared=max((each.planned for each in decisions), default=None),
        base=_base(before),
        violated=sum((length for each, answer, length in known if answer > _stood(each)), timedelta())
        if known
        else None,
        wasted_hours=sum(
            max(0, _stood(each) - answer) * (length / timedelta(hours=1)) for each, answer, length in known
        )
        if known
        else None,
        held_hours=sum(_stood(each) * (length / timedelta(hours=1)) for each, _, length in known) if known else None,
    )


def _stood(decision: SweepDecision) -> int:
    """Return the replicas that were there: those that somebody wanted of the workload, or else what was decided."""
    return decision.planned if decision.observed is None else decision.observed


def _base(before: Sequence[SweepDecision]) -> int | None:
    """Return what demand asked for before the event; None where nobody had decided anything then."""
    return next((each.answer for each in before if each.answer is not None), None)


def _steps(decisions: Sequence[SweepDecision], end: datetime) -> Iterable[tuple[SweepDecision, timedelta]]:
    """Yield each decision, and for how long it counts: until the next one."""
    for this, following in pairwise(decisions):
        yield this, min(following.at - this.at, _LONGEST_STEP)
    if decisions:
        yield decisions[-1], min(max(end - decisions[-1].at, timedelta()), _LONGEST_STEP)


def next_time(need: PastNeed, *, multiplied: bool) -> str:
    """Return what to ask for the next time, as a calendar writes it; "" where nobody can tell."""
    if need.needed is None:
        return ""
    if not multiplied:
        return str(need.needed)
    if not need.base:
        return ""
    return f"{max(1.0, math.ceil(need.needed / need.base * 10 - 1e-9) / 10):g}x"
