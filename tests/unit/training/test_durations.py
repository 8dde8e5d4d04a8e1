"""How long a run takes is what springtide and the cluster take, not what a person does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from springtide.record.memory import MemoryStore
from springtide.record.model import PhaseRecord, PhaseStatus, RunOutcome, ScalingRun
from springtide.training.durations import measured_runs
from springtide.workload import Workload
from support.builders import NOW


def at(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("answered", "seconds"),
    [(5, 35.0), (60, 90.0), (61, 90.0), (20 * 3600, 90.0)],  # a minute at most is taken for the run's own
)
def test_the_time_that_a_person_took_is_no_time_of_the_run(answered: float, seconds: float) -> None:
    store = MemoryStore()
    plan = {"current": 2, "replicas": 4}
    target = Workload(namespace="shop", deployment="web", service="web")
    run = ScalingRun(
        run_id="run-1",
        policy="web",
        target=target,
        strategy="in_place",
        requested_by="ada",
        reason="",
        started_at=NOW,
        plan=plan,
    )
    planned = PhaseRecord(
        phase="calculate_capacity", status=PhaseStatus.SUCCEEDED, started_at=NOW, ended_at=NOW + at(10), seconds=10.0
    )
    created = PhaseRecord(
        phase="create_instances",
        status=PhaseStatus.SUCCEEDED,
        started_at=NOW + at(10 + answered),
        ended_at=NOW + at(11 + answered),
        seconds=1,
    )
    for phase in (planned, created):
        run = run.with_phase(phase)
    store.save(run.with_outcome(RunOutcome.SUCCEEDED, at=NOW + at(30 + answered)))

    assert measured_runs(store, "web") == ([seconds], 4)
