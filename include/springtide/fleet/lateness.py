"""Whether a preparation can still make it, and how long it took when it was over: both by what was measured."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from springtide.errors import NotFound, SpringtideError
from springtide.events.calendars import Pace
from springtide.events.leads import lateness
from springtide.events.preparations import EventSize, Preparation
from springtide.events.waves import ServicePlan, Started
from springtide.fleet.due import Due
from springtide.fleet.memory import Memory
from springtide.fleet.ports import FleetPorts
from springtide.record.store import RunStore
from springtide.training.durations import measured_runs, without_person

log = structlog.get_logger(__name__)


def foreseen_lateness(
    fleet: FleetPorts,
    memory: Memory,
    due: Due,
    orders: Sequence[ServicePlan],
    started: Sequence[Started],
    *,
    pace: Pace,
) -> str | None:
    """Return why what is left can no longer be done by the start of the next event of `due`; None while it can.

    It is said once: what was said is kept in `memory` under `late`.
    """
    now = fleet.clock.now()
    ahead = [event.start for event in due.events if event.start > now]
    if not ahead or memory.get("late") is not None:
        return None
    measured = memory.get("measured")
    if measured is None:
        measured = _measured(fleet, {order.service for order in orders if order.steps})
        memory.set("measured", measured)
    message = lateness(orders, started, measured, pace, start=min(ahead), now=now)
    if message is not None:
        memory.set("late", message)
    return message


def keep_duration(
    fleet: FleetPorts, due: Due, orders: Sequence[ServicePlan], run_ids: Sequence[str], *, parent: str
) -> None:
    """Keep how long a whole preparation took, for leads to be learned from; a store that fails is only logged.

    One in which a person was asked says nothing: people answer when they do.
    """
    now = fleet.clock.now()
    size = EventSize.of(orders)
    if not size.runs:
        return
    try:
        with fleet.open_store() as store:
            if not any(_asked_a_person(store, run_id) for run_id in run_ids):
                seconds = (now - due.began_at).total_seconds()
                store.save_preparation(Preparation(run_id=parent, began_at=due.began_at, seconds=seconds, size=size))
    except SpringtideError as error:
        log.warning("preparation_not_measured", run=parent, code=error.code, message=error.message)


def _measured(fleet: FleetPorts, services: set[str]) -> dict[str, list[float]]:
    try:
        with fleet.open_store() as store:
            return {service: measured_runs(store, service)[0] for service in sorted(services)}
    except SpringtideError as error:
        log.warning("runs_not_measured", code=error.code, message=error.message)
        return {}


def _asked_a_person(store: RunStore, run_id: str) -> bool:
    try:
        run = store.get(run_id)
    except NotFound:
        return False
    worked = without_person(run)
    return run.seconds is not None and worked is not None and worked < run.seconds
