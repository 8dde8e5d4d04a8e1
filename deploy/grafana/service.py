"""One service: what is asked for, who works on it, and whether its demand and its models can be trusted."""

from __future__ import annotations

from typing import Final

from deploy.grafana.fleet import ANY_IS_NOTED, ANY_IS_WRONG, MINUTES
from deploy.grafana.model import GREEN, ORANGE, RED, Choice, Dashboard, Panel, Query, Row
from deploy.grafana.queries import age, growth, latest, left, silence

from springtide.record.metrics import (
    APPROVAL_DEADLINE,
    APPROVAL_WAITING_SINCE,
    DESIRED_REPLICAS,
    EVENT_LATENESS,
    FLOOR_UNTIL,
    LEASE_ACQUIRED,
    LEASE_RENEWED,
    METRICS_HELD_SINCE,
    MODEL_ABSTAINED,
    MODEL_ERROR,
    MODEL_ERROR_AT,
    RECONCILE_ENDED,
    RUNS_NEEDING_ATTENTION,
)

_CHOSEN: Final = {"policy": "$policy"}

_NOW: Final = Row(
    title="How does it stand?",
    panels=(
        Panel(
            kind="stat",
            title="Replicas of the latest plan",
            description="How many replicas the latest plan wants.",
            unit="none",
            queries=(Query(expr=latest(DESIRED_REPLICAS, _CHOSEN), legend="replicas"),),
            width=4,
            height=4,
            empty="no plan yet",
        ),
        Panel(
            kind="stat",
            title="Runs that need a person",
            description="Runs of this service of which it could not be proven which pods may go.",
            unit="none",
            queries=(Query(expr=latest(RUNS_NEEDING_ATTENTION, _CHOSEN), legend="runs"),),
            width=4,
            height=4,
            steps=ANY_IS_WRONG,
            empty="none known",
        ),
        Panel(
            kind="stat",
            title="Waiting for approval since",
            description="How long a run has waited for a person, in seconds.",
            unit="s",
            queries=(Query(expr=age(APPROVAL_WAITING_SINCE, _CHOSEN), legend="waiting"),),
            width=4,
            height=4,
            steps=((None, ORANGE),),
            empty="no run waits",
        ),
        Panel(
            kind="stat",
            title="Time left to approve",
            description="Seconds until the wait for a person ends the run.",
            unit="s",
            queries=(Query(expr=left(APPROVAL_DEADLINE, _CHOSEN), legend="left"),),
            width=4,
            height=4,
            steps=((None, RED), (0, ORANGE), (3600, GREEN)),
            empty="no run waits",
        ),
        Panel(
            kind="stat",
            title="Demand not trusted since",
            description="How long sweeps have left the service alone because its metrics failed the quality rules.",
            unit="s",
            queries=(Query(expr=age(METRICS_HELD_SINCE, _CHOSEN), legend="held"),),
            width=4,
            height=4,
            steps=((None, ORANGE), (3600, RED)),
            empty="trusted, or never swept",
        ),
        Panel(
            kind="stat",
            title="Time left of its floor",
            description="Seconds until the floor that an event holds expires; below 0 it should be gone.",
            unit="s",
            queries=(Query(expr=left(FLOOR_UNTIL, _CHOSEN), legend="left"),),
            width=4,
            height=4,
            steps=((None, RED), (0, GREEN)),
            empty="no floor",
        ),
    ),
)

_WORK: Final = Row(
    title="What is asked for, and who works on it?",
    panels=(
        Panel(
            kind="timeseries",
            title="Replicas of its plans",
            description="How many replicas the latest plan wanted, over time.",
            unit="none",
            queries=(Query(expr=latest(DESIRED_REPLICAS, _CHOSEN), legend="replicas"),),
            width=12,
        ),
        Panel(
            kind="timeseries",
            title="How long a run has owned it",
            description="Seconds since the run took the service's Lease, by the run's last phase.",
            unit="s",
            queries=(Query(expr=age(LEASE_ACQUIRED, _CHOSEN), legend="{{phase}}, {{status}}"),),
            width=6,
        ),
        Panel(
            kind="timeseries",
            title="Silence of its owner",
            description="Seconds for which the owner was silent at the last look: one that grows is gone.",
            unit="s",
            queries=(Query(expr=silence(LEASE_RENEWED, RECONCILE_ENDED, _CHOSEN), legend="{{phase}}, {{status}}"),),
            width=6,
            steps=MINUTES,
        ),
    ),
)

_MODELS: Final = Row(
    title="Can its models be trusted?",
    panels=(
        Panel(
            kind="timeseries",
            title="Error of each model",
            description="Mean error over the last days, as a share of demand, as the daily run measured it.",
            unit="percentunit",
            queries=(Query(expr=latest(MODEL_ERROR, _CHOSEN), legend="{{model}}"),),
            width=9,
        ),
        Panel(
            kind="timeseries",
            title="Decisions without a model's say",
            description="How often a model abstained, and the others decided.",
            unit="none",
            queries=(Query(expr=growth(MODEL_ABSTAINED, "model", where=_CHOSEN), legend="{{model}}"),),
            width=9,
            steps=ANY_IS_NOTED,
        ),
        Panel(
            kind="stat",
            title="Errors measured",
            description="Seconds since the errors of the models were measured last.",
            unit="s",
            queries=(Query(expr=age(MODEL_ERROR_AT, _CHOSEN), legend="ago"),),
            width=6,
            steps=((None, GREEN), (36 * 3600, ORANGE), (72 * 3600, RED)),
            empty="never",
        ),
    ),
)

_EVENTS: Final = Row(
    title="Did it stand in time for its events?",
    panels=(
        Panel(
            kind="bargauge",
            title="Ready after the start of each event",
            description="Seconds after the event's start at which the service stood; below 0 it was in time.",
            unit="s",
            queries=(Query(expr=latest(EVENT_LATENESS, _CHOSEN), legend="{{event}}", is_instant=True),),
            width=24,
            steps=((None, GREEN), (0.001, RED)),
            empty="no event prepared it yet",
        ),
    ),
)

SERVICE: Final = Dashboard(
    name="service",
    title="springtide: service",
    description="One service: what is asked for, who works on it, and whether its demand and models can be trusted.",
    rows=(_NOW, _WORK, _MODELS, _EVENTS),
    choices=(Choice(name="policy", title="Service", metric=DESIRED_REPLICAS.name, label="policy"),),
)
