"""Whether an event's services have what they are to have, once its preparation may be under way. Pure.

The list, the headline and the card judge by this alone: what stands is not late, and what nobody saw is not known.
"""

from __future__ import annotations

from collections.abc import Iterator

from springtide.events.waves import ServicePlan
from springtide.overview.event_facts import EventFacts, ServiceFacts
from springtide.overview.events import Check, Light

STANDING = "standing"
"""The check that takes the place of `time` once it is no longer about how long a preparation takes."""


def stands(facts: EventFacts, service: str) -> bool | None:
    """Say whether `service` has what the event gets; None where nobody knows.

    Where no cluster was seen, a note of its preparation and the run that went there say so. A run on its way may go
    anywhere.
    """
    each = facts.by_service[service]
    if service not in facts.granted:
        return None
    needed = facts.granted[service].replicas
    if each.look is not None:
        return None if each.look.running is None else each.look.running >= needed
    return True if each.note is not None and each.last is not None and each.last >= needed else None


def holds(facts: EventFacts, service: str) -> bool:
    """Say whether `service` is known to have what the event gets, and to have it for the event."""
    return is_judged_by_sight(facts, service) and stands(facts, service) is True


def all_stand(facts: EventFacts) -> bool:
    """Say whether every service is known to hold what the event gets; each was noted, or the event has begun."""
    return all(holds(facts, each.service) for each in facts.services)


def growing(facts: EventFacts) -> list[ServicePlan]:
    """Return the orders that still take their service higher."""
    return [order for order in facts.orders if order.steps and stands(facts, order.service) is not True]


def standing_checks(facts: EventFacts) -> Iterator[Check]:
    """Yield whether what the event asks for stands, once it has begun or was prepared, until it is over."""
    if facts.now >= facts.occurrence.end:
        return
    short = [facts.by_service[order.service] for order in growing(facts) if is_judged_by_sight(facts, order.service)]
    missing = [each for each in short if facts.has_begun and _is_known_to_miss(each)]
    unseen = [each for each in short if not _is_seen(each) or (facts.has_begun and not _is_known_to_miss(each))]
    if missing:
        sentence = f"{_since(facts)}: {_numbers(facts, missing)}"
        to_do = "Scale it by hand, and look at what became of its preparation."
        yield Check(name=STANDING, light=Light.RED, sentence=sentence, to_do=to_do)
    if unseen:
        sentence = f"{_since(facts)}: whether it stands is not known: {'; '.join(_why(facts, each) for each in unseen)}"
        yield Check(name=STANDING, light=Light.UNKNOWN, sentence=sentence)
    held = [each for each in facts.services if is_judged_by_sight(facts, each.service) and _is_seen(each)]
    if held and all_stand(facts):
        yield Check(name=STANDING, light=Light.GREEN, sentence=f"{_since(facts)}: {_numbers(facts, held)}")


def is_judged_by_sight(facts: EventFacts, service: str) -> bool:
    """Say whether what runs counts, and no longer how long it takes: it has begun, or its preparation was noted."""
    return facts.has_begun or facts.by_service[service].note is not None


def is_timed(facts: EventFacts, service: str) -> bool:
    """Say whether the time that its runs take can be judged: it is ahead, or what stands meanwhile was seen."""
    if facts.has_begun:
        return False
    return facts.by_service[service].note is None or _is_seen(facts.by_service[service])


def _is_seen(each: ServiceFacts) -> bool:
    return each.look is not None and each.look.running is not None


def _is_known_to_miss(each: ServiceFacts) -> bool:
    """Say whether fewer pods than asked for are too few: by a learned shape, some are given back while it lasts."""
    return _is_seen(each) and (each.note is None or each.note.shape is None)


def _since(facts: EventFacts) -> str:
    if facts.has_begun:
        return f"it goes on since {facts.occurrence.start:%Y-%m-%d %H:%M} UTC"
    return "its preparation has begun"


def _numbers(facts: EventFacts, services: list[ServiceFacts]) -> str:
    return ", ".join(f"{each.service} has {each.current} of {_needed(facts, each)}" for each in services)


def _needed(facts: EventFacts, each: ServiceFacts) -> str:
    return str(facts.granted[each.service].replicas) if each.service in facts.granted else "?"


def _why(facts: EventFacts, each: ServiceFacts) -> str:
    needed = _needed(facts, each)
    if _is_seen(each):
        return f"{each.service} has {each.current} of {needed}, and gives back by its learned shape"
    if each.look is not None:
        return each.look.owner or each.look.refusal
    last = "no run of it is known" if each.last is None else f"its last run went to {each.last}"
    return f"{each.service} is to have {needed}, {last}, and {each.unseen or 'no cluster was asked'}"
