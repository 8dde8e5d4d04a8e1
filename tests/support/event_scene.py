"""Events, policies, a store and an Airflow around them, one line per case.

The event `sale` asks `web` for 12 of at most 50, from tomorrow noon on for two hours, with a lead of an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from springtide.clock import ManualClock
from springtide.errors import InputError
from springtide.events.calendars import ExpandedCalendar
from springtide.events.snapshot import CalendarSnapshot
from springtide.overview.awake import Awake
from springtide.overview.event_surroundings import EVENT_DAGS, AirflowSight, EventSurroundings, OpenPortsOf
from springtide.overview.event_views import readiness_of
from springtide.overview.events import Check, Readiness
from springtide.policy.calendar.model import EventCalendar
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.memory import MemoryStore
from springtide.record.model import RunOutcome, ScalingRun
from support.builders import NOW, policy_document

START = NOW + timedelta(hours=36)
ALL_ON = AirflowSight(paused=dict.fromkeys(EVENT_DAGS, False), added=(), why_not="")


@dataclass
class GivenPolicies:
    """Policies by name; a text in the place of one is why it cannot be used."""

    given: dict[str, ScalingPolicy | str]

    def names(self) -> Sequence[str]:
        """Return the services."""
        return sorted(self.given)

    def get(self, name: str) -> ScalingPolicy:
        """Return the policy of one."""
        found = self.given[name]
        if isinstance(found, str):
            raise InputError(found, code="policy_unreadable", field="file")
        return found


@dataclass
class EventScene:
    """What a test says of an event's surroundings; everything else is well."""

    policies: dict[str, ScalingPolicy | str] = field(default_factory=lambda: {"web": web_policy()})
    store: MemoryStore = field(default_factory=MemoryStore)
    airflow: AirflowSight = ALL_ON
    awake: str = "08:00-22:00 UTC"
    halted: str = ""
    now: datetime = NOW
    ports_of: OpenPortsOf | None = None
    calendars: tuple[EventCalendar, ...] = ()

    @property
    def around(self) -> EventSurroundings:
        """Return the surroundings."""
        views = {
            f"{each.name}.yaml": ExpandedCalendar.of(each, Path(), now=self.now)
            for each in self.calendars or (sales(),)
        }
        return EventSurroundings(
            clock=ManualClock(self.now),
            known=CalendarSnapshot(views),
            policies=GivenPolicies(self.policies),
            open_store=lambda: nullcontext(self.store),
            awake=Awake.parse(self.awake),
            ports_of=self.ports_of,
            airflow=self.airflow,
            halted=self.halted,
        )

    def card(self, name: str = "sale") -> Readiness:
        """Return the card of one event."""
        return readiness_of(self.around, name)

    def check(self, check: str, service: str = "web", name: str = "sale") -> Check:
        """Return one check of a card; that of the whole event where it is about no service."""
        named = [each for each in self.card(name).checks if each.name == check and each.service in ("", service)]
        assert len(named) == 1, named
        return named[0]

    def took(self, service: str, *seconds: float, replicas: int = 2) -> EventScene:
        """Have runs of `service` in the store that took so long, and went to `replicas`."""
        for number, taken in enumerate(seconds):
            ended = self.now - timedelta(hours=1 + number)
            policy = self.policies[service]
            assert isinstance(policy, ScalingPolicy)
            run = ScalingRun(
                run_id=f"measured-{service}-{number}",
                policy=service,
                target=policy.spec.target.workload,
                strategy="in_place",
                requested_by="fleet",
                reason="",
                started_at=ended - timedelta(seconds=taken),
                plan={"current": replicas, "replicas": replicas},
            )
            self.store.save(run.with_outcome(RunOutcome.SUCCEEDED, at=ended))
        return self


def web_policy(name: str = "web", **spec: Any) -> ScalingPolicy:
    """Return the policy of a service of 2 to 50 replicas, with `spec` merged in."""
    target = {"namespace": "shop", "deployment": name, "service": name}
    given = {"target": target, "replicas": {"min": 2, "max": 50}} | spec
    return ScalingPolicy.model_validate(policy_document(name, **given))


def sale(**changes: Any) -> dict[str, Any]:
    """Return the event, as a calendar writes it."""
    return {
        "name": "sale",
        "start": f"{START:%Y-%m-%dT%H:%M}",
        "duration": "2h",
        "lead": "1h",
        "services": {"web": {"replicas": 12}},
    } | changes


def sales(*events: dict[str, Any], **spec: Any) -> EventCalendar:
    """Return the calendar `sales` of UTC with `events`, or the one sale."""
    document = {
        "apiVersion": "springtide/v1",
        "kind": "EventCalendar",
        "metadata": {"name": "sales", "owner": "commerce"},
        "spec": {"timezone": "UTC", "events": list(events) or [sale()]} | spec,
    }
    return EventCalendar.model_validate(document)
