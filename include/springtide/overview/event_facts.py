"""What is known of one event and of each of its services: read once, judged by the pure checks beside this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from springtide.events.calendars import Calendars
from springtide.events.grants import Grant, ReplicaBounds, grants
from springtide.events.leads import LeadTime
from springtide.events.notes import EventNote
from springtide.events.occurrences import Occurrence
from springtide.events.preparations import Preparation
from springtide.events.rehearsed import RehearsalOutcome
from springtide.events.waves import ServicePlan
from springtide.overview.awake import Awake
from springtide.overview.event_cluster import ClusterLook
from springtide.overview.event_surroundings import AirflowSight
from springtide.policy.calendar.model import ServiceRequest
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.approvals import ApprovalAhead
from springtide.record.pauses import Pause

if TYPE_CHECKING:
    from springtide.overview.event_past import PastNeed


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFacts:
    """One service of an event. `problem` says why its policy cannot be used; `look` is None where no cluster was seen.

    `base` is what a multiple multiplies, and `base_from` where it comes from; only what demand says is `is_measured`.
    `runs` are the seconds of its successful runs.
    """

    service: str
    ask: ServiceRequest
    policy: ScalingPolicy | None = None
    problem: str = ""
    base: int | None = None
    base_from: str = ""
    is_measured: bool = False
    last: int | None = None
    """What its last successful run went to; None without one."""

    look: ClusterLook | None = None
    unseen: str = ""
    note: EventNote | None = None
    pause: Pause | None = None
    approval: ApprovalAhead | None = None
    runs: Sequence[float] = ()
    rehearsals: Sequence[RehearsalOutcome] = ()
    past: Sequence[PastNeed] = ()

    @property
    def current(self) -> int | None:
        """What runs now or, where no cluster was seen, what its last run went to; None where nobody knows."""
        if self.look is not None and self.look.running is not None:
            return self.look.running
        # What was expected when it was prepared is what ran before that, and no longer what runs.
        return self.base if self.last is None else self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """One event, its services, and what surrounds it.

    `beside` are the events that go on at some time of it, itself included; `granted` what each service gets under all
    of them at the worst of these times. `orders` are the runs that are to be expected.
    """

    occurrence: Occurrence
    lead: LeadTime
    calendars: Calendars
    now: datetime
    services: tuple[ServiceFacts, ...]
    airflow: AirflowSight
    awake: Awake
    halted: str = ""
    granted: Mapping[str, Grant] = field(default_factory=dict)
    orders: tuple[ServicePlan, ...] = ()
    preparations: Sequence[Preparation] = ()
    neighbours: Sequence[ScalingPolicy] = ()
    store_problem: str = ""

    @property
    def prepared_at(self) -> datetime:
        """When its preparation begins."""
        return self.occurrence.start - self.lead.length

    @property
    def has_begun(self) -> bool:
        """Whether it goes on, or is over."""
        return self.now >= self.occurrence.start

    @property
    def available(self) -> timedelta:
        """The time that is left for its preparation."""
        return min(self.lead.length, max(timedelta(0), self.occurrence.start - self.now))

    @property
    def by_service(self) -> dict[str, ServiceFacts]:
        """Its services, by name."""
        return {facts.service: facts for facts in self.services}

    def order(self, service: str) -> ServicePlan | None:
        """Return the runs that are expected of `service`; None where nobody can tell."""
        return next((order for order in self.orders if order.service == service), None)

    def wanted(self, service: str) -> int | None:
        """Return what it asks for of `service`, before anything cuts it; None where that is not known."""
        return wanted_of(self.occurrence, self.by_service[service])


def wanted_of(occurrence: Occurrence, facts: ServiceFacts) -> int | None:
    """Return what `occurrence` asks for of one service; None where it multiplies what nobody knows."""
    if facts.policy is None or (facts.ask.multiply is not None and facts.base is None):
        return facts.ask.replicas
    bounds = {facts.service: bounds_of(facts.policy)}
    alone = grants((occurrence,), {facts.service: facts.base or 1}, bounds)
    return alone[facts.service].asked


def bounds_of(policy: ScalingPolicy) -> ReplicaBounds:
    """Return the bounds that every plan of the policy keeps."""
    return ReplicaBounds(policy.spec.replicas.min, policy.spec.replicas.max)
