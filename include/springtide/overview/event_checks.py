"""What stands in the way of an event by its policies, its calendars and what somebody stopped. Pure.

Each check says both numbers, and what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from springtide.overview.event_facts import EventFacts, ServiceFacts
from springtide.overview.event_standing import all_stand, holds
from springtide.overview.event_surroundings import (
    ADJUST_CAPACITY,
    PREPARE_EVENTS,
    RELEASE_FLOORS,
    SCALE_SERVICE,
    AirflowSight,
)
from springtide.overview.events import Check, Light
from springtide.policy.scaling.model import ScalingPolicy
from springtide.policy.scaling.strategy import Floor
from springtide.quantities import round_down
from springtide.wording import counted


def policy_checks(facts: EventFacts) -> Iterator[Check]:
    """Yield, for each service, whether its policy can be used and acts."""
    for each in facts.services:
        if each.policy is None:
            why = each.problem or "no policy is known here"
            light = Light.RED if each.problem else Light.UNKNOWN
            yield _check("policy", light, each, f"{each.service}: {why}", "Write or mend its policy.")
        elif each.policy.spec.advises:
            sentence = f"{each.service}: mode advise: planned only, nothing is written"
            yield _check("policy", Light.AMBER, each, sentence, "Set mode: act, if the event counts on it.")


def maximum_checks(facts: EventFacts) -> Iterator[Check]:
    """Yield, for each service, whether its policy allows what is asked for."""
    for each in facts.services:
        if each.policy is not None:
            yield _maximum(facts, each, each.policy.spec.replicas.max)


def _maximum(facts: EventFacts, each: ServiceFacts, most: int) -> Check:
    wanted = facts.wanted(each.service)
    if wanted is None:
        multiply = each.ask.multiply
        assert multiply is not None, "a number is always known"
        held = round_down(most / multiply)
        sentence = f"asks for {each.ask} of what nobody measured yet; replicas.max {most} holds that of {held}"
        return _check("policy maximum", Light.UNKNOWN, each, sentence, "Plan the service once, or look at its demand.")
    asked = f"asks for {wanted}" if each.ask.multiply is None else f"asks for {wanted} ({each.ask} of {each.base})"
    sentence = f"{asked}, replicas.max is {most}"
    if wanted <= most:
        return _check("policy maximum", Light.GREEN, each, sentence)
    if each.ask.multiply is not None and not each.is_measured:
        to_do = f"It was taken from {each.base_from}. Look whether that is what it multiplies, or raise replicas.max."
        return _check("policy maximum", Light.AMBER, each, f"{sentence}, so it would get {most}", to_do)
    to_do = f"Raise replicas.max to {wanted}, or ask for at most {most}."
    return _check("policy maximum", Light.RED, each, f"{sentence}, so it gets {most}", to_do)


def cap_checks(facts: EventFacts) -> Iterator[Check]:
    """Yield whether the calendars' cap leaves what the event asks for, beside the events that overlap it."""
    cap = facts.calendars.cap
    if cap is None:
        return
    cuts = [
        (name, grant, clamp)
        for name, grant in facts.granted.items()
        for clamp in grant.clamps
        if clamp.guard == "cap.pods" and clamp.was > grant.replicas
    ]
    for name, grant, clamp in cuts:
        each = facts.by_service[name]
        sentence = f"asks for {clamp.was} and gets {grant.replicas}: {clamp.reason}"
        yield _check("cap", Light.RED, each, sentence, "Raise cap, ask for less, or give it a higher priority.")
    unknown = [each.service for each in facts.services if facts.wanted(each.service) is None]
    if unknown:
        sentence = f"what {', '.join(unknown)} takes is not known yet, the cap of all events is {cap}"
        yield Check(name="cap", light=Light.UNKNOWN, sentence=sentence)
    elif not cuts and facts.granted:
        total = sum(grant.replicas for grant in facts.granted.values())
        sentence = f"its services take {counted(total, 'pod')}, the cap of all events is {cap}"
        yield Check(name="cap", light=Light.GREEN, sentence=sentence)


def freeze_checks(facts: EventFacts) -> Iterator[Check]:
    """Yield the freezes that hold a service when it is to be prepared."""
    event = facts.occurrence
    for each in facts.services:
        if holds(facts, each.service):
            continue
        begins = max(facts.prepared_at, facts.now)
        frozen = facts.calendars.frozen(each.service, begins, event.event)
        if frozen is not None:
            sentence = f"{frozen}; it is to be prepared at {_moment(begins)}"
            yield _check("freeze", Light.RED, each, sentence, "Give the freeze an override that names the event.")


