"""What keeps a sweep or a preparation from starting runs of a service: its pause, or how its runs failed of late."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import structlog

from springtide.errors import SpringtideError
from springtide.events.sweep import Inspection
from springtide.events.waves import ServicePlan
from springtide.fleet.failing import backs_off, pause_for, streak_of
from springtide.fleet.ports import FleetPorts
from springtide.notify.facts import Fact, key_of
from springtide.notify.wanted import recipients
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.looks import keep_look, pauses_seen
from springtide.record.pauses import Pause
from springtide.record.store import OpenStore, RunStore

log = structlog.get_logger(__name__)

PAUSED: Final = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stops:
    """Why no run is started, by service: its open pause, or that its last failure is too fresh (`backing_off`)."""

    pauses: Mapping[str, Pause] = field(default_factory=dict)
    backing_off: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> dict[str, str]:
        """Why, in words."""
        return {**self.backing_off, **{name: str(pause) for name, pause in self.pauses.items()}}

    def __bool__(self) -> bool:
        return bool(self.pauses or self.backing_off)


def stops_of(fleet: FleetPorts, orders: Iterable[ServicePlan], *, is_sweep: bool, is_dry: bool) -> Stops:
    """Return what keeps runs of `orders` from being started; a service that fails again and again is paused now.

    Only sweeps back off: an event does not wait, for what it begins with waits neither. With `is_dry` nothing is kept.

    Raises:
        TemporaryError: the store does not answer.
    """
    orders = list(orders)
    now = fleet.clock.now()
    with fleet.open_store() as store:
        pauses = dict(store.pauses([order.service for order in orders], now=now))
        acting = [order.service for order in orders if order.steps and order.service not in pauses]
        backing_off: dict[str, str] = {}
        for policy in _readable(fleet, acting):
            pause, why = _judged(store, policy, now, is_dry=is_dry)
            if pause is not None:
                pauses[policy.name] = pause
            elif is_sweep and why:
                backing_off[policy.name] = why
    return Stops(pauses=pauses, backing_off=backing_off)


def with_stops(inspections: Mapping[str, Inspection], stops: Stops) -> dict[str, Inspection]:
    """Return the inspections with why nothing is started for them."""
    words = stops.words
    return {name: replace(each, paused=words.get(name, "")) for name, each in inspections.items()}


def paused_after_failures(fleet: FleetPorts, failed: Collection[str]) -> dict[str, Pause]:
    """Pause those of the services that just `failed` the same way as before, and return their pauses.

    A store that does not answer costs nothing: the next sweep that would start something finds the same.
    """
    now = fleet.clock.now()
    try:
        with fleet.open_store() as store:
            known = store.pauses(failed, now=now)
            found = {
                policy.name: _judged(store, policy, now, is_dry=False)[0]
                for policy in _readable(fleet, sorted(failed - known.keys()))
            }
    except SpringtideError as error:
        log.warning("pauses_not_kept", code=error.code, message=error.message)
        return {}
    return {name: pause for name, pause in found.items() if pause is not None}


def keep_pauses(open_store: OpenStore, now: datetime) -> None:
    """Show in the metrics which services are paused; a store that does not answer costs the metric alone."""
    try:
        with open_store() as store:
            pauses = store.pauses(now=now)
    except SpringtideError as error:
        log.warning("pauses_not_shown", code=error.code, message=error.message)
        return
    keep_look(open_store, pauses_seen({name: (each.is_by_springtide, each.at) for name, each in pauses.items()}))


def paused_facts(fleet: FleetPorts, services: Collection[str]) -> tuple[Fact, ...]:
    """Return the facts that `services` are paused: each the same until it is paused anew.

    Raises:
        TemporaryError: the store does not answer.
    """
    with fleet.open_store() as store:
        pauses = store.pauses(services, now=fleet.clock.now())
    policies = {policy.name: policy for policy in _readable(fleet, sorted(pauses))}
    return tuple(paused_fact(pause, policies.get(name)) for name, pause in pauses.items())


def paused_fact(pause: Pause, policy: ScalingPolicy | None) -> Fact:
    """Return the fact of one pause; `policy` is None where it cannot be read."""
    resume = f"No sweep and no event starts a run of it. When it is mended: springtide resume {pause.service}"
    return Fact(
        kind=PAUSED,
        subject=pause.service,
        key=key_of(PAUSED, pause.service, pause.at.isoformat()),
        to=recipients(PAUSED, [policy]),
        lines=(str(pause), resume),
    )


def _judged(store: RunStore, policy: ScalingPolicy, now: datetime, *, is_dry: bool) -> tuple[Pause | None, str]:
    streak = streak_of(store.latest(policy.name), store.latest_pauses(policy.name), now)
    if streak is None:
        return None, ""
    pause = pause_for(streak, policy, now)
    if pause is None:
        return None, backs_off(streak, policy.spec.guards.failures, now)
    if is_dry:
        return pause, ""
    held = store.pause(pause)
    log.error("service_paused", service=policy.name, by=held.by, reason=held.reason)
    return held, ""


def _readable(fleet: FleetPorts, services: Iterable[str]) -> list[ScalingPolicy]:
    found = []
    for service in services:
        with suppress(SpringtideError):  # its look has told already, or its run will
            found.append(fleet.policies.get(service))
    return found
