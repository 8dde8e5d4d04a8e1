"""How long a service's pods take to serve, from the decision on: measured on its own runs, else from its probes.

A plan must hold until the next one's pods serve, so every second here is a second of demand that has to be foreseen.
Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from springtide.capacity.registry import UNMEASURED
from springtide.events.leads import p95
from springtide.policy.scaling.auto import AutoSpec
from springtide.record.model import PhaseStatus, ScalingRun
from springtide.run.state import Phase

LEAST_RUNS = 5
"""Fewer say nothing about the slow ones."""

RUN_SECONDS = 30.0
"""What planning counts for the run itself, on top of the start-up time; a measured time holds it already."""

_SERVES = (Phase.ENDPOINTS_SWITCHED, Phase.INSTANCES_READY)
_SUCCEEDED = PhaseStatus.SUCCEEDED


@dataclass(frozen=True, slots=True)
class Startup:
    """Seconds, and where they are from."""

    seconds: float
    reason: str


def startup_of(spec: AutoSpec, runs: Sequence[ScalingRun]) -> Startup:
    """Return how long until pods serve: as the policy says, else as measured, else as the probes allow.

    `runs` are the latest, newest first; the last plan among them has seen the probes, whether it did anything or not.
    """
    if spec.startup is not None:
        return Startup(spec.startup.total_seconds(), "as the policy says")
    # `runs` hold shrinks and dry runs too, which say nothing about pods that start.
    measured = [seconds for run in runs if (seconds := seconds_to_serving(run)) is not None]
    if len(measured) >= LEAST_RUNS:
        seconds = max(1.0, p95(measured) - RUN_SECONDS)
        return Startup(seconds, f"p95 of {len(measured)} measured runs, less {RUN_SECONDS:.0f} s for the run itself")
    plans = [run.plan for run in runs if run.plan is not None]
    allowed = plans[0].get("allowed_startup") if plans else None
    if allowed is not None:
        return Startup(allowed, f"what the probes allow; {len(measured)} of {LEAST_RUNS} runs are measured")
    return Startup(UNMEASURED.total_seconds(), f"unknown: {len(measured)} of {LEAST_RUNS} runs are measured")


def seconds_to_serving(run: ScalingRun) -> float | None:
    """Return how long from a run's plan until its pods served; None where it did not add pods and get that far."""
    if run.plan is None or run.dry_run or run.plan["replicas"] <= run.plan["current"]:
        return None
    ended = {
        phase.phase: phase.ended_at for phase in run.phases if phase.status is _SUCCEEDED and phase.ended_at is not None
    }
    for phase in _SERVES:
        if phase in ended:
            seconds = (ended[phase] - datetime.fromisoformat(run.plan["decided_at"])) / timedelta(seconds=1)
            return seconds if seconds > 0 else None  # a clock that was set back measures nothing
    return None
