"""What is done to Airflow, in which phase of a run, and what must come of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from e2e.kills import Journal
from e2e.manifests import policy
from e2e.workloads import Pace
from springtide.run.state import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.manifests import Json
    from e2e.stages import When
    from e2e.workloads import Workload
    from kills.airflow import StruckAirflow

CURRENT = 2
TARGET = 3
RATE = 15
"""Requests a second on fresh and as many on kept connections, to each of the workloads."""

PACE = Pace(12)
"""Each wait takes so long that it leaves the worker."""

PHASE_SECONDS = 300
END_SECONDS = 420

PHASES = (
    Phase.CREATE_INSTANCES,
    Phase.INSTANCES_READY,
    Phase.SWITCH_ENDPOINTS,
    Phase.ENDPOINTS_SWITCHED,
    Phase.SMOKE_TEST,
    Phase.REMOVE_OLD_INSTANCES,
    Phase.INSTANCES_REMOVED,
)
DEFERRED = (Phase.INSTANCES_READY, Phase.ENDPOINTS_SWITCHED, Phase.INSTANCES_REMOVED)
DEFERRED_AFTER = 9.0
"""So many seconds after its begin a phase that waits has left the worker; the workloads take longer for each."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault action; `is_end` when the run's owner is gone by it for good, so that `reconcile_runs` ends the run."""

    name: str
    slug: str
    do: Callable[[StruckAirflow, str], None]
    is_end: bool = False


FAULTS = (
    Fault("SIGKILL of the task", "task", lambda a, run: a.kill_task(run)),
    Fault("SIGKILL of its supervisor", "supervisor", lambda a, run: a.kill_supervisor(run)),
    Fault("marked failed", "failed", lambda a, run: a.mark_failed(run), is_end=True),
    Fault("deleted", "deleted", lambda a, run: a.delete(run), is_end=True),
    Fault("cleared", "cleared", lambda a, run: a.clear(run)),
    Fault("SIGKILL of the scheduler", "scheduler", lambda a, _: a.kill_part("scheduler")),
)
TRIGGERER = Fault("SIGKILL of the triggerer, while deferred", "triggerer", lambda a, _: a.kill_part("triggerer"))


@dataclass(frozen=True, slots=True)
class Case:
    """One row: `fault` is injected into Airflow `after` seconds after `phase` of the run has begun."""

    fault: Fault
    phase: Phase
    after: float = 0.0

    @property
    def service(self) -> str:
        """The name of its policy."""
        return f"{self.fault.slug}-{self.phase.value.replace('_', '-')}"

    def meant(self, journal: Journal | None) -> str:
        """Return how the run has to end: undone, if it was ended before its smoke test had passed; else done."""
        is_undone = self.fault.is_end and not (journal is not None and journal.is_proven)
        return "rolled_back" if is_undone else "succeeded"


def policy_in(namespace: str) -> Json:
    """Return the policy of a case: its waits are long enough to be met in each phase."""
    document = policy(namespace, smoke_path="/healthz", ready_within="120s")
    document["spec"]["strategy"] |= {"propagation": f"{PACE.seconds}s"}
    return document


@dataclass(frozen=True, slots=True)
class Struck:
    """A run to whose Airflow something was done."""

    case: Case
    when: When
    phase: str
    at: datetime


def cases_of(phase: Phase) -> Iterator[Case]:
    """Return the rows of a phase."""
    yield from (Case(fault, phase) for fault in FAULTS)
    if phase in DEFERRED:
        yield Case(TRIGGERER, phase, after=DEFERRED_AFTER)


def strike(case: Case, workload: Workload, airflow: StruckAirflow) -> Struck:
    """Start a run under load by REST, wait for the phase, and inject the fault."""
    when = workload.under_load(replicas=CURRENT, rate=RATE)
    run_id = airflow.real.scale(workload.service, TARGET, "blue_green")
    see = when.scenario.see
    deadline = time.monotonic() + PHASE_SECONDS
    while (journal := Journal.read(see)) is None or case.phase.value not in journal.started:
        assert time.monotonic() < deadline, f"{case.service}: {case.phase.value} did not begin: {journal}"
        time.sleep(0.05)
    time.sleep(case.after)
    case.fault.do(airflow, run_id)
    last = Journal.read(see)
    return Struck(case, when, last.phase if last else "", datetime.now(UTC))
