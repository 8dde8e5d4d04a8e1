"""Whether an event can be prepared in time, and whether somebody is awake who has to approve it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from springtide.events.leads import lead_time, p95, preparation_time
from springtide.events.waves import ServicePlan
from springtide.overview.event_facts import EventFacts, ServiceFacts
from springtide.overview.event_standing import growing, is_timed
from springtide.overview.events import Check, Light
from springtide.wording import counted

if TYPE_CHECKING:
    from springtide.policy.scaling.model import ScalingPolicy


def measured_time(facts: EventFacts) -> timedelta | None:
    """Return how long the preparation takes by the p95 of what was measured; None where a service was never run."""
    grows = growing(facts)
    if any(not facts.by_service[order.service].runs for order in grows):
        return None
    times = {order.service: timedelta(seconds=p95(facts.by_service[order.service].runs)) for order in grows}
    return preparation_time(grows, times, facts.calendars.pace)


def time_checks(facts: EventFacts) -> Iterator[Check]:
    """Yield whether what is to be done fits into the lead: its runs, their steps, and the time that they take.

    Nothing where an event has begun, or where what its preparation came to so far was not seen: `standing` tells then.
    """
    grows = growing(facts)
    if not grows or not all(is_timed(facts, order.service) for order in grows):
        return
    taken = measured_time(facts)
    runs = sum(len(order.steps) for order in grows)
    steps = "; ".join(_steps(order, facts.by_service[order.service].policy) for order in grows)
    begins = max(facts.prepared_at, facts.now)
    ahead = f"prepared in {counted(runs, 'run')} ({steps}) from {begins:%Y-%m-%d %H:%M} UTC on"
    yield _late(facts, ahead) if taken is None else _measured(facts, ahead, taken)


def _measured(facts: EventFacts, ahead: str, taken: timedelta) -> Check:
    left = facts.available
    sentence = f"{ahead}: p95 {_minutes(taken)}, {_minutes(left)} are there"
    if taken > left:
        to_do = f"Give it a lead of at least {_minutes(taken + facts.calendars.learning(facts.occurrence).margin)}"
        if any(len(order.steps) > 1 for order in facts.orders):
            to_do += ", or raise guards.step_up for fewer runs"
        return Check(name="time", light=Light.RED, sentence=sentence, to_do=f"{to_do}.")
    margin = facts.calendars.learning(facts.occurrence).margin
    told = f"{sentence}, margin {_minutes(left - taken)}"
    if left - taken < margin:
        return Check(name="time", light=Light.AMBER, sentence=told, to_do=f"Leave a margin of {margin}: a longer lead.")
    return Check(name="time", light=Light.GREEN, sentence=told)


def _late(facts: EventFacts, ahead: str) -> Check:
    """Return the check where a service was never measured: nobody knows, and what leads take then is told."""
    learn = facts.calendars.learning(facts.occurrence)
    unknown = [order.service for order in growing(facts) if not facts.by_service[order.service].runs]
    usual = lead_time(
        replace(facts.occurrence, lead=None),
        facts.orders,
        {each.service: each.runs for each in facts.services},
        facts.calendars.pace,
        learn,
        preparations=facts.preparations,
    )
    sentence = (
        f"{ahead}: no run of {', '.join(unknown)} was measured, {_minutes(facts.available)} are there and a learned "
        f"lead would be {_minutes(usual.length)}"
    )
    to_do = "Rehearse it once: then its time is measured."
    return Check(name="time", light=Light.UNKNOWN, sentence=sentence, to_do=to_do)


def _steps(order: ServicePlan, policy: ScalingPolicy | None) -> str:
    path = " → ".join(map(str, (order.current, *order.steps)))
    limit = "" if policy is None or len(order.steps) == 1 else f", each at most {policy.spec.guards.step_up}"
    return f"{order.service} {path}{limit}"


def approval_checks(facts: EventFacts) -> Iterator[Check]:
    """Yield, for each service, whether somebody has to approve it, and whether somebody did or is awake by then."""
    begins = max(facts.prepared_at, facts.now)
    grows = {order.service: order for order in growing(facts) if is_timed(facts, order.service)}
    for each in facts.services:
        order = grows.get(each.service)
        if each.policy is None or order is None:
            continue
        approval = each.policy.spec.approval
        asked = [step for step in range(len(order.steps)) if approval.is_needed(order.before(step), order.steps[step])]
        if asked and _is_approved(each, each.policy, order, begins):
            yield _check(each, Light.GREEN, f"{each.approval}; {order.standing} are to stand", "")
        elif asked:
            yield _approval(facts, each, each.policy, counted(len(asked), "approval"))


def _is_approved(each: ServiceFacts, policy: ScalingPolicy, order: ServicePlan, begins: datetime) -> bool:
    """Say whether what was said ahead covers the last run: up to its number, by its time, of its workload."""
    said = each.approval
    if said is None or said.target != policy.spec.target.workload:
        return False
    return order.standing <= said.up_to and begins < said.until


def _approval(facts: EventFacts, each: ServiceFacts, policy: ScalingPolicy, asked: str) -> Check:
    within = policy.spec.approval.within
    begins = max(facts.prepared_at, facts.now)
    ends = min(begins + within, facts.occurrence.start)
    awake = facts.awake.first(begins, ends)
    sentence = (
        f"{asked} of {policy.metadata.owner} needed at {_at(begins)}, answered until {_at(ends)} "
        f"(within {within}); awake {facts.awake}"
    )
    if awake is None:
        to_do = "Lengthen lead or approval.within, or name somebody who is awake (SPRINGTIDE_AWAKE)."
        return _check(each, Light.RED, f"{sentence}: nobody is awake", to_do)
    return _check(each, Light.AMBER, sentence, f"Have somebody answer at {_at(awake)}.")


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _check(each: ServiceFacts, light: Light, sentence: str, to_do: str) -> Check:
    return Check(name="approval", light=light, service=each.service, sentence=sentence, to_do=to_do)


def _minutes(length: timedelta) -> str:
    return f"{length.total_seconds() / 60:.0f} min" if length >= timedelta(minutes=3) else f"{length.seconds} s"
