"""Reads what the view of an event is made from: the store once for all events, the cluster once for each service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from springtide.errors import SpringtideError
from springtide.events.calendars import Calendars
from springtide.events.connections import ConnectionUse
from springtide.events.grants import Grant, grants
from springtide.events.leads import LEARNED_WITHIN, LeadTime, MeasuredRuns, leads_of
from springtide.events.notes import EventNote
from springtide.events.occurrences import Occurrence
from springtide.events.rehearsed import RehearsalOutcome
from springtide.events.sweep import steps_up
from springtide.events.waves import ServicePlan
from springtide.overview.event_cluster import EventLooks
from springtide.overview.event_facts import EventFacts, ServiceFacts, bounds_of, wanted_of
from springtide.overview.event_past import PastNeed, past_need, past_occurrences
from springtide.overview.event_surroundings import EventSurroundings
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.approvals import ApprovalAhead, last_word
from springtide.record.pauses import Pause
from springtide.record.store import RunStore
from springtide.training.durations import measure


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What the store says of the services of some events; `problem` says why it said nothing."""

    measured: MeasuredRuns = field(default_factory=MeasuredRuns)
    notes: Mapping[tuple[str, str], EventNote] = field(default_factory=dict)
    pauses: Mapping[str, Pause] = field(default_factory=dict)
    rehearsals: Mapping[str, Sequence[RehearsalOutcome]] = field(default_factory=dict)
    past: Mapping[tuple[str, str], Sequence[PastNeed]] = field(default_factory=dict)
    approvals: Sequence[ApprovalAhead] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReading:
    """What is known of all events together: whoever wants one event's facts asks `facts`."""

    around: EventSurroundings
    calendars: Calendars
    now: datetime
    policies: Mapping[str, ScalingPolicy]
    broken: Mapping[str, str]
    stored: StoreFacts
    leads: Mapping[str, LeadTime]
    looks: EventLooks

    @classmethod
    def of(
        cls, around: EventSurroundings, calendars: Calendars, *, asked: Iterable[Occurrence], with_cluster: bool
    ) -> EventReading:
        """Read what the `asked` events need. A part that fails is told in the facts, and takes nothing else away."""
        now = around.clock.now()
        events = tuple(asked)
        asked_by = _near(calendars, events, now)
        policies, broken = _policies(around, asked_by, with_neighbours=with_cluster)
        stored = _stored(around, calendars, events, policies, now)
        return cls(
            around=around,
            calendars=calendars,
            now=now,
            policies=policies,
            broken=broken,
            stored=stored,
            leads=leads_of(calendars, stored.measured, now),
            looks=EventLooks(ports_of=around.ports_of if with_cluster else None),
        )

    def facts(self, event: Occurrence) -> EventFacts:
        """Return what is known of one event."""
        services = tuple(self._service(event, name) for name in event.asks)
        facts = EventFacts(
            occurrence=event,
            lead=self.leads[event.id],
            calendars=self.calendars,
            now=self.now,
            services=services,
            airflow=self.around.airflow,
            awake=self.around.awake,
            halted=self.around.halted,
            granted=_granted(self.calendars, event, services, self.policies),
            preparations=self.stored.measured.preparations,
            neighbours=tuple(self.policies.values()),
            store_problem=self.stored.problem,
        )
        return replace(facts, orders=tuple(_orders(facts)))

    def _service(self, event: Occurrence, name: str) -> ServiceFacts:
        stored = self.stored
        facts = ServiceFacts(
            service=name,
            ask=event.asks[name],
            policy=self.policies.get(name),
            problem=self.broken.get(name, ""),
            note=stored.notes.get((event.id, name)),
            pause=stored.pauses.get(name),
            approval=last_word(stored.approvals, name, event.id),
            last=stored.measured.expected.get(name),
            runs=stored.measured.runs.get(name, ()),
            rehearsals=stored.rehearsals.get(name, ()),
            past=stored.past.get((event.id, name), ()),
        )
        if facts.policy is not None:
            look, unseen = self.looks.of(facts.policy)
            facts = replace(facts, look=look, unseen=unseen)
        return _with_base(facts)


def _with_base(facts: ServiceFacts) -> ServiceFacts:
    """Return the facts with what a multiple multiplies: noted before measured, measured before its last run."""
    if facts.note is not None:
        return replace(
            facts, base=facts.note.expected, base_from="noted when it was prepared", is_measured=not facts.note.assumed
        )
    if facts.look is not None and facts.look.expected is not None:
        return replace(facts, base=facts.look.expected, base_from="what demand needs now", is_measured=True)
    if facts.last is not None:
        return replace(facts, base=facts.last, base_from="what its last run went to")
    return facts


