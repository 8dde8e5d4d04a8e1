"""What was decided about a service lately: what guards over time look at. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final

from springtide.stored import Stored

LATELY: Final = timedelta(hours=2)
"""How far back a sweep tells when pods became ready: further than the sweep before it, however seldom they come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepDecision(Stored):
    """What one sweep, preparation or run decided about one service, whether it then wrote or not.

    `answer` is what the models asked for before any guard, None where nobody knows; `planned` what stands after it,
    `before` what stood. With `is_floor` both are an autoscaler's minimum. `observed` are the replicas that were wanted
    of the workload at that time, whoever wanted them, and `ready` those that served; None where nobody looked.
    `lately_ready` says how many seconds ago those of them became ready that did so within `LATELY`.

    Where it `advises`, nothing was written, and `before` is what the one before would have left. `by_hand`: it was one
    run and no sweep. `gate` is what the metrics gate said of demand, "" where none is read; `abstained` are the models
    that had no say.
    """

    policy: str
    at: datetime
    before: int
    planned: int
    answer: int | None = None
    observed: int | None = None
    ready: int | None = None
    lately_ready: tuple[float, ...] = ()
    is_floor: bool = False
    advises: bool = False
    by_hand: bool = False
    reason: str = ""
    gate: str = ""
    abstained: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PastAnswer:
    """What the models asked for at one time."""

    at: datetime
    replicas: int


@dataclass(frozen=True, slots=True)
class Recent:
    """The answers of lately, oldest first, and when the service was changed last; `unknown` says why neither is known.

    A service that nobody has decided about yet has no answers: then only the one of now counts.
    """

    answers: tuple[PastAnswer, ...] = ()
    changed_at: datetime | None = None
    unknown: str | None = None

    def highest(self, since: datetime) -> PastAnswer | None:
        """Return the highest answer that is later than `since`, the latest of several; None where there is none."""
        within = [answered for answered in self.answers if answered.at > since]
        return max(within, key=lambda answered: (answered.replicas, answered.at), default=None)

    def error(self, wanted: int, since: datetime) -> int:
        """Return by how much the answers fell and rose again at most, later than `since`; `wanted` is the newest.

        By so much a plan that followed them down would have been too low. A rise alone is none: demand came.
        """
        numbers = [*(answered.replicas for answered in self.answers if answered.at > since), wanted]
        before = accumulate(numbers, max)
        after = reversed(list(accumulate(reversed(numbers), max)))
        return max(min(high, back) - low for high, low, back in zip(before, numbers, after, strict=True))


NOTHING_RECENT: Final = Recent()

ADVICE_LASTS: Final = timedelta(days=1)
"""How long advice counts as what would stand: after a longer pause it begins anew with what runs."""


def left_by_advice(decisions: Sequence[SweepDecision], *, now: datetime, is_floor: bool) -> int | None:
    """Return what the latest advice of a sweep would have left; None where there is none of the last day."""
    advice = [each for each in decisions if each.advises and not each.by_hand and now - each.at <= ADVICE_LASTS]
    if not advice:
        return None
    latest = max(advice, key=lambda each: each.at)
    return latest.planned if latest.is_floor == is_floor else None
