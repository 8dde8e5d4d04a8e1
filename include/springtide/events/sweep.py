"""What one service needs right now: the larger of its demand and its events, kept while they last. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from springtide.events.calendars import Calendars
from springtide.events.connections import ConnectionUse
from springtide.events.grants import Grant, ReplicaBounds, grants
from springtide.events.minimum import Minimum
from springtide.events.occurrences import Occurrence
from springtide.events.release import Health, release_step
from springtide.events.waves import ServicePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was found about one service: replicas now, what its plan says, its floor, and whether it may be touched.

    `planned` is the policy's own plan without any event: None where demand could not be judged (`problem` says why);
    `expected` is what its demand most likely needs: what an event multiplies. Where an autoscaler owns the
    replicas, all of these are its minimum, and `minimum` says more; `events_until` is the end of what asks for a floor.
    `floor_event` is the id of the occurrence that asks for the floor. `is_owned`: another run owns it, so nobody knows
    yet what it will have.

    `advises`: nothing is written for it, so `current` is what the sweep before would have left. `observed` are the
    replicas that somebody else wants of it, `ready` those of them that serve, and `answer` is what its models asked
    for before any guard; None where nobody knows. `lately_ready` is how many seconds ago pods became ready, of late.

    `unknown` says why demand is not known or not trusted, None where it is; `usual` is then what it needed at this hour
    of the days that were kept. `reads_demand` is False where the policy measures none.
    """

    service: str
    current: int
    planned: int | None
    expected: int | None = None
    floor: int | None = None
    floor_reason: str = ""
    floor_event: str = ""
    asked: int | None = None
    """What the events ask for before any bound or cap cuts it; None where none asks."""

    frozen: str | None = None
    problem: str | None = None
    step_up: float = 3.0
    step_down: float = 0.5
    health: Health = field(default_factory=lambda: Health("nobody looked at it"))
    after: tuple[str, ...] = ()
    least: int = 1
    most: int = 10_000
    connection_uses: tuple[ConnectionUse, ...] = ()
    overlaps: bool = False
    minimum: Minimum | None = None
    events_until: datetime | None = None
    is_owned: bool = False
    unknown: str | None = None
    usual: int | None = None
    reads_demand: bool = True
    advises: bool = False
    observed: int = 0
    ready: int | None = None
    lately_ready: tuple[float, ...] = ()
    answer: int | None = None
    held: str = ""
    """Why the plan is not smaller, where a guard held it."""

    abstained: tuple[str, ...] = ()
    """The models that had no say."""

    paused: str = ""
    """Why nothing is started for it, where it is paused or its last run failed too lately; "" where neither is so."""

    @property
    def running(self) -> int:
        """The replicas that run now, whoever wanted them."""
        return self.current if self.minimum is None else max(self.current, self.minimum.running)

    @property
    def knows_demand(self) -> bool:
        """Whether `expected` comes from demand that is measured and trusted."""
        return self.expected is not None and self.reads_demand and self.unknown is None

    @property
    def gate(self) -> str:
        """What the metrics gate said of demand: `pass`, `hold` or `refuse`; "" where the policy reads none."""
        if not self.reads_demand:
            return ""
        if self.expected is None:
            return "refuse"
        return "pass" if self.unknown is None else "hold"

    @property
    def base(self) -> int:
        """What an event multiplies that was never noted: by demand that nobody knows, never the lowest number."""
        if self.expected is not None and self.knows_demand:
            return self.expected
        return max(self.expected or 0, self.running, self.usual or 0, self.least)

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        minimum = self.minimum.to_record() if self.minimum else None
        until = self.events_until.isoformat() if self.events_until else None
        lists = {
            "after": list(self.after),
            "connection_uses": [asdict(use) for use in self.connection_uses],
            "lately_ready": list(self.lately_ready),
            "abstained": list(self.abstained),
        }
        return asdict(self) | lists | {"minimum": minimum, "events_until": until}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Inspection:
        """Return the inspection that `to_record` stored."""
        minimum = record["minimum"]
        until = record["events_until"]
        parsed = {
            "health": Health(**record["health"]),
            "after": tuple(record["after"]),
            "lately_ready": tuple(record.get("lately_ready", ())),
            "abstained": tuple(record.get("abstained", ())),
            "connection_uses": tuple(ConnectionUse(**use) for use in record["connection_uses"]),
            "minimum": Minimum.from_record(minimum) if minimum else None,
            "events_until": datetime.fromisoformat(until) if until else None,
        }
        return cls(**{**record, **parsed})


