"""All services at a glance: does anybody have to act, do springtide's rounds go round, how do runs end."""

from __future__ import annotations

from typing import Final

from deploy.grafana.model import GREEN, ORANGE, RED, Dashboard, Panel, Query, Row
from deploy.grafana.queries import age, among, growth, latest, left, per, quantile, share_of, silence

from springtide.record.metrics import (
    APPROVAL_DEADLINE,
    APPROVAL_WAITING_SINCE,
    CALENDAR_BROKEN,
    CALENDARS_CHECKED,
    CLUSTER_READS,
    DESIRED_REPLICAS,
    FLOOR_UNTIL,
    FLOORS_CHECKED,
    GATES,
    LEASE_RENEWED,
    METRICS_HELD_SINCE,
    PHASE_DURATION,
    PLAN_CLAMPED,
    RECONCILE_ENDED,
    RECONCILE_REFUSED,
    RUN_DURATION,
    RUNS,
    RUNS_NEEDING_ATTENTION,
    SERVICE_PAUSED,
    SMOKE_CHECKS,
    SWEEP_DURATION,
    SWEEP_ENDED,
    SWEEP_SERVICES,
    SWEEPS,
)

ANY_IS_WRONG: Final = ((None, GREEN), (1, RED))
ANY_IS_NOTED: Final = ((None, GREEN), (1, ORANGE))
MINUTES: Final = ((None, GREEN), (180, ORANGE), (600, RED))
HOURS: Final = ((None, GREEN), (2 * 3600, ORANGE), (26 * 3600, RED))

_ACT: Final = Row(
    title="Does anybody have to act?",
    panels=(
        Panel(
            kind="stat",
            title="Runs that need a person",
            description="Runs of which it could not be proven which pods may go: both sets stay.",
            unit="none",
            queries=(Query(expr=among(RUNS_NEEDING_ATTENTION), legend="runs"),),
            width=4,
            height=4,
            steps=ANY_IS_WRONG,
            empty="none known",
        ),
        Panel(
            kind="stat",
            title="Runs that wait for approval",
            description="Services with a run that waits for a person's answer, and whose wait has not run out.",
            unit="none",
            queries=(Query(expr=f"count({latest(APPROVAL_DEADLINE)} > time())", legend="services"),),
            width=4,
            height=4,
            steps=ANY_IS_NOTED,
            empty="none known",
        ),
        Panel(
            kind="stat",
            title="Not looked into",
            description="What the last reconcile round could not look into or end: Leases, namespaces, runs.",
            unit="none",
            queries=(Query(expr=among(RECONCILE_REFUSED), legend="refused"),),
            width=4,
            height=4,
            steps=ANY_IS_WRONG,
            empty="no round yet",
        ),
        Panel(
            kind="stat",
            title="Demand that is not trusted",
            description="Services whose metrics failed the quality rules, so that sweeps leave them as they are.",
            unit="none",
            queries=(Query(expr=f"count({latest(METRICS_HELD_SINCE)})", legend="services"),),
            width=4,
            height=4,
            steps=ANY_IS_NOTED,
            empty="none known",
        ),
        Panel(
            kind="stat",
            title="Floors past their time",
            description="Services whose floor has expired and was not given back: they run with more than they need.",
            unit="none",
            queries=(Query(expr=f"sum({latest(FLOOR_UNTIL)} < bool time())", legend="services"),),
            width=4,
            height=4,
            steps=ANY_IS_NOTED,
            empty="no floors",
        ),
        Panel(
            kind="stat",
            title="Calendars with errors",
            description="Calendars that could not be read and count as they were before.",
            unit="none",
            queries=(Query(expr=among(CALENDAR_BROKEN), legend="calendars"),),
            width=4,
            height=4,
            steps=ANY_IS_WRONG,
            empty="not looked at",
        ),
        Panel(
            kind="table",
            title="Held Leases",
            description="Who owns a service, by its last phase, and its owner's silence in seconds at the last look.",
            unit="s",
            queries=(Query(expr=silence(LEASE_RENEWED, RECONCILE_ENDED), is_instant=True),),
            width=12,
            height=7,
            steps=MINUTES,
            empty="no service is owned",
        ),
        Panel(
            kind="bargauge",
            title="Waiting for approval since",
            description="How long a run of each service has waited for a person, in seconds.",
            unit="s",
            queries=(Query(expr=age(APPROVAL_WAITING_SINCE), legend="{{policy}}", is_instant=True),),
            width=12,
            height=7,
            steps=HOURS,
            empty="no run waits",
        ),
        Panel(
            kind="bargauge",
            title="Paused since",
            description="How long nothing has started runs of a service, in seconds, and who paused it.",
            unit="s",
            queries=(Query(expr=age(SERVICE_PAUSED), legend="{{policy}} by {{by}}", is_instant=True),),
            width=24,
            height=6,
            steps=HOURS,
            empty="no service is paused",
        ),
    ),
)

