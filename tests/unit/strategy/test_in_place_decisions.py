"""In place, decision by decision."""

from __future__ import annotations

import pytest

from springtide.errors import Conflict, WorkloadFailed
from springtide.strategy.in_place import InPlaceStrategy
from springtide.strategy.model import Decision, Done, RunOrder, Scale, Wait
from support.builders import NOW, SetBuilder, observation, order, policy, service

STRATEGY = InPlaceStrategy()
SETTINGS = policy(strategy={"type": "in_place"}).spec.strategy


def going(start: int, target: int) -> RunOrder:
    return order(target, start=start, settings=SETTINGS)


def scaled(decision: Decision) -> int:
    assert isinstance(decision, Scale)
    return decision.replicas


def test_growth_is_one_write_to_the_scale_subresource() -> None:
    assert scaled(STRATEGY.create(observation(service(), SetBuilder()), going(3, 6))) == 6


def test_growth_counts_only_at_the_endpoints() -> None:
    grown = SetBuilder(replicas=6)

    assert isinstance(STRATEGY.switched(observation(service(), grown, serving=[]), going(3, 6)), Wait)
    assert isinstance(STRATEGY.switched(observation(service(), grown), going(3, 6)), Done)


def test_a_shrink_creates_nothing_and_goes_in_steps_of_a_quarter() -> None:
    assert isinstance(STRATEGY.create(observation(service(), SetBuilder(replicas=12)), going(12, 3)), Done)
    assert scaled(STRATEGY.remove(observation(service(), SetBuilder(replicas=12)), going(12, 3))) == 9
    assert scaled(STRATEGY.remove(observation(service(), SetBuilder(replicas=4)), going(12, 3))) == 3


def test_a_shrink_is_halted_when_too_few_endpoints_would_stay() -> None:
    decision = STRATEGY.remove(observation(service(), SetBuilder(replicas=6), serving=[]), going(6, 3))

    assert isinstance(decision, Wait)
    assert "removal is halted" in decision.message


def test_roll_back_of_growth_that_never_became_ready_removes_the_unready_pods() -> None:
    stuck = SetBuilder(replicas=6, ready=3)
    decision = STRATEGY.roll_back(observation(service(), stuck), going(3, 6))

    assert scaled(decision) == 5


def test_roll_back_of_a_shrink_grows_again_at_once() -> None:
    assert scaled(STRATEGY.roll_back(observation(service(), SetBuilder(replicas=4)), going(6, 3))) == 6


def test_roll_back_is_done_when_exactly_the_old_number_serves() -> None:
    assert isinstance(STRATEGY.roll_back(observation(service(), SetBuilder()), going(3, 6)), Done)


@pytest.mark.parametrize("replicas", [2, 7])
def test_replicas_that_somebody_else_set_stop_the_run(replicas: int) -> None:
    with pytest.raises(Conflict) as caught:
        STRATEGY.switched(observation(service(), SetBuilder(replicas=replicas)), going(3, 6))

    assert caught.value.code == "replicas_changed"


def test_more_than_was_asked_for_is_not_taken_away() -> None:
    with pytest.raises(Conflict, match="set replicas to 7 during the run, which moves between 3 and 6"):
        STRATEGY.remove(observation(service(), SetBuilder(replicas=7)), going(3, 6))


def test_a_quota_fails_the_growth_once_its_grace_is_over() -> None:
    message = "pods is forbidden: exceeded quota: small"
    since = (NOW - going(3, 6).settings.patience.refused).isoformat()
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    condition |= {"lastTransitionTime": since}
    short = SetBuilder(replicas=6, ready=3, pods=3, conditions=(condition,))
    with pytest.raises(WorkloadFailed, match="exceeded quota: small") as caught:
        STRATEGY.ready(observation(service(), short), going(3, 6))

    assert caught.value.code == "quota_short"
