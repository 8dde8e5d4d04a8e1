"""What somebody who looked writes into the metrics: rounds over Leases and floors, sweeps, calendars, approvals. Pure.

Each function returns a `Look`; `keep_look` has a store keep it, and never costs more than the metric.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from springtide.errors import SpringtideError
from springtide.record.metrics import (
    APPROVAL_DEADLINE,
    APPROVAL_WAITING_SINCE,
    CALENDAR_BROKEN,
    CALENDARS_CHECKED,
    DESIRED_REPLICAS,
    EVENT_LATE_TOLD,
    EVENT_LATENESS,
    EVENT_LEAD,
    EVENT_PREPARED,
    FLOOR_UNTIL,
    FLOORS_CHECKED,
    GATES,
    LEASE_ACQUIRED,
    LEASE_RENEWED,
    METRICS_HELD_SINCE,
    MODEL_ERROR,
    MODEL_ERROR_AT,
    RECONCILE_ENDED,
    RECONCILE_REFUSED,
    RUNS_NEEDING_ATTENTION,
    SERVICE_PAUSED,
    SWEEP_DURATION,
    SWEEP_ENDED,
    SWEEP_SERVICES,
    SWEEPS,
    CalendarLabels,
    EventLabels,
    EventPolicyLabels,
    GateLabels,
    LeaseLabels,
    Metric,
    NoLabels,
    OutcomeLabels,
    PauseLabels,
    PolicyLabels,
)
from springtide.record.samples import Change, Gone, Key, Look, Present, became, counted, key_of, observed

if TYPE_CHECKING:
    from springtide.record.store import OpenStore

log = structlog.get_logger(__name__)

EVENTS_SHOWN_FOR: Final = timedelta(days=35)
"""How long the lead and the lateness of an event are shown after its last preparation: a month of sales at a glance."""

NEEDS_ATTENTION: Final = "needs_attention"

_OF_POLICIES: Final = (DESIRED_REPLICAS, METRICS_HELD_SINCE, MODEL_ERROR, MODEL_ERROR_AT, FLOOR_UNTIL, EVENT_LATENESS)
"""The gauges that say nothing any more once their policy is gone."""

_OF_EVENTS: Final = (EVENT_LEAD, EVENT_LATENESS, EVENT_PREPARED, EVENT_LATE_TOLD)
_OF_LEASES: Final = (LEASE_ACQUIRED, LEASE_RENEWED, RUNS_NEEDING_ATTENTION)
_OF_APPROVALS: Final = (APPROVAL_WAITING_SINCE, APPROVAL_DEADLINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseSeen:
    """A held Lease as a round saw it; a time that cannot be read is None."""

    labels: LeaseLabels
    acquired: datetime | None
    renewed: datetime | None

    @property
    def changes(self) -> Iterator[Change]:
        """What is shown of it."""
        for metric, moment in ((LEASE_ACQUIRED, self.acquired), (LEASE_RENEWED, self.renewed)):
            if moment is not None:
                yield became(metric, self.labels, moment.timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSeen:
    """What a preparation came to: how long before the event it began, and when each service stood.

    None for a service that does not stand.
    """

    event: str
    start: datetime
    began_at: datetime
    stood_at: Mapping[str, datetime | None]


def keep_look(open_store: OpenStore, look: Look) -> None:
    """Have the store keep `look`; one that does not answer costs the metrics, and never the work that was seen."""
    try:
        with open_store() as store:
            store.measure(look)
    except SpringtideError as error:
        log.warning("metrics_not_kept", code=error.code, message=error.message)


def leases_seen(leases: Sequence[LeaseSeen], *, refused: int, now: datetime) -> Look:
    """Return what a round over the Leases saw.

    Where it could not look into something (`refused`), what was known of the policies that it did not see stays.
    """
    changed = [change for lease in leases for change in lease.changes]
    waiting = [lease.labels.policy for lease in leases if lease.labels.status == NEEDS_ATTENTION]
    changed += [became(RUNS_NEEDING_ATTENTION, PolicyLabels(name), waiting.count(name)) for name in sorted({*waiting})]
    changed.append(became(RECONCILE_ENDED, NoLabels(), now.timestamp()))
    changed.append(became(RECONCILE_REFUSED, NoLabels(), refused))
    seen = {lease.labels.policy for lease in leases}

    def look(present: Present) -> Iterator[Change | Gone]:
        yield from _instead(_OF_LEASES, changed, present, only=seen if refused else None)
        yield from _answered_long_ago(present, now)

    return look


def floors_seen(floors: Mapping[str, datetime], *, of: Collection[str], now: datetime) -> Look:
    """Return until when floors are held, by policy; what was known of others than the policies `of` stays."""
    changed = [became(FLOOR_UNTIL, PolicyLabels(policy), until.timestamp()) for policy, until in floors.items()]
    changed.append(became(FLOORS_CHECKED, NoLabels(), now.timestamp()))
    return lambda present: _instead((FLOOR_UNTIL,), changed, present, only=set(of))


def calendars_seen(broken: Mapping[str, bool], *, now: datetime) -> Look:
    """Return which calendars have errors, by the names of their files."""
    changed = [became(CALENDAR_BROKEN, CalendarLabels(name), float(is_so)) for name, is_so in broken.items()]
    changed.append(became(CALENDARS_CHECKED, NoLabels(), now.timestamp()))
    return lambda present: _instead((CALENDAR_BROKEN,), changed, present)


def sweep_ended(policies: Collection[str], problems: Collection[str], *, began_at: datetime, now: datetime) -> Look:
    """Return what a sweep over `policies` came to; what was shown of policies that are gone goes."""
    outcome = "failed" if problems else "good"
    seconds = (now - began_at).total_seconds()
    services = {"good": len(policies) - len(problems), "failed": len(problems)}

    def look(present: Present) -> Iterator[Change | Gone]:
        yield from (Gone(key) for key in _keys(_OF_POLICIES, present) if policies and _policy_of(key) not in policies)
        yield counted(SWEEPS, OutcomeLabels(outcome))
        yield from observed(SWEEP_DURATION, NoLabels(), seconds)
        yield became(SWEEP_ENDED, NoLabels(), now.timestamp())
        yield from (became(SWEEP_SERVICES, OutcomeLabels(name), number) for name, number in services.items())

    return look


def pauses_seen(pauses: Mapping[str, tuple[bool, datetime]]) -> Look:
    """Return which services are paused: whether springtide itself did it, and since when."""
    changed = [
        became(SERVICE_PAUSED, PauseLabels(policy, "springtide" if is_own else "person"), since.timestamp())
        for policy, (is_own, since) in pauses.items()
    ]
    return lambda present: _instead((SERVICE_PAUSED,), changed, present)


def event_prepared(seen: Iterable[EventSeen], *, now: datetime) -> Look:
    """Return what a preparation came to; a service that does not stand makes its event late, whenever that is told."""
    events = list(seen)

    def look(present: Present) -> Iterator[Change | Gone]:
        yield from _events_long_over(present, now)
        for event in events:
            yield became(EVENT_LEAD, EventLabels(event.event), (event.start - event.began_at).total_seconds())
            yield became(EVENT_PREPARED, EventLabels(event.event), now.timestamp())
            for policy, stood_at in event.stood_at.items():
                labels = EventPolicyLabels(policy, event.event)
                if stood_at is not None:
                    yield became(EVENT_LATENESS, labels, (stood_at - event.start).total_seconds())
                elif (key := key_of(EVENT_LATENESS, labels)) in present:
                    yield Gone(key)
            if None in event.stood_at.values():
                yield became(EVENT_LATE_TOLD, EventLabels(event.event), now.timestamp())

    return look


def event_late(events: Iterable[str], *, now: datetime) -> Look:
    """Return that the preparation of `events` cannot end before their start."""
    changed = [became(EVENT_LATE_TOLD, EventLabels(event), now.timestamp()) for event in events]
    return lambda _present: changed


def errors_measured(policy: str, *, now: datetime) -> Look:
    """Return when the errors of the policy's models were measured; `save_learned` keeps the errors themselves."""
    change = became(MODEL_ERROR_AT, PolicyLabels(policy), now.timestamp())
    return lambda _present: (change,)