@dataclass(frozen=True, slots=True)
class HeldNow:
    """How an occurrence is held for a service now: the share that it needs from now on, and what was not known."""

    share: float = 1.0
    doubt: str = ""


def with_floors(
    inspections: Mapping[str, Inspection],
    going_on: Iterable[Occurrence],
    calendars: Calendars,
    *,
    noted: Mapping[tuple[str, str], int],
    now: datetime,
    held: Mapping[tuple[str, str], HeldNow] | None = None,
) -> dict[str, Inspection]:
    """Return the inspections with what the events that are `going_on` ask for, and with what is frozen `now`.

    `noted` is what was expected for a service when an occurrence was prepared, by both names; `held` how much of it is
    needed now, and what was not known.
    """
    events = {occurrence.id: occurrence for occurrence in going_on}
    expected = {name: inspection.base for name, inspection in inspections.items()}
    bounds = {name: ReplicaBounds(inspection.least, inspection.most) for name, inspection in inspections.items()}
    shares = {key: now_held.share for key, now_held in (held or {}).items()}
    granted = grants(events.values(), expected, bounds, cap=calendars.cap, noted=noted, shares=shares)
    acting = {name: bound for name, bound in bounds.items() if not inspections[name].advises}
    if len(acting) < len(bounds):  # advice starts no pod, so it takes nothing of the cap from those that act
        granted |= grants(events.values(), expected, acting, cap=calendars.cap, noted=noted, shares=shares)
    answer = {}
    for name, inspection in inspections.items():
        grant = granted.get(name)
        event = None if grant is None else events[grant.occurrence].event
        frozen = inspection.frozen or calendars.frozen(name, now, event)
        changed = replace(inspection, frozen=frozen)
        if grant is not None and grant.replicas:
            doubt = (held or {}).get((grant.occurrence, name), HeldNow()).doubt
            reason = _granted(grant, doubt)
            until = max(occurrence.end for occurrence in events.values() if name in occurrence.asks)
            changed = replace(
                changed,
                floor=grant.replicas,
                floor_reason=reason,
                floor_event=grant.occurrence,
                events_until=until,
            )
        elif grant is not None:
            changed = replace(changed, floor_reason=_granted(grant, ""))  # nothing of the cap was left: no floor
        answer[name] = changed if grant is None else replace(changed, asked=grant.asked)
    return answer


def _granted(grant: Grant, doubt: str) -> str:
    clamps = (f"{clamp.reason}, so {clamp.replicas}" for clamp in grant.clamps)
    return "; ".join([grant.reason, *([doubt] if doubt else []), *clamps])


def order_for(inspection: Inspection, others: Mapping[str, Inspection]) -> ServicePlan:
    """Return what is to be done about one service: an order without steps where nothing is.

    A floor is never undercut, not even when demand cannot be judged. A smaller number goes through the release gate
    with the services that this one comes after. What stays on an autoscaler is held longer before its note lapses.
    Where the mode is to advise, the order has no steps, and says what they would have been.
    """
    order = _acting_order_for(inspection, others)
    if inspection.advises and not inspection.is_owned:
        return order.as_advice(observed=inspection.observed)
    return order


def _acting_order_for(inspection: Inspection, others: Mapping[str, Inspection]) -> ServicePlan:
    if inspection.frozen is not None:
        return _stay(inspection, inspection.frozen)
    if inspection.paused:
        return _paused(inspection)
    order = _order_for(inspection, others)
    minimum = inspection.minimum
    if minimum is None:
        return order
    if order.steps:
        # At its owner's own minimum there is nothing left to hold, and so no note.
        is_back = order.steps[-1] == minimum.owner_minimum
        return replace(order, gives_back=is_back, until=None if is_back else minimum.until(inspection.events_until))
    if not minimum.lapses(events_until=inspection.events_until, planned=inspection.planned):
        return order
    until = minimum.until(inspection.events_until)
    reason = f"held until {until:%Y-%m-%d %H:%M} UTC instead of {minimum.held_until:%Y-%m-%d %H:%M}: {order.reason}"
    return replace(order, steps=(inspection.current,), until=until, reason=reason)


