"""One event: was everything ready before it began, and what is held for it now."""

from __future__ import annotations

from typing import Final

from deploy.grafana.fleet import ANY_IS_WRONG, HOURS
from deploy.grafana.model import GREEN, ORANGE, RED, Choice, Dashboard, Panel, Query, Row
from deploy.grafana.queries import age, among, latest, left, of_event, silence

from springtide.record.metrics import (
    CALENDAR_BROKEN,
    CALENDARS_CHECKED,
    DESIRED_REPLICAS,
    EVENT_LATE_TOLD,
    EVENT_LATENESS,
    EVENT_LEAD,
    EVENT_PREPARED,
    FLOOR_UNTIL,
    LEASE_RENEWED,
    RECONCILE_ENDED,
    RUNS_NEEDING_ATTENTION,
    Metric,
)

_CHOSEN: Final = {"event": "$event"}
_EARLY_OR_LATE: Final = ((None, GREEN), (0.001, RED))


def _of_services(expression: str) -> str:
    """Return those series of `expression` that are of services which the event's latest preparations were for."""
    return of_event(expression, EVENT_LATENESS, "policy", _CHOSEN)


def _count(title: str, description: str, metric: Metric, *, empty: str) -> Panel:
    return Panel(
        kind="stat",
        title=title,
        description=description,
        unit="s",
        queries=(Query(expr=age(metric, _CHOSEN), legend="ago"),),
        width=6,
        height=4,
        empty=empty,
    )


_IN_TIME: Final = Row(
    title="Was everything ready before it began?",
    panels=(
        Panel(
            kind="stat",
            title="Begun before the event",
            description="How many seconds before the event its latest preparation began.",
            unit="s",
            queries=(Query(expr=latest(EVENT_LEAD, _CHOSEN), legend="lead"),),
            width=6,
            height=4,
            steps=((None, RED), (0, GREEN)),
            empty="never prepared",
        ),
        Panel(
            kind="stat",
            title="Services that were late",
            description="Services that stood only after the event's start, at its latest preparation.",
            unit="none",
            queries=(Query(expr=f"sum({latest(EVENT_LATENESS, _CHOSEN)} > bool 0)", legend="services"),),
            width=6,
            height=4,
            steps=ANY_IS_WRONG,
            empty="never prepared",
        ),
        _count("Prepared", "Seconds since the latest preparation ended.", EVENT_PREPARED, empty="never"),
        _count(
            "Told to be late",
            "Seconds since it was last told that a preparation cannot end before the event's start.",
            EVENT_LATE_TOLD,
            empty="never",
        ),
        Panel(
            kind="bargauge",
            title="Ready after the event's start",
            description="Seconds after the start at which each service stood; below 0 it was in time.",
            unit="s",
            queries=(Query(expr=latest(EVENT_LATENESS, _CHOSEN), legend="{{policy}}", is_instant=True),),
            width=12,
            steps=_EARLY_OR_LATE,
            empty="never prepared",
        ),
        Panel(
            kind="timeseries",
            title="Ready after the start, from occurrence to occurrence",
            description="Seconds after the start at which each service stood: a line that rises comes to be late.",
            unit="s",
            queries=(Query(expr=latest(EVENT_LATENESS, _CHOSEN), legend="{{policy}}"),),
            width=12,
        ),
    ),
)

_HELD: Final = Row(
    title="What is held for it now?",
    panels=(
        Panel(
            kind="timeseries",
            title="Replicas of its services",
            description="How many replicas the latest plan of each of the event's services wants.",
            unit="none",
            queries=(Query(expr=_of_services(latest(DESIRED_REPLICAS)), legend="{{policy}}"),),
            width=12,
        ),
        Panel(
            kind="bargauge",
            title="Time left of its services' floors",
            description="Seconds until the floor of each service expires; below 0 it should be gone.",
            unit="s",
            queries=(Query(expr=_of_services(f"({left(FLOOR_UNTIL)})"), legend="{{policy}}", is_instant=True),),
            width=12,
            steps=((None, RED), (0, GREEN)),
            empty="no floors",
        ),
    ),
)

_IN_THE_WAY: Final = Row(
    title="What could stand in its way?",
    panels=(
        Panel(
            kind="table",
            title="Owned services of the event",
            description="Services that a run owns, by its last phase, and the silence of its owner at the last look.",
            unit="s",
            queries=(Query(expr=_of_services(f"({silence(LEASE_RENEWED, RECONCILE_ENDED)})"), is_instant=True),),
            width=12,
            steps=((None, GREEN), (180, ORANGE), (600, RED)),
            empty="no service is owned",
        ),
        Panel(
            kind="stat",
            title="Its services that need a person",
            description="Services of the event with a run of which it could not be proven which pods may go.",
            unit="none",
            queries=(Query(expr=f"count({_of_services(latest(RUNS_NEEDING_ATTENTION))})", legend="services"),),
            width=4,
            steps=ANY_IS_WRONG,
            empty="none known",
        ),
        Panel(
            kind="stat",
            title="Calendars with errors",
            description="Calendars that could not be read and count as they were before: an event may be missing.",
            unit="none",
            queries=(Query(expr=among(CALENDAR_BROKEN), legend="calendars"),),
            width=4,
            steps=ANY_IS_WRONG,
            empty="not looked at",
        ),
        Panel(
            kind="stat",
            title="Calendars looked at",
            description="Seconds since a sweep looked at the calendars.",
            unit="s",
            queries=(Query(expr=age(CALENDARS_CHECKED), legend="ago"),),
            width=4,
            steps=HOURS,
            empty="never",
        ),
    ),
)

EVENT: Final = Dashboard(
    name="event",
    title="springtide: event",
    description="One event: whether its services were ready before it began, and what is held for it now.",
    rows=(_IN_TIME, _HELD, _IN_THE_WAY),
    choices=(Choice(name="event", title="Event", metric=EVENT_LEAD.name, label="event"),),
    span="now-35d",
)
