"""Every Prometheus metric that springtide has: its name, what it says, its labels.

A metric is counted in the same transaction that keeps the fact it counts (`counting`), or written by whoever looked
(`looks`): so a phase that is repeated, a run that is saved twice and a process that dies half-way count once, and
processes that live for seconds need no memory of their own. Whoever exports (`exposition`) reads the store's totals:
every exporter of one store shows the same numbers, so take `max without (instance)` when there are several. Of a dry
run and of a request that was refused only the end is counted: they do nothing.

A gauge says what was seen last. How long ago that was, the `…_timestamp_seconds` beside it says: a round that does not
come any more leaves its numbers as they were.

Labels are bounded by what people write: policies, calendars and their events; never a run's id, never a pod's name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

SECONDS: Final = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, math.inf)
"""Upper bounds of the histograms: from a run of one second to one that waits for nodes for an hour."""


@dataclass(frozen=True, slots=True)
class NoLabels:
    """One number for the whole installation."""


@dataclass(frozen=True, slots=True)
class RunLabels:
    """A run, by how it was done and how it ended; `cluster` is empty, and so no label, in the default one."""

    strategy: str
    outcome: str
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class PhaseLabels:
    """A phase, by its name."""

    phase: str


@dataclass(frozen=True, slots=True)
class PolicyLabels:
    """A policy, by its name."""

    policy: str


@dataclass(frozen=True, slots=True)
class GuardLabels:
    """A guard of the plan, by its name."""

    guard: str


@dataclass(frozen=True, slots=True)
class OutcomeLabels:
    """What something came to."""

    outcome: str


@dataclass(frozen=True, slots=True)
class GateLabels:
    """A gate, `metrics`, `preflight`, `approval` or `smoke`, and what it said."""

    gate: str
    outcome: str


@dataclass(frozen=True, slots=True)
class ModelLabels:
    """A capacity model of a policy."""

    policy: str
    model: str


@dataclass(frozen=True, slots=True)
class EventLabels:
    """An event, by its name in its calendar: all its occurrences are one series."""

    event: str


@dataclass(frozen=True, slots=True)
class EventPolicyLabels:
    """A service of an event: as many series as the calendars have lines of `services`."""

    policy: str
    event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseLabels:
    """A held Lease, by its run's policy and last phase, what the round made of it, and its cluster as `RunLabels`."""

    policy: str
    phase: str
    status: str
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class CalendarLabels:
    """A calendar, by the name of its file."""

    calendar: str


@dataclass(frozen=True, slots=True)
class PauseLabels:
    """A paused policy, and who paused it: `springtide` or `person`."""

    policy: str
    by: str


