"""What rehearsals and events of the past say about an event. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from springtide.events.occurrences import Occurrence
from springtide.events.rehearsed import COUNTS_FOR, RehearsalOutcome, RehearsalVerdict
from springtide.overview.event_facts import EventFacts, ServiceFacts
from springtide.overview.events import Check, Light

_LIGHTS: Final = {
    RehearsalVerdict.HELD: Light.GREEN,
    RehearsalVerdict.WOULD_NOT_HOLD: Light.RED,
    RehearsalVerdict.NOT_PROVEN: Light.AMBER,
    RehearsalVerdict.NOT_TESTED: Light.AMBER,
}


def rehearsal_checks(facts: EventFacts) -> Iterator[Check]:
    """Yield, for each service, what its last rehearsal for this event came to."""
    for each in facts.services:
        if facts.store_problem:
            yield _check("rehearsal", Light.UNKNOWN, each, f"the store was not read: {facts.store_problem}")
            continue
        last = next((past for past in each.rehearsals if _is_of(past, facts.occurrence)), None)
        if last is None:
            to_do = f"springtide events rehearse {facts.occurrence.calendar}.{facts.occurrence.event} --yes"
            yield _check("rehearsal", Light.AMBER, each, "never rehearsed: that it holds is not proven", to_do)
        else:
            yield _rehearsed(facts, each, last)


def _rehearsed(facts: EventFacts, each: ServiceFacts, last: RehearsalOutcome) -> Check:
    age = facts.now - last.at
    wanted = facts.wanted(each.service)
    when = f"{age.days} days ago" if age.days > 1 else f"{last.at:%Y-%m-%d %H:%M} UTC"
    asked = "" if wanted is None else f", now {wanted} are asked for"
    verdict = last.verdict.value.replace("_", " ")
    found = last.message if last.message.startswith(verdict) else f"{verdict}: {last.message}"
    sentence = f"rehearsed {when} with {last.replicas} replicas{asked}: {found}"
    light = _LIGHTS[last.verdict]
    if light is Light.GREEN and (age > COUNTS_FOR or (wanted is not None and wanted > last.replicas)):
        light = Light.AMBER
    to_do = "" if light is Light.GREEN else "Rehearse it again before it counts."
    return _check("rehearsal", light, each, sentence, to_do)


def _is_of(past: RehearsalOutcome, event: Occurrence) -> bool:
    named = f"{event.calendar}.{event.event}"
    return past.event in (event.event, named) or past.event.startswith(f"{named}.")


def past_checks(facts: EventFacts) -> Iterator[Check]:
    """Yield, for each service, what events like this one needed before, beside what this one asks for."""
    for each in facts.services:
        needed = [past.needed for past in each.past if past.needed is not None]
        wanted = facts.wanted(each.service)
        if not needed:
            continue
        sentence = f"events like it needed {', '.join(map(str, needed))} the last times"
        if wanted is None:
            yield _check("history", Light.UNKNOWN, each, f"{sentence}; what this one asks for is not known yet")
        elif wanted < max(needed):
            to_do = f"Ask for at least {max(needed)}."
            yield _check("history", Light.AMBER, each, f"{sentence}, this one asks for {wanted}", to_do)
        else:
            yield _check("history", Light.GREEN, each, f"{sentence}, this one asks for {wanted}")


def _check(name: str, light: Light, each: ServiceFacts, sentence: str, to_do: str = "") -> Check:
    return Check(name=name, light=light, service=each.service, sentence=sentence, to_do=to_do)
