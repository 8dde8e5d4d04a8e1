"""What was approved before it came counts for that preparation, within its bound, and for nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from springtide.errors import InputError, PermanentError, TemporaryError
from springtide.plan.model import ScalingPlan
from springtide.record.approvals import ApprovalAhead
from springtide.record.memory import MemoryStore
from springtide.record.model import RunOutcome
from springtide.record.store import RunStore
from springtide.run import pipeline
from springtide.run.admission import plan_capacity
from springtide.run.approved_ahead import approval_in, approved_ahead
from springtide.run.ports import RunRequest
from support.builders import policy
from support.simulation import Simulation

EVENT = "sales.launch.20261127T180000Z"


def asked(simulation: Simulation, replicas: int = 4, event: str = EVENT) -> RunRequest:
    """Return what a preparation asks for, under a policy that always wants a person."""
    spec = simulation.policy.model_dump(mode="json")["spec"] | {"approval": {"always": True}}
    return replace(simulation.request(replicas), policy=policy(**spec), event=event)


def approved(simulation: Simulation, **values: Any) -> ApprovalAhead:
    now = simulation.ports().clock.now()
    whole = ApprovalAhead(
        policy=simulation.policy.name,
        target=simulation.policy.spec.target.workload,
        event=EVENT,
        up_to=4,
        until=now + timedelta(hours=8),
        at=now - timedelta(hours=8),
        by="ann",
        reason="so that nobody has to be awake",
    )
    return replace(whole, **values)


def outcome(simulation: Simulation, approvals: Sequence[ApprovalAhead], request: RunRequest) -> RunOutcome:
    for approval in approvals:
        simulation.store.approve_ahead(approval)
    return pipeline.run(simulation.ports(), request)


def refused(simulation: Simulation, approvals: Sequence[ApprovalAhead], request: RunRequest) -> None:
    with pytest.raises(PermanentError) as caught:
        outcome(simulation, approvals, request)
    assert caught.value.code == "approval_missing"
    assert [call for call in simulation.world.history.calls if call.write] == []


@pytest.fixture
def simulation() -> Simulation:
    return Simulation.of(2, strategy="in_place")


def test_a_preparation_within_its_bound_needs_nobody_any_more(simulation: Simulation) -> None:
    assert outcome(simulation, [approved(simulation)], asked(simulation)) is RunOutcome.SUCCEEDED


def test_one_replica_beyond_the_bound_waits_for_a_person(simulation: Simulation) -> None:
    refused(simulation, [approved(simulation, up_to=3)], asked(simulation))


def test_a_run_of_no_event_is_never_approved_ahead(simulation: Simulation) -> None:
    refused(simulation, [approved(simulation)], asked(simulation, event=""))


def test_an_approval_without_an_event_counts_for_no_run(simulation: Simulation) -> None:
    refused(simulation, [approved(simulation, event="")], asked(simulation, event=""))


def test_another_event_is_not_approved(simulation: Simulation) -> None:
    refused(simulation, [approved(simulation, event="sales.launch.20261128T180000Z")], asked(simulation))


def test_another_service_is_not_approved(simulation: Simulation) -> None:
    refused(simulation, [approved(simulation, policy="search")], asked(simulation))


@pytest.mark.parametrize("changed", [{"cluster": "east"}, {"namespace": "staging"}, {"deployment": "checkout-v2"}])
def test_the_same_service_elsewhere_is_not_approved(simulation: Simulation, changed: dict[str, Any]) -> None:
    elsewhere = replace(simulation.policy.spec.target.workload, **changed)

    refused(simulation, [approved(simulation, target=elsewhere)], asked(simulation))


def test_an_approval_ends(simulation: Simulation) -> None:
    refused(simulation, [approved(simulation, until=simulation.ports().clock.now())], asked(simulation))


def test_an_approval_of_the_future_does_not_count_yet(simulation: Simulation) -> None:
    tomorrow = simulation.ports().clock.now() + timedelta(days=1)

    refused(simulation, [approved(simulation, at=tomorrow, until=tomorrow + timedelta(1))], asked(simulation))


def test_what_was_taken_back_does_not_count_though_an_older_one_would(simulation: Simulation) -> None:
    taken_back = approved(simulation, at=simulation.ports().clock.now(), up_to=0)

    refused(simulation, [approved(simulation), taken_back], asked(simulation))


def test_a_lower_bound_takes_the_place_of_a_higher_one_even_when_it_has_ended(simulation: Simulation) -> None:
    now = simulation.ports().clock.now()
    lower = approved(simulation, at=now - timedelta(hours=1), until=now, up_to=40)

    refused(simulation, [approved(simulation), lower], asked(simulation))


def test_what_makes_a_service_smaller_is_not_approved_ahead(simulation: Simulation) -> None:
    refused(simulation, [approved(simulation)], asked(simulation, replicas=1))


def test_a_plan_for_another_event_beside_an_approved_one_waits(simulation: Simulation) -> None:
    other = "sales.flash.20261127T180000Z"

    refused(
        simulation, [approved(simulation), approved(simulation, event=other, up_to=3)], asked(simulation, event=other)
    )


class _Silent(MemoryStore):
    def approvals_ahead(self, policies: object) -> tuple[ApprovalAhead, ...]:
        del policies
        raise TemporaryError("the store does not answer.", code="store_unavailable")


def test_where_the_store_does_not_answer_a_person_is_asked(simulation: Simulation) -> None:
    plan = a_plan(simulation)

    assert approval_in(_Silent, asked(simulation), plan, now_of(simulation)) is None


def test_where_the_store_cannot_be_opened_a_person_is_asked(simulation: Simulation) -> None:
    def broken() -> AbstractContextManager[RunStore]:
        raise InputError("the URL is wrong.", code="store_url_invalid")

    assert approval_in(broken, asked(simulation), a_plan(simulation), now_of(simulation)) is None


def test_who_approved_it_is_returned(simulation: Simulation) -> None:
    kept = approved(simulation)

    assert approved_ahead(asked(simulation), a_plan(simulation), [kept], now_of(simulation)) == kept


def a_plan(simulation: Simulation) -> ScalingPlan:
    return plan_capacity(simulation.ports(), asked(simulation))


def now_of(simulation: Simulation) -> datetime:
    return simulation.ports().clock.now()
