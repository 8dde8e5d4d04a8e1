"""The trigger looks, and says when the task should look for itself."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

import pytest

from springtide.errors import ClusterUnavailable, WorkloadFailed
from springtide.run.engine import Progress
from springtide.workload import Workload
from springtide_airflow import triggers
from springtide_airflow.triggers import PhaseTrigger

Look = Callable[[], Progress]
WORKLOAD = Workload(namespace="shop", deployment="checkout", service="checkout")


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Progress | Exception]:
    """Return the answers of the next looks, to be filled by the test; every look takes the first."""
    answers: list[Progress | Exception] = []

    def look() -> Progress:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(PhaseTrigger, "_looking", lambda _self: look)
    monkeypatch.setattr(triggers, "SECONDS_BETWEEN_LOOKS", 0.0)
    return answers


def trigger(*, seconds: float = 60.0) -> PhaseTrigger:
    return PhaseTrigger("instances_ready", WORKLOAD.to_record(), "run-1", time.time() + seconds)


async def events(of: PhaseTrigger) -> list[Any]:
    return [event.payload async for event in of.run()]


WAITS = Progress(is_done=False, message="2 of 6 are ready")
DONE = Progress(is_done=True, message="6 of 6 are ready")


def test_another_process_makes_the_same_trigger_again() -> None:
    first = trigger()
    path, arguments = first.serialize()

    module, _, name = path.rpartition(".")
    again = getattr(importlib.import_module(module), name)(**arguments)

    assert again.serialize() == (path, arguments)
    assert set(arguments) == {"phase", "workload", "run_id", "deadline"}  # nothing secret is stored


async def test_it_fires_when_the_phase_is_done(looks: list[Progress | Exception]) -> None:
    looks += [WAITS, WAITS, DONE]

    assert await events(trigger()) == [{"phase": "instances_ready", "message": "6 of 6 are ready"}]


async def test_it_fires_at_once_when_the_phase_cannot_be_done(looks: list[Progress | Exception]) -> None:
    looks += [WAITS, WorkloadFailed("CrashLoopBackOff", code="crash_loop"), DONE]

    assert await events(trigger()) == [{"phase": "instances_ready", "message": "CrashLoopBackOff"}]
    assert looks == [DONE]


async def test_it_bears_a_cluster_that_does_not_answer(looks: list[Progress | Exception]) -> None:
    looks += [ClusterUnavailable("away", code="cluster_unreachable"), DONE]

    assert await events(trigger()) == [{"phase": "instances_ready", "message": "6 of 6 are ready"}]


async def test_it_ends_at_its_own_deadline(looks: list[Progress | Exception]) -> None:
    looks += [WAITS]

    assert await events(trigger(seconds=-1)) == [{"phase": "instances_ready", "message": "the time is over"}]
    assert looks == [WAITS]