def _near(calendars: Calendars, events: Sequence[Occurrence], now: datetime) -> set[str]:
    """Return the services of `events`, of those beside them, and of those whose leads are learned by now."""
    begin = min((event.start for event in events), default=now)
    end = max((event.end for event in events), default=now)
    near = (
        other
        for other in calendars.occurrences
        if (other.start < end and begin < other.end) or abs(other.start - now) < LEARNED_WITHIN
    )
    return {name for event in (*events, *near) for name in event.asks}


def _policies(
    around: EventSurroundings, asked: Iterable[str], *, with_neighbours: bool
) -> tuple[dict[str, ScalingPolicy], dict[str, str]]:
    """Return the policies of the services that are asked for, and why some cannot be used.

    With those of their neighbours, where databases are shared: reading a thousand takes its time.
    """
    there = set(around.policies.names())
    wanted = set(asked)
    broken = dict.fromkeys(wanted - there, "there is no policy of this name") if there else {}
    policies, problems = _read(around, wanted & there)
    if with_neighbours and any(policy.spec.downstream for policy in policies.values()):
        policies |= _read(around, there - wanted)[0]
    return policies, broken | problems


def _read(around: EventSurroundings, names: Iterable[str]) -> tuple[dict[str, ScalingPolicy], dict[str, str]]:
    policies: dict[str, ScalingPolicy] = {}
    problems: dict[str, str] = {}
    for name in sorted(names):
        try:
            policies[name] = around.policies.get(name)
        except SpringtideError as error:
            problems[name] = f"its policy cannot be used ({error.code}); see springtide validate"
    return policies, problems


def _stored(
    around: EventSurroundings,
    calendars: Calendars,
    events: Sequence[Occurrence],
    policies: Mapping[str, ScalingPolicy],
    now: datetime,
) -> StoreFacts:
    names = sorted({name for event in events for name in event.asks})
    every = sorted(_near(calendars, events, now))
    try:
        with around.open_store() as store:
            kept = store.notes(names, now=now)
            return StoreFacts(
                measured=measure(store, every, policies),
                notes={(note.occurrence.id, name): note for name, many in kept.items() for note in many},
                pauses=store.pauses(names, now=now),
                rehearsals={name: store.rehearsals(name) for name in names},
                past=_past(store, calendars, events, now),
                approvals=store.approvals_ahead(names),
            )
    except SpringtideError as error:
        return StoreFacts(measured=_of_policies(policies), problem=error.message)


def _of_policies(policies: Mapping[str, ScalingPolicy]) -> MeasuredRuns:
    """Return what is known of services where the store says nothing: their order and their steps."""
    return MeasuredRuns(
        after={name: policy.spec.after for name, policy in policies.items()},
        step_up={name: float(policy.spec.guards.step_up) for name, policy in policies.items()},
    )


def _past(
    store: RunStore, calendars: Calendars, events: Sequence[Occurrence], now: datetime
) -> dict[tuple[str, str], tuple[PastNeed, ...]]:
    return {
        (event.id, name): tuple(
            past_need(store, name, other) for other in past_occurrences(calendars.occurrences, event, name, now)
        )
        for event in events
        for name in event.asks
    }


def _granted(
    calendars: Calendars,
    event: Occurrence,
    services: Sequence[ServiceFacts],
    policies: Mapping[str, ScalingPolicy],
) -> dict[str, Grant]:
    """Return what each service gets under all events that go on with `event`, at the time at which that is least."""
    beside = [other for other in (*calendars.occurrences, event) if other.start < event.end and event.start < other.end]
    together = {other.id: other for other in beside}
    expected = {facts.service: facts.base for facts in services if facts.base is not None}
    bounds = {name: bounds_of(policies[name]) for other in together.values() for name in other.asks if name in policies}
    least: dict[str, Grant] = {}
    for moment in sorted({max(event.start, other.start) for other in together.values()}):
        going_on = [other for other in together.values() if other.start <= moment < other.end]
        granted = grants(going_on, expected, bounds, cap=calendars.cap)
        for name in event.asks.keys() & granted.keys():
            if name not in least or granted[name].replicas < least[name].replicas:
                least[name] = granted[name]
    return least


def _orders(facts: EventFacts) -> Iterable[ServicePlan]:
    """Yield the runs of each service whose number is known, by the rules of a sweep."""
    for each in facts.services:
        wanted = wanted_of(facts.occurrence, each)
        if each.policy is None or wanted is None:
            continue
        spec = each.policy.spec
        current = spec.replicas.min if each.current is None else each.current
        target = min(wanted, spec.replicas.max)
        yield ServicePlan(
            service=each.service,
            current=current,
            steps=steps_up(current, target, float(spec.guards.step_up)),
            after=spec.after,
            connection_uses=tuple(
                ConnectionUse(entry.name, entry.connections_per_replica, entry.usable) for entry in spec.downstream
            ),
            overlaps=spec.strategy.type == "blue_green",
        )