AnyLabels = (
    NoLabels
    | RunLabels
    | PhaseLabels
    | PolicyLabels
    | GuardLabels
    | OutcomeLabels
    | GateLabels
    | ModelLabels
    | EventLabels
    | EventPolicyLabels
    | LeaseLabels
    | CalendarLabels
    | PauseLabels
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric's name, what it says, and which labels it has; `bounds` make it a histogram."""

    name: str
    help: str
    labels: type[AnyLabels]
    bounds: tuple[float, ...] = ()

    @property
    def kind(self) -> str:
        """What Prometheus calls it."""
        if self.bounds:
            return "histogram"
        return "counter" if self.name.endswith("_total") else "gauge"


# Runs.
RUNS: Final = Metric(name="springtide_runs_total", help="Runs that ended.", labels=RunLabels)
RUN_DURATION: Final = Metric(
    name="springtide_run_duration_seconds",
    help="Time from the start of a run to its end.",
    labels=RunLabels,
    bounds=SECONDS,
)
PHASE_DURATION: Final = Metric(
    name="springtide_phase_duration_seconds",
    help="Time that one attempt at a phase took.",
    labels=PhaseLabels,
    bounds=SECONDS,
)
CLUSTER_READS: Final = Metric(
    name="springtide_cluster_reads_total",
    help="Reads of the cluster's API by attempts at a phase; by runs, the reads of a run.",
    labels=PhaseLabels,
)
DESIRED_REPLICAS: Final = Metric(
    name="springtide_desired_replicas", help="Replicas of the policy's latest plan.", labels=PolicyLabels
)
PLAN_CLAMPED: Final = Metric(
    name="springtide_plan_clamped_total", help="Plans that a guard changed.", labels=GuardLabels
)
SMOKE_CHECKS: Final = Metric(
    name="springtide_smoke_checks_total", help="Smoke checks, by what they said.", labels=OutcomeLabels
)
GATES: Final = Metric(
    name="springtide_gate_outcomes_total",
    help="What gates said: metrics pass, hold or refuse; preflight passed or refused; approval; smoke.",
    labels=GateLabels,
)
RUNS_NEEDING_ATTENTION: Final = Metric(
    name="springtide_runs_needing_attention",
    help="Runs that wait for a person to decide which pods stay, at the last reconcile round.",
    labels=PolicyLabels,
)

# Approvals.
APPROVAL_WAITING_SINCE: Final = Metric(
    name="springtide_approval_waiting_since_timestamp_seconds",
    help="When a run of the policy began to wait for a person; no sample when none waits.",
    labels=PolicyLabels,
)
APPROVAL_DEADLINE: Final = Metric(
    name="springtide_approval_deadline_timestamp_seconds",
    help="When the wait for a person ends the run, if nobody answers. Later than now: a run waits.",
    labels=PolicyLabels,
)

# Leases and floors, as the rounds that look at them saw them last.
LEASE_ACQUIRED: Final = Metric(
    name="springtide_lease_acquired_timestamp_seconds",
    help="When the owner of a held Lease took it.",
    labels=LeaseLabels,
)
LEASE_RENEWED: Final = Metric(
    name="springtide_lease_renewed_timestamp_seconds",
    help="When the owner of a held Lease was heard of last.",
    labels=LeaseLabels,
)
RECONCILE_ENDED: Final = Metric(
    name="springtide_reconcile_end_timestamp_seconds",
    help="When the last round over the Leases ended: how fresh the metrics of Leases are.",
    labels=NoLabels,
)
RECONCILE_REFUSED: Final = Metric(
    name="springtide_reconcile_refused",
    help="What the last reconcile round could not look into or end.",
    labels=NoLabels,
)
FLOOR_UNTIL: Final = Metric(
    name="springtide_floor_until_timestamp_seconds",
    help="When a floor expires that is held: earlier than now, nobody gave it back.",
    labels=PolicyLabels,
)
FLOORS_CHECKED: Final = Metric(
    name="springtide_floors_check_timestamp_seconds",
    help="When the held floors were looked at last.",
    labels=NoLabels,
)

# Demand and models.
METRICS_HELD_SINCE: Final = Metric(
    name="springtide_metrics_gate_held_since_timestamp_seconds",
    help="Since when sweeps do not trust the policy's demand; no sample while they do.",
    labels=PolicyLabels,
)
MODEL_ABSTAINED: Final = Metric(
    name="springtide_model_abstained_total",
    help="Decisions in which the model had no say.",
    labels=ModelLabels,
)
MODEL_ERROR: Final = Metric(
    name="springtide_model_error_ratio",
    help="The model's mean error over the last days, 0 to 1, as capacity_history measured it.",
    labels=ModelLabels,
)
MODEL_ERROR_AT: Final = Metric(
    name="springtide_model_error_timestamp_seconds",
    help="When the errors of the policy's models were measured last.",
    labels=PolicyLabels,
)

# Sweeps.
SWEEPS: Final = Metric(
    name="springtide_sweeps_total",
    help="Sweeps that ended: good, or failed where a service failed or was held back.",
    labels=OutcomeLabels,
)
SWEEP_DURATION: Final = Metric(
    name="springtide_sweep_duration_seconds",
    help="Time from the start of a sweep until every service stands.",
    labels=NoLabels,
    bounds=SECONDS,
)
SWEEP_ENDED: Final = Metric(
    name="springtide_sweep_end_timestamp_seconds", help="When the last sweep ended.", labels=NoLabels
)
SWEEP_SERVICES: Final = Metric(
    name="springtide_sweep_services",
    help="Services of the last sweep: good, or failed, held back or not looked at.",
    labels=OutcomeLabels,
)

SERVICE_PAUSED: Final = Metric(
    name="springtide_service_paused_since_timestamp_seconds",
    help="Since when no run of the policy is started, and by whom: springtide itself or a person; no sample when not.",
    labels=PauseLabels,
)

# Events and calendars.
EVENT_LEAD: Final = Metric(
    name="springtide_event_lead_seconds",
    help="How long before the event its latest preparation began.",
    labels=EventLabels,
)
EVENT_LATENESS: Final = Metric(
    name="springtide_event_lateness_seconds",
    help="How long after the event's start the service stood, at its latest preparation; below 0 it was in time.",
    labels=EventPolicyLabels,
)
EVENT_PREPARED: Final = Metric(
    name="springtide_event_prepared_timestamp_seconds",
    help="When the event's latest preparation ended.",
    labels=EventLabels,
)
EVENT_LATE_TOLD: Final = Metric(
    name="springtide_event_late_timestamp_seconds",
    help="When it was last told that the event's preparation cannot end before the event's start.",
    labels=EventLabels,
)
CALENDAR_BROKEN: Final = Metric(
    name="springtide_calendar_broken",
    help="1 where the calendar has errors and counts as it was before, 0 where it has none.",
    labels=CalendarLabels,
)
CALENDARS_CHECKED: Final = Metric(
    name="springtide_calendars_check_timestamp_seconds",
    help="When a sweep looked at the calendars last.",
    labels=NoLabels,
)

METRICS: Final = (
    RUNS,
    RUN_DURATION,
    PHASE_DURATION,
    CLUSTER_READS,
    DESIRED_REPLICAS,
    PLAN_CLAMPED,
    SMOKE_CHECKS,
    GATES,
    RUNS_NEEDING_ATTENTION,
    APPROVAL_WAITING_SINCE,
    APPROVAL_DEADLINE,
    LEASE_ACQUIRED,
    LEASE_RENEWED,
    RECONCILE_ENDED,
    RECONCILE_REFUSED,
    FLOOR_UNTIL,
    FLOORS_CHECKED,
    METRICS_HELD_SINCE,
    MODEL_ABSTAINED,
    MODEL_ERROR,
    MODEL_ERROR_AT,
    SWEEPS,
    SWEEP_DURATION,
    SWEEP_ENDED,
    SWEEP_SERVICES,
    SERVICE_PAUSED,
    EVENT_LEAD,
    EVENT_LATENESS,
    EVENT_PREPARED,
    EVENT_LATE_TOLD,
    CALENDAR_BROKEN,
    CALENDARS_CHECKED,
)
"""All of them, in the order of docs/metrics.md."""
