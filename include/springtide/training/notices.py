"""What people are told of a day that was learned: that the cluster follows numbers that are not today's."""

from __future__ import annotations

from datetime import datetime

from springtide.notify.facts import Fact, key_of
from springtide.notify.telling import Tells
from springtide.notify.wanted import recipients
from springtide.policy.scaling.model import ScalingPolicy
from springtide.training.whole_days import LearnedDay, last_whole_day

_KIND = "rule_stale"


def tell_staleness(
    teller: Tells, policy: ScalingPolicy, learned: LearnedDay, now: datetime, *, link: str | None = None
) -> None:
    """Tell that a rule in force is stale, once for as long as it stays so: tomorrow's numbers differ again.

    When the newest day finds none any more, the next is news.
    """
    if learned.stale:
        teller.tell(_stale_fact(policy, learned, link))
    elif learned.day.day == last_whole_day(now) and learned.not_fitted is None:
        teller.over(_prefix(policy))


def _prefix(policy: ScalingPolicy) -> str:
    return key_of(_KIND, policy.name, "")


def _stale_fact(policy: ScalingPolicy, learned: LearnedDay, link: str | None) -> Fact:
    return Fact(
        kind=_KIND,
        subject=policy.name,
        key=f"{_prefix(policy)}rule",
        to=recipients(_KIND, [policy]),
        lines=learned.stale,
        link=link,
    )