def approval_asked(policy: str, *, now: datetime, within: timedelta) -> Look:
    """Return that a run of the policy waits for a person, and until when."""
    labels = PolicyLabels(policy)
    changed = (
        became(APPROVAL_WAITING_SINCE, labels, now.timestamp()),
        became(APPROVAL_DEADLINE, labels, (now + within).timestamp()),
    )
    return lambda _present: changed


def approval_ended(policy: str, outcome: str) -> Look:
    """Return that it waits no more: `approved`, `rejected` or `unanswered`. Told again, it counts once."""
    keys = {key_of(metric, PolicyLabels(policy)) for metric in _OF_APPROVALS}

    def look(present: Present) -> Iterator[Change | Gone]:
        waits = sorted(keys & present.keys())
        yield from (Gone(key) for key in waits)
        if waits:
            yield counted(GATES, GateLabels("approval", outcome))

    return look


def _instead(
    metrics: Collection[Metric], changed: Sequence[Change], present: Present, *, only: Collection[str] | None = None
) -> Iterator[Change | Gone]:
    """Yield `changed` in the place of every sample of `metrics`, or of those of the policies `only`."""
    new = {change.key for change in changed}
    for key in _keys(metrics, present):
        if key not in new and (only is None or _policy_of(key) in only):
            yield Gone(key)
    yield from changed


def _answered_long_ago(present: Present, now: datetime) -> Iterator[Gone]:
    """Yield what nobody took back of runs that were ended while they waited: their deadline is over."""
    for key in _keys((APPROVAL_DEADLINE,), present):
        if present[key] <= now.timestamp():
            yield Gone(key)
            yield Gone((APPROVAL_WAITING_SINCE.name, key[1]))


def _events_long_over(present: Present, now: datetime) -> Iterator[Gone]:
    until = (now - EVENTS_SHOWN_FOR).timestamp()
    told = _keys((EVENT_PREPARED, EVENT_LATE_TOLD), present)
    last: dict[str, float] = {}
    for key in told:
        event = dict(key[1])["event"]
        last[event] = max(last.get(event, 0.0), present[key])
    over = {event for event, at in last.items() if at <= until}
    yield from (Gone(key) for key in _keys(_OF_EVENTS, present) if dict(key[1])["event"] in over)


def _keys(metrics: Collection[Metric], present: Present) -> list[Key]:
    names = {metric.name for metric in metrics}
    return [key for key in present if key[0] in names]


def _policy_of(key: Key) -> str:
    return dict(key[1]).get("policy", "")
