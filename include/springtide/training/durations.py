"""How long runs and preparations took, from the store of runs: what leads are learned from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from springtide.events.leads import MeasuredRuns
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.model import RunOutcome, ScalingRun
from springtide.record.store import RunStore
from springtide.run.state import Phase

LATEST: Final = 50
"""How many runs are looked at: enough for a percentile, and recent enough to be about the service of today."""

OVERHEAD: Final = timedelta(minutes=1)
"""What may lie between a plan and its first act without a person: tasks that start, on a machine that is busy."""


def measured_runs(store: RunStore, service: str, *, until: datetime | None = None) -> tuple[list[float], int | None]:
    """Return the seconds of the latest successful runs of `service`, and the replicas that the last one went to.

    `until` leaves out what was not over by then.

    Raises:
        TemporaryError: the store does not answer.
    """
    runs = [
        run
        for run in store.latest(service, limit=LATEST)
        if run.outcome is RunOutcome.SUCCEEDED and not run.dry_run and run.plan is not None
        if until is None or (run.ended_at is not None and run.ended_at <= until)
    ]
    last = int(runs[0].plan["replicas"]) if runs and runs[0].plan is not None else None
    return [seconds for run in runs if (seconds := without_person(run)) is not None], last


def without_person(run: ScalingRun) -> float | None:
    """Return how long the run took, without the time that it waited for a person to approve its plan.

    None while it goes on. Up to `OVERHEAD` between plan and first act is the run's own.
    """
    planned = [phase.ended_at for phase in run.phases if phase.phase == Phase.CALCULATE_CAPACITY and phase.ended_at]
    acting = (Phase.WARM_NODES, Phase.CREATE_INSTANCES)
    acted = [phase.started_at for phase in run.phases if phase.phase in acting]
    if run.seconds is None or not planned or not acted:
        return run.seconds
    # A lead that counted an approval over lunch would start every sale hours early.
    waited = min(acted) - max(planned)
    return run.seconds - max(0.0, (waited - OVERHEAD).total_seconds())


def measure(store: RunStore, services: Iterable[str], policies: Mapping[str, ScalingPolicy]) -> MeasuredRuns:
    """Return what the store says of `services` and of preparations, and those of their `policies` that can be read.

    Raises:
        TemporaryError: the store does not answer.
    """
    measured = {service: measured_runs(store, service) for service in sorted(services)}
    runs = {service: seconds for service, (seconds, _) in measured.items()}
    expected = {service: last for service, (_, last) in measured.items() if last is not None}
    after = {name: policy.spec.after for name, policy in policies.items()}
    step_up = {name: float(policy.spec.guards.step_up) for name, policy in policies.items()}
    return MeasuredRuns(
        runs=runs, expected=expected, after=after, step_up=step_up, preparations=store.preparations(limit=LATEST)
    )
