"""A run in a thread that is interrupted is undone, as by Ctrl-C in a run of its own."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime

import pytest

from springtide.clock import Clock
from springtide.fleet.child_runs import ChildRun
from springtide.fleet.in_process import InterruptibleClock
from springtide.run import pipeline
from springtide.run.lease import read_lease
from support.fleet import START, Fleet


class ClockThatInterrupts:
    """Interrupts the run at its first wait."""

    def __init__(self, clock: Clock, interrupted: threading.Event) -> None:
        self._clock = clock
        self._interrupted = interrupted

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._interrupted.set()
        self._clock.sleep(seconds)


def test_what_is_half_done_is_undone() -> None:
    fleet = Fleet({"web": ()})
    interrupted = threading.Event()
    ports = fleet.ports()
    clock = InterruptibleClock(ClockThatInterrupts(ports.clock, interrupted), interrupted)
    run = ChildRun(run_id="r1", service="web", before=START, replicas=4, reason="a test")

    with pytest.raises(KeyboardInterrupt):
        pipeline.run(replace(ports, clock=clock), run.request(fleet.policies["web"], requested_by="a test"))

    assert fleet.grown()[0][2] == 4  # it had begun
    assert fleet.replicas() == {"web": START}
    target = fleet.policies["web"].spec.target.workload
    lease = read_lease(ports.kube, target)
    assert lease is not None
    assert not lease.holder
