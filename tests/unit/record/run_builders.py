"""Runs and phases in one line."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from springtide.record.model import PhaseRecord, PhaseStatus, RunOutcome, ScalingRun
from springtide.workload import Workload

NOON = datetime(2026, 11, 11, 12, tzinfo=UTC)
PLAN = {
    "policy": "checkout",
    "replicas": 6,
    "clamps": [{"guard": "max_replicas", "was": 9, "replicas": 6, "reason": "replicas.max is 6"}],
    "estimate": {"replicas": 9, "demand": 412.5, "unit": "requests/s"},
    "reason": "demand is 412.5 requests/s — «é»",
}
VERDICT = {
    "status": "fail",
    "checks": [
        {"check": "http /healthz", "status": "pass", "message": "50 of 50"},
        {"check": "promql errors", "status": "fail", "message": "0.2 is not below 0.01"},
    ],
}


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_run(run_id: str = "manual__checkout__1", **values: Any) -> ScalingRun:
    run = ScalingRun(
        run_id=run_id,
        policy="checkout",
        target=Workload(namespace="shop", deployment="checkout", service="checkout"),
        strategy="blue_green",
        requested_by="ada",
        reason="singles day",
        started_at=NOON,
    )
    return replace(run, **values)


def an_ended_run(outcome: RunOutcome = RunOutcome.SUCCEEDED, *, after: float = 42, **values: Any) -> ScalingRun:
    return replace(a_run(**values), outcome=outcome, ended_at=at(after))


def a_phase(phase: str = "create_instances", *, attempt: int = 1, start: float = 1) -> PhaseRecord:
    return PhaseRecord(phase=phase, status=PhaseStatus.RUNNING, started_at=at(start), attempt=attempt)


def an_ended_phase(
    phase: str = "create_instances", *, attempt: int = 1, start: float = 1, seconds: float = 2
) -> PhaseRecord:
    begun = a_phase(phase, attempt=attempt, start=start)
    return begun.with_end(PhaseStatus.SUCCEEDED, at=at(start + seconds), seconds=seconds, message="6 of 6 ready")
