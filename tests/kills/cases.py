"""What is done to Airflow, in which phase of a run, and what must come of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from e2e.kills import Journal
from springtide.run.state import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.stages import When
    from kills.airflow import StruckAirflow
    from kills.workloads import Workload

TARGET = 3
PHASE_SECONDS, END_SECONDS = 240, 420


@dataclass(frozen=True, slots=True)
class Case:
    """One row: `deed` is done to Airflow when `phase` of the run has begun; `after` seconds later, if a task is to be
    deferred by then."""

    name: str
    service: str
    phase: Phase
    deed: Callable[[StruckAirflow, str], None]
    outcome: str
    propagation: str = "4s"
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Struck:
    """A run to whose Airflow something was done."""

    case: Case
    when: When
    run_id: str
    phase: str
    at: datetime


SWITCHED, REMOVE = Phase.ENDPOINTS_SWITCHED, Phase.REMOVE_OLD_INSTANCES
CASES = (
    Case("SIGKILL of the task", "task", SWITCHED, lambda a, run: a.kill_task(run), "succeeded"),
    Case("SIGKILL of its supervisor", "supervisor", SWITCHED, lambda a, run: a.kill_supervisor(run), "succeeded"),
    Case("marked failed before its smoke test", "failed", SWITCHED, lambda a, run: a.mark_failed(run), "rolled_back"),
    Case("marked failed after its smoke test", "late", REMOVE, lambda a, run: a.mark_failed(run), "succeeded"),
    Case("deleted", "deleted", SWITCHED, lambda a, run: a.delete(run), "rolled_back"),
    Case("cleared", "cleared", SWITCHED, lambda a, run: a.clear(run), "succeeded"),
    Case(
        "SIGKILL of the triggerer, while deferred",
        "triggerer",
        SWITCHED,
        lambda a, _: a.kill_part("triggerer"),
        "succeeded",
        propagation="20s",
        after=10.0,
    ),
    Case("SIGKILL of the scheduler", "scheduler", SWITCHED, lambda a, _: a.kill_part("scheduler"), "succeeded"),
)


def strike(case: Case, workload: Workload, airflow: StruckAirflow) -> Struck:
    """Start a run by REST, wait for the phase, and do the deed."""
    when = workload.under_load()
    conf = {"service": workload.service, "replicas": TARGET, "strategy": "blue_green", "reason": case.name}
    run_id = airflow.airflow.trigger(conf)
    see = when.scenario.see
    deadline = time.monotonic() + PHASE_SECONDS
    while (journal := Journal.read(see)) is None or case.phase.value not in journal.started:
        assert time.monotonic() < deadline, f"{case.name}: {case.phase.value} did not begin: {journal}"
        time.sleep(0.02)
    time.sleep(case.after)
    case.deed(airflow, run_id)
    at = datetime.now(UTC)
    last = Journal.read(see)
    return Struck(case, when, run_id, last.phase if last else "", at)
