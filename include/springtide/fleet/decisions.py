"""What a sweep or a preparation decided, kept: for the guards of the next one, and as advice where nothing is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog

from springtide.errors import SpringtideError
from springtide.events.sweep import Inspection
from springtide.events.waves import ServicePlan
from springtide.fleet.ports import FleetPorts
from springtide.plan.recent import SweepDecision

log = structlog.get_logger(__name__)


def keep_decisions(
    fleet: FleetPorts, inspections: Mapping[str, Inspection], orders: Iterable[ServicePlan], now: datetime
) -> None:
    """Keep what `orders` decide about the services that were seen.

    A store that does not answer costs the record of what is carried out, not the sweep.

    Raises:
        TemporaryError: the store does not answer, and there is advice, of which nothing is left but its record.
    """
    decisions = [_decision(inspections[order.service], order, now) for order in orders]
    kept = [each for each in decisions if each is not None]
    if not kept:
        return
    try:
        with fleet.open_store() as store:
            store.save_decisions(kept, now=now)
    except SpringtideError as error:
        if any(each.advises for each in kept):
            raise
        log.warning("decisions_not_kept", code=error.code, message=error.message)


def _decision(inspection: Inspection, order: ServicePlan, now: datetime) -> SweepDecision | None:
    if inspection.is_owned:  # a number read in the middle of a run is neither what was nor what will be
        return None
    planned = order.advised if order.advised is not None else (order.steps or (order.current,))[-1]
    return SweepDecision(
        policy=inspection.service,
        at=now,
        before=inspection.current,
        planned=planned,
        answer=inspection.answer,
        observed=inspection.observed,
        ready=inspection.ready,
        lately_ready=inspection.lately_ready,
        is_floor=inspection.minimum is not None,
        advises=inspection.advises,
        reason=order.reason,
        gate=inspection.gate,
        abstained=inspection.abstained,
    )
