"""In which waves an event's services are prepared and when, and what holding them costs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from springtide.events.leads import p95, preparation_time
from springtide.events.waves import ServicePlan, waves
from springtide.overview.event_facts import EventFacts, ServiceFacts
from springtide.overview.events import Cost, Wave, WaveService, WaveState

_HOUR: Final = timedelta(hours=1)


def waves_of(facts: EventFacts) -> tuple[Wave, ...]:
    """Return the waves of the preparation, with their times by what was measured."""
    return tuple(_waves(facts))


def _waves(facts: EventFacts) -> Iterator[Wave]:
    orders = {order.service: order for order in facts.orders}
    before: list[ServicePlan] = []
    begins: datetime | None = facts.prepared_at
    for number, names in enumerate(waves(list(orders.values())), start=1):
        before += [orders[name] for name in names]
        taken = _time(facts, before)
        stands = None if taken is None else facts.prepared_at + taken
        yield Wave(
            number=number,
            services=tuple(_service(facts, orders[name]) for name in names),
            begins_at=begins,
            stands_at=stands,
        )
        begins = stands


def _time(facts: EventFacts, orders: list[ServicePlan]) -> timedelta | None:
    growing = [order for order in orders if order.steps]
    runs = {order.service: facts.by_service[order.service].runs for order in growing}
    if not all(runs.values()):
        return None
    times = {service: timedelta(seconds=p95(seconds)) for service, seconds in runs.items()}
    return preparation_time(growing, times, facts.calendars.pace)


def _service(facts: EventFacts, order: ServicePlan) -> WaveService:
    each = facts.by_service[order.service]
    wanted = order.standing if each.note is None else _noted(facts, each, order)
    ready = None if each.look is None else each.look.ready
    return WaveService(
        service=order.service,
        steps=order.steps,
        current=each.current,
        ready=ready,
        state=_state(facts, each, ready, wanted),
        message="" if each.look is None else each.look.owner,
    )


def _noted(facts: EventFacts, each: ServiceFacts, order: ServicePlan) -> int:
    return facts.granted[each.service].replicas if each.service in facts.granted else order.standing


def _state(facts: EventFacts, each: ServiceFacts, ready: int | None, wanted: int) -> WaveState:
    if each.look is None:
        return WaveState.WAITS if facts.now < facts.prepared_at else WaveState.UNKNOWN
    if each.look.owner:
        return WaveState.GOES_ON
    if ready is not None and ready >= wanted:
        return WaveState.STANDS
    if facts.now < facts.prepared_at:
        return WaveState.WAITS
    return WaveState.UNKNOWN if ready is None else WaveState.WAITS


def cost_of(facts: EventFacts) -> Cost:
    """Return what holding the event costs at its height, over its time."""
    pods = _total({each.service: _height(facts, each) for each in facts.services})
    beyond = _total({each.service: _beyond(facts, each) for each in facts.services})
    if pods is None:
        return Cost()
    hours = (facts.occurrence.end - facts.occurrence.start) / _HOUR
    prices = [view.calendar.spec.cap.cost_per_pod_hour for view in facts.calendars.views]
    price = max((each for each in prices if each is not None), default=None)
    money = None if price is None else round(pods * hours * price, 2)
    return Cost(pods=pods, beyond=beyond, pod_hours=round(pods * hours, 2), money=money)


def _height(facts: EventFacts, each: ServiceFacts) -> int | None:
    if facts.wanted(each.service) is None:
        return None
    granted = facts.granted.get(each.service)
    return facts.wanted(each.service) if granted is None else granted.replicas


def _beyond(facts: EventFacts, each: ServiceFacts) -> int | None:
    height = _height(facts, each)
    return None if height is None or each.base is None else max(0, height - each.base)


def _total(numbers: Mapping[str, int | None]) -> int | None:
    """Return the sum; None where one of them is not known, for a part of it would be too low."""
    known = [number for number in numbers.values() if number is not None]
    return sum(known) if known and len(known) == len(numbers) else None