def _paused(inspection: Inspection) -> ServicePlan:
    """Return the order of a service that nothing is started for, and what an event lacks by that."""
    order = replace(_stay(inspection, inspection.paused), paused=inspection.paused)
    if inspection.floor is None or inspection.floor <= inspection.running:
        return order
    unmet = f"{inspection.floor_reason}, and {inspection.running} stay: {inspection.paused}"
    return replace(order, unmet=unmet)


def _order_for(inspection: Inspection, others: Mapping[str, Inspection]) -> ServicePlan:
    wanted = max(inspection.planned or 0, inspection.floor or 0)
    # Without a plan nothing may shrink, and yet an event's floor can be raised: its note says of how much.
    if inspection.planned is None and wanted <= inspection.current:
        return _stay(inspection, f"demand could not be judged ({inspection.problem}), so {inspection.current} stay")
    if wanted > inspection.current:
        owned = next((name for name in inspection.after if name in others and others[name].is_owned), None)
        # What it comes after may be half way: more of this service would press on what is not there yet.
        if owned is not None:
            return _stay(
                inspection, f"held at {inspection.current}: {owned}, which it comes after: {others[owned].frozen}"
            )
        is_event = inspection.floor is not None and inspection.floor >= (inspection.planned or 0)
        reason = inspection.floor_reason if is_event else _asked_for(inspection, wanted)
        # An autoscaler runs more than its minimum by itself: those pods are there, and no step has to start them.
        # A minimum under what runs already is no growth.
        steps = steps_up(inspection.running, wanted, inspection.step_up) or (wanted,)
        return ServicePlan(
            service=inspection.service,
            current=inspection.current,
            steps=steps,
            after=inspection.after,
            reason=reason,
            event=inspection.floor_event if is_event else "",
        )
    if wanted == inspection.current:
        held = inspection.floor_reason if inspection.floor == wanted else _asked(inspection, wanted)
        return _stay(inspection, held)
    needs = {name: others[name].health for name in inspection.after if name in others}
    gate = release_step(
        current=inspection.current,
        wanted=wanted,
        step_down=inspection.step_down,
        service=inspection.health,
        dependencies=needs,
    )
    if gate.is_held:
        return _stay(inspection, gate.reason)
    return ServicePlan(
        service=inspection.service, current=inspection.current, steps=(gate.replicas,), reason=gate.reason
    )


def _asked(inspection: Inspection, wanted: int) -> str:
    if inspection.held and wanted == inspection.planned:
        return inspection.held
    if inspection.minimum is not None and wanted == inspection.minimum.owner_minimum:
        return "no event asks for more than the minimum that the autoscaler's owner set"
    return _asked_for(inspection, wanted)


def _asked_for(inspection: Inspection, wanted: int) -> str:
    return f"demand asks for {wanted}" if inspection.reads_demand else f"its policy asks for {wanted}"


def steps_up(current: int, wanted: int, step_up: float) -> tuple[int, ...]:
    """Return the replicas to go through from `current` up to `wanted`: a run grows by `step_up`, by one at least."""
    steps: list[int] = []
    at = current
    while at < wanted:
        at = max(at + 1, int(min(wanted, at * step_up + 1e-9)))
        steps.append(at)
    return tuple(steps)


def _stay(inspection: Inspection, reason: str) -> ServicePlan:
    return ServicePlan(
        service=inspection.service, current=inspection.current, steps=(), after=inspection.after, reason=reason
    )


def orders_for(inspections: Mapping[str, Inspection]) -> tuple[ServicePlan, ...]:
    """Return the orders of a sweep over all services.

    What is released goes in the opposite order: a service is made smaller before those that it comes after, so that
    nothing is ever larger than what it needs.
    """
    # Growth goes from what is needed to what needs it, release the other way round: so each waits for the right ones.
    orders = {name: order_for(inspection, inspections) for name, inspection in inspections.items()}
    shrinking = {name for name, order in orders.items() if order.steps and order.steps[-1] < order.current}
    dependants = {
        name: tuple(sorted(other for other in shrinking if name in inspections[other].after)) for name in shrinking
    }
    return tuple(
        replace(
            order,
            after=dependants.get(name, order.after),
            connection_uses=inspections[name].connection_uses,
            overlaps=inspections[name].overlaps,
        )
        for name, order in orders.items()
    )
