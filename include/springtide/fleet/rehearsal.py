"""A rehearsal: the way there without anything made smaller, one load test of each service, and the way back.

Whatever becomes of it, everything goes back at once, what depends on others first; and what a rehearsal that died
leaves behind expires like any other event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from springtide.errors import Fenced, PermanentError, TemporaryError
from springtide.events.rehearsal import LoadOrder, ReleaseTarget, load_order, release_orders, without_shrinking
from springtide.events.rehearsed import RehearsalOutcome, RehearsalVerdict, judged
from springtide.events.sweep import Inspection
from springtide.events.waves import ServicePlan
from springtide.fleet.due import Due
from springtide.fleet.inspection import inspect_service
from springtide.fleet.load_test import load_test
from springtide.fleet.memory import Memory
from springtide.fleet.orders import UNSEEN, WHY_UNSEEN, Inspections, decided_orders, unseen_orders, with_events
from springtide.fleet.ports import FleetPorts
from springtide.fleet.rehearsal_request import AcceptedRehearsal
from springtide.fleet.report import FleetReport
from springtide.policy.scaling.model import ScalingPolicy

log = structlog.get_logger(__name__)

BUSY_FOR: Final = timedelta(minutes=10)
"""How long the way back waits for a run that still owns a service."""

WAY_BACK: Final = "back-"
"""What stands in the names of the runs that give a rehearsal back."""


def growth_orders(fleet: FleetPorts, due: Due, inspections: Mapping[str, Inspection]) -> Sequence[ServicePlan]:
    """Return the orders of the event itself; nothing is made smaller.

    Raises:
        PermanentError: the rehearsal has expired (`rehearsal_expired`).
    """
    expires = due.events[0].end
    if fleet.clock.now() >= expires:
        raise PermanentError(
            f"the rehearsal expired at {expires:%H:%M:%S} UTC before its services stood: give it more minutes, or see "
            "which run waits.",
            code="rehearsal_expired",
            field="minutes",
        )
    return without_shrinking(decided_orders(fleet, due, inspections, is_rehearsal=True))


@dataclass(frozen=True, slots=True)
class WayBack:
    """Decides the way back from a rehearsal: once all of its services are free, by a new look at each."""

    fleet: FleetPorts
    memory: Memory
    looked: Inspections

    def __call__(self, due: Due) -> Sequence[ServicePlan]:
        """Return the orders.

        Raises:
            Fenced: a run owns one of them, and not for long enough to give up on it.
        """
        fleet = self.fleet
        rehearsal = due.events[0]
        with fleet.open_store() as store:
            store.drop_notes(list(rehearsal.asks), rehearsal.id)
        # What it had before is from the look before the rehearsal; a service that a run owned then has no such number.
        before = {
            name: inspection
            for name, inspection in self.looked().items()
            if name in rehearsal.asks and not inspection.is_owned and not inspection.advises
        }
        seen = self._seen(list(before))
        with fleet.open_store() as store:
            notes = store.notes(list(seen), now=fleet.clock.now())
        held = with_events(fleet, replace(due, events=()), seen, notes)
        backs = [_back(inspection, before=before[name].current) for name, inspection in held.items()]
        return [*release_orders(backs), *unseen_orders(before.keys() - seen.keys(), {})]

    def _seen(self, services: Sequence[str]) -> dict[str, Inspection]:
        """Return what there is now; what cannot be looked at is left out.

        A cluster that does not answer is waited for as a run is, and then keeps nothing of another from its way back.
        """
        seen: dict[str, Inspection] = {}
        away: list[TemporaryError] = []
        for service in services:
            try:
                policy = self.fleet.policies.get(service)
                with self.fleet.ports_of(policy) as ports:
                    inspection = inspect_service(ports, policy)
            except PermanentError as error:
                log.warning("service_not_seen", service=service, code=error.code, message=error.message)
                continue
            except TemporaryError as error:
                log.warning("service_not_seen", service=service, code=error.code, message=error.message)
                away.append(error)
                continue
            if not inspection.is_owned:
                seen[service] = inspection
            # A run of the way there may go on. Its fence would refuse the way back, so that waits.
            elif not self._is_given_up(self.fleet.clock.now()):
                raise Fenced(str(inspection.frozen), code="run_active", field=service)
        if away and (not seen or not self._is_given_up(self.fleet.clock.now())):
            raise away[0]
        return seen

    def _is_given_up(self, now: datetime) -> bool:
        since = self.memory.get("busy_since")
        if since is None:
            self.memory.set("busy_since", now.isoformat())
            return False
        return now - datetime.fromisoformat(since) > BUSY_FOR


def _back(inspection: Inspection, *, before: int) -> ReleaseTarget:
    minimum = inspection.minimum
    return ReleaseTarget(
        service=inspection.service,
        before=before,
        current=inspection.current,
        floor=inspection.floor or 0,
        step_down=inspection.step_down,
        after=inspection.after,
        owner_minimum=minimum.owner_minimum if minimum else None,
        until=minimum.until(inspection.events_until) if minimum else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRehearsal:
    """The load test of one service. `inspection` is of before the preparation, None where it could not be looked at.

    `prepared` is what became of the preparation; `memory` is this service's own: it knows whether the load was begun.
    """

    fleet: FleetPorts
    rehearsal: AcceptedRehearsal
    service: str
    run_id: str
    inspection: Inspection | None
    prepared: FleetReport
    memory: Memory

    def test(self) -> RehearsalOutcome | None:
        """Send the load and return the verdict over it; None where the service is not of the rehearsal.

        Raises:
            PermanentError: the load was begun before, and its worker died (`load_test_interrupted`): it is not sent
                twice.
            TemporaryError: something did not answer before the load was begun.
        """
        if self.service not in self.rehearsal.occurrence.asks:
            return None
        outcome = RehearsalOutcome(
            run_id=self.run_id,
            policy=self.service,
            event=self.rehearsal.event,
            at=self.fleet.clock.now(),
            verdict=RehearsalVerdict.NOT_PROVEN,
            message="",
        )
        if self.inspection is None or self.service in self.prepared.problems:
            why = self.prepared.problems.get(self.service, f"{UNSEEN}: {WHY_UNSEEN}")
            return replace(outcome, verdict=RehearsalVerdict.WOULD_NOT_HOLD, message=f"could not be prepared: {why}")
        if self.inspection.advises:  # it was not made larger, so it must not get the load of an event
            message = f"{self.prepared.services[self.service]}; no load: mode advise"
            return replace(outcome, verdict=RehearsalVerdict.NOT_TESTED, message=message)
        if self.inspection.frozen is not None or outcome.at >= self.rehearsal.occurrence.end:
            return replace(outcome, message=f"not proven: {self.inspection.frozen or 'the rehearsal has expired'}")
        return self._tested(self.inspection, replace(outcome, replicas=self.prepared.standing[self.service]))

    def _tested(self, inspection: Inspection, outcome: RehearsalOutcome) -> RehearsalOutcome:
        policy = self.fleet.policies.get(self.service)
        wanted = self.rehearsal.wanted
        order = load_order(
            policy,
            self.rehearsal.occurrence.asks[self.service],
            wanted,
            replicas=outcome.replicas,
            demand=inspection.health.demand,
            expected=inspection.expected,
        )
        if isinstance(order, LoadOrder):
            return self._loaded(policy, outcome, order)
        is_off = policy.spec.rehearsal is None or not wanted.load
        verdict = RehearsalVerdict.NOT_TESTED if is_off else outcome.verdict
        return replace(outcome, verdict=verdict, message=f"{self.prepared.services[self.service]}; {order}")

    def _loaded(self, policy: ScalingPolicy, outcome: RehearsalOutcome, order: LoadOrder) -> RehearsalOutcome:
        if self.memory.get("begun"):
            raise PermanentError(
                "the load was begun and its worker died: it is not sent twice. Start another rehearsal.",
                code="load_test_interrupted",
            )
        with self.fleet.ports_of(policy) as ports:
            figures = load_test(ports, policy, order, self._begin, send=self.fleet.send)
        return judged(outcome, order, figures)

    def _begin(self) -> None:
        self.memory.set("begun", True)