def stop_checks(facts: EventFacts) -> Iterator[Check]:
    """Yield what somebody stopped: the installation, or a service."""
    if facts.halted:
        sentence = f"everything is halted by {facts.halted}: nothing is written"
        if all_stand(facts):
            to_do = "What it asks for stands. Resume before it is given back."
            yield Check(name="halt", light=Light.AMBER, sentence=sentence, to_do=to_do)
        else:
            yield Check(name="halt", light=Light.RED, sentence=sentence, to_do="Resume before it is prepared.")
    for each in facts.services:
        pause = each.pause
        if pause is None or holds(facts, each.service):
            continue
        if pause.until is not None and pause.until <= facts.prepared_at:
            sentence = f"{pause}; it is prepared at {_moment(facts.prepared_at)}, after that"
            yield _check("pause", Light.GREEN, each, sentence)
        else:
            sentence = f"{pause}; it is to be prepared at {_moment(facts.prepared_at)}"
            yield _check("pause", Light.RED, each, sentence, f"springtide resume {each.service}")


def dag_checks(facts: EventFacts) -> Iterator[Check]:
    """Yield whether the DAGs run that prepare the event and give it back."""
    if facts.airflow.paused is None:
        yield Check(
            name="airflow",
            light=Light.UNKNOWN,
            sentence=f"{facts.airflow.why_not}: whether prepare_events and adjust_capacity run is not known",
            to_do="Set SPRINGTIDE_AIRFLOW and its credentials, or look at Airflow's list of DAGs.",
        )
        return
    for dag_id in (PREPARE_EVENTS, SCALE_SERVICE):
        is_paused = facts.airflow.is_paused(dag_id)
        if is_paused is None:
            sentence = f"Airflow knows no DAG {dag_id}: nothing is prepared"
            yield Check(name=dag_id, light=Light.RED, sentence=sentence, to_do="Look at its import errors.")
        elif is_paused:
            sentence = f"{dag_id} is paused: nothing is prepared"
            light = Light.AMBER if all_stand(facts) else Light.RED
            yield Check(name=dag_id, light=light, sentence=sentence, to_do=f"airflow dags unpause {dag_id}")
    yield giving_back(facts)


def giving_back(facts: EventFacts) -> Check:
    """Return whether somebody gives back what the event takes."""
    told = not_given_back(facts)
    if told:
        return Check(
            name=ADJUST_CAPACITY, light=Light.AMBER, sentence=told, to_do=f"airflow dags unpause {ADJUST_CAPACITY}"
        )
    return Check(name=ADJUST_CAPACITY, light=Light.GREEN, sentence=f"{ADJUST_CAPACITY} is on: it gives back")


def not_given_back(facts: EventFacts) -> str:
    """Return that nobody will give back what the event takes, and until when; "" where somebody will, or may."""
    policies = [each.policy for each in facts.services if each.policy is not None]
    return kept_for_ever(facts.airflow, policies, facts.occurrence.end)


def kept_for_ever(airflow: AirflowSight, policies: Iterable[ScalingPolicy], end: datetime) -> str:
    """Return that nobody will give back what was prepared until `end`; "" where somebody will, or nobody knows."""
    is_paused = airflow.is_paused(ADJUST_CAPACITY)
    if airflow.paused is None or is_paused is False:
        return ""
    why = "is paused" if is_paused else "is not there"
    releases = airflow.is_paused(RELEASE_FLOORS) is False
    lapses = [_lapses(policy, end, releases=releases) for policy in policies]
    return f"{ADJUST_CAPACITY} {why}: nobody will give back {', '.join(lapses)}" if lapses else ""


def _lapses(policy: ScalingPolicy, end: datetime, *, releases: bool) -> str:
    settings = policy.spec.strategy
    if isinstance(settings, Floor) and releases:
        return f"{policy.name} before {_moment(end + settings.expires)}"
    return f"{policy.name} at all"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _check(name: str, light: Light, each: ServiceFacts, sentence: str, to_do: str = "") -> Check:
    return Check(name=name, light=light, service=each.service, sentence=sentence, to_do=to_do)