_ROUNDS: Final = Row(
    title="Do springtide's own rounds go round?",
    panels=(
        *(
            Panel(
                kind="stat",
                title=title,
                description=description,
                unit="s",
                queries=(Query(expr=age(metric), legend="ago"),),
                width=6,
                height=4,
                steps=steps,
                empty="never",
            )
            for title, description, metric, steps in (
                ("Last reconcile round", "Seconds since the Leases were looked at.", RECONCILE_ENDED, MINUTES),
                ("Last sweep", "Seconds since a sweep over all services ended.", SWEEP_ENDED, HOURS),
                ("Last look at floors", "Seconds since the held floors were looked at.", FLOORS_CHECKED, HOURS),
                ("Last look at calendars", "Seconds since a sweep looked at the calendars.", CALENDARS_CHECKED, HOURS),
            )
        ),
        Panel(
            kind="timeseries",
            title="Sweeps that ended",
            description="Sweeps by how they ended; failed where a service failed or was held back.",
            unit="none",
            queries=(Query(expr=growth(SWEEPS, "outcome"), legend="{{outcome}}"),),
        ),
        Panel(
            kind="timeseries",
            title="How long sweeps took",
            description="Seconds until every service stands: what half and nine in ten of the sweeps kept below.",
            unit="s",
            queries=(
                Query(expr=quantile(SWEEP_DURATION, 0.5), legend="half"),
                Query(expr=quantile(SWEEP_DURATION, 0.9), legend="nine in ten"),
            ),
        ),
        Panel(
            kind="bargauge",
            title="Services of the last sweep",
            description="How many services the last sweep brought where they belong, and how many it did not.",
            unit="none",
            queries=(Query(expr=among(SWEEP_SERVICES, "outcome"), legend="{{outcome}}", is_instant=True),),
            empty="no sweep yet",
        ),
    ),
)

_RUNS: Final = Row(
    title="How do runs end, and how long do they take?",
    panels=(
        Panel(
            kind="timeseries",
            title="Runs that ended",
            description="Runs by how they ended. The very first of an outcome is only in the totals beside this.",
            unit="none",
            queries=(Query(expr=growth(RUNS, "outcome"), legend="{{outcome}}"),),
        ),
        Panel(
            kind="bargauge",
            title="Runs since the beginning",
            description="All runs that the store has counted, by how they ended.",
            unit="none",
            queries=(Query(expr=among(RUNS, "outcome"), legend="{{outcome}}", is_instant=True),),
            empty="no run yet",
        ),
        Panel(
            kind="timeseries",
            title="How long runs took",
            description="Seconds from a run's start to its end: what half and nine in ten of the runs kept below.",
            unit="s",
            queries=(
                Query(expr=quantile(RUN_DURATION, 0.5), legend="half"),
                Query(expr=quantile(RUN_DURATION, 0.9), legend="nine in ten"),
            ),
        ),
        Panel(
            kind="bargauge",
            title="How long phases took",
            description="Seconds that nine in ten attempts at each phase kept below, in the range that is shown.",
            unit="s",
            queries=(Query(expr=quantile(PHASE_DURATION, 0.9, "phase"), legend="{{phase}}", is_instant=True),),
            empty="no attempt in this range",
        ),
        Panel(
            kind="timeseries",
            title="What gates said",
            description="How often each gate let a run through, held it or refused it.",
            unit="none",
            queries=(Query(expr=growth(GATES, "gate", "outcome"), legend="{{gate}}: {{outcome}}"),),
        ),
        Panel(
            kind="bargauge",
            title="Plans that a guard changed",
            description="How many plans each guard has changed since the beginning.",
            unit="none",
            queries=(Query(expr=among(PLAN_CLAMPED, "guard"), legend="{{guard}}", is_instant=True),),
            empty="no plan was changed",
        ),
        Panel(
            kind="timeseries",
            title="Smoke checks",
            description="Smoke checks by what they said: pass, fail or inconclusive.",
            unit="none",
            queries=(Query(expr=growth(SMOKE_CHECKS, "outcome"), legend="{{outcome}}"),),
        ),
        Panel(
            kind="timeseries",
            title="Reads of the cluster for one run",
            description="Requests to the cluster's API, shared among the runs that ended in the range that is shown.",
            unit="none",
            queries=(Query(expr=per(CLUSTER_READS, RUNS), legend="reads"),),
        ),
        Panel(
            kind="timeseries",
            title="Runs rolled back or failed, of all that ended",
            description="Share of the runs in the range that is shown that did not do what they were asked to.",
            unit="percentunit",
            queries=(
                Query(expr=share_of(RUNS, {"outcome": "rolled_back"}), legend="rolled back"),
                Query(expr=share_of(RUNS, {"outcome": "failed"}), legend="failed"),
            ),
        ),
    ),
)

_SERVICES: Final = Row(
    title="What is asked for?",
    panels=(
        Panel(
            kind="timeseries",
            title="Replicas of the latest plans",
            description="How many replicas the latest plan of each service wants.",
            unit="none",
            queries=(Query(expr=latest(DESIRED_REPLICAS), legend="{{policy}}"),),
            width=12,
        ),
        Panel(
            kind="bargauge",
            title="Time left of each floor",
            description="Seconds until a floor that an event holds expires; below 0 it should be gone.",
            unit="s",
            queries=(Query(expr=left(FLOOR_UNTIL), legend="{{policy}}", is_instant=True),),
            width=12,
            steps=((None, RED), (0, GREEN)),
            empty="no floors",
        ),
    ),
)

FLEET: Final = Dashboard(
    name="fleet",
    title="springtide: fleet",
    description="All services: what needs a person, whether springtide's rounds go round, how runs end.",
    rows=(_ACT, _ROUNDS, _RUNS, _SERVICES),
)
