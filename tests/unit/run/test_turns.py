"""Whose turn it is: behind the owner of the workload, and behind what was asked for before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from springtide.errors import PermanentError
from springtide.record.audit import AuditRecord
from springtide.run import phases
from springtide.run.ports import RunRequest
from springtide.run.queueing import LONGEST, who_is_ahead
from support.simulation import Simulation


def nobody_goes(_run_id: str) -> bool:
    return False


def queued(simulation: Simulation, run_id: str = "mine") -> RunRequest:
    return replace(simulation.request(4, run_id), is_queued=True)


def own(simulation: Simulation) -> None:
    """Let another run own the workload."""
    request = simulation.request(3, "other")
    plan = phases.calculate_capacity(simulation.ports(), request)
    phases.create_instances(simulation.ports(), request, plan)


def asked_for(simulation: Simulation, run_id: str, seconds: int) -> None:
    simulation.store.keep_audit(
        AuditRecord(
            record_id=run_id,
            at=simulation.world.clock.now() + timedelta(seconds=seconds),
            who="ann",
            dag_id="scale_service",
            run_id=run_id,
            service="web",
        )
    )


def test_a_free_workload_is_its_turn() -> None:
    simulation = Simulation.of(2)

    assert who_is_ahead(simulation.ports(), queued(simulation), simulation.world.clock.now(), nobody_goes) is None


def test_the_owner_has_the_turn() -> None:
    simulation = Simulation.of(2)
    own(simulation)

    ahead = who_is_ahead(simulation.ports(), queued(simulation), simulation.world.clock.now(), nobody_goes)

    assert ahead == "run other owns the workload, in phase create_instances."


def test_who_does_not_wait_is_told_by_the_lease() -> None:
    simulation = Simulation.of(2)
    own(simulation)
    now = simulation.world.clock.now()

    assert who_is_ahead(simulation.ports(), simulation.request(4, "mine"), now, nobody_goes) is None


def test_of_two_that_wait_the_first_goes_first() -> None:
    simulation = Simulation.of(2)
    asked_for(simulation, "first", 0)
    asked_for(simulation, "mine", 1)
    asked_for(simulation, "third", 2)
    now = simulation.world.clock.now()

    ahead = who_is_ahead(simulation.ports(), queued(simulation), now, lambda run_id: run_id in {"first", "third"})

    assert ahead == "run first was asked for before it, by ann."
    assert who_is_ahead(simulation.ports(), queued(simulation), now, lambda run_id: run_id == "third") is None


def test_it_waits_for_less_than_an_hour() -> None:
    simulation = Simulation.of(2)
    own(simulation)
    due = simulation.world.clock.now() - LONGEST - timedelta(seconds=1)

    with pytest.raises(PermanentError) as refused:
        who_is_ahead(simulation.ports(), queued(simulation), due, nobody_goes)

    assert refused.value.code == "service_busy"
    assert "55 minutes" in refused.value.message
