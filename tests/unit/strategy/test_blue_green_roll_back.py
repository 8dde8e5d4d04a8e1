"""Rolling a blue-green run back: the same rules, backwards, from wherever it stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from springtide import labels
from springtide.errors import Conflict
from springtide.kube.objects import Kind
from springtide.strategy.blue_green import BlueGreenStrategy
from springtide.strategy.model import Decision, Delete, Done, Patch, Scale, Wait
from support.builders import SetBuilder, observation, order, pinned, service

STRATEGY = BlueGreenStrategy()
OWNED = SetBuilder()
STABLE = SetBuilder(aside=True, run="run-1")
COMING = SetBuilder("new", replicas=6, hash="hash-new", run="run-1")
NEW = COMING.with_(paused=True)
AT_NUMBER = COMING.with_(replicas=3)
AT_STABLE = pinned("hash-own")
AT_NEW = pinned("hash-new")
LONG_AGO = timedelta(minutes=5)


def patched(decision: Decision) -> tuple[Kind, object]:
    assert isinstance(decision, Patch)
    return decision.kind, decision.change.get("spec")


def test_nothing_written_yet_is_nothing_to_undo() -> None:
    assert isinstance(STRATEGY.roll_back(observation(service(), OWNED), order(6)), Done)


@pytest.mark.parametrize("edited", [None, "v2"])
def test_a_pin_before_anything_was_set_aside_is_taken_off_at_once(edited: str | None) -> None:
    decision = STRATEGY.roll_back(observation(service(AT_STABLE), OWNED.with_(edited=edited)), order(6))

    assert patched(decision) == (Kind.SERVICE, {"selector": {labels.POD_TEMPLATE_HASH: None}})


def test_after_the_switch_the_stable_set_is_whole_again_before_anything_points_at_it() -> None:
    switched = service(AT_NEW, switched=LONG_AGO)
    grow = STRATEGY.roll_back(observation(switched, STABLE.with_(replicas=1), NEW), order(6))
    wait = STRATEGY.roll_back(observation(switched, STABLE.with_(ready=2), NEW), order(6))

    assert isinstance(grow, Scale)
    assert (grow.kind, grow.name, grow.replicas) == (Kind.REPLICA_SET, "web-rs", 3)
    assert isinstance(wait, Wait)


def test_pointing_back_is_a_switch_with_its_own_times() -> None:
    back = STRATEGY.roll_back(observation(service(AT_NEW, switched=LONG_AGO), STABLE, NEW), order(6))
    travels = observation(service(AT_STABLE, switched=timedelta(seconds=1)), STABLE, NEW)
    drains = observation(service(AT_STABLE, switched=timedelta(seconds=2)), STABLE, NEW)

    assert patched(back) == (Kind.SERVICE, {"selector": {labels.POD_TEMPLATE_HASH: "hash-own"}})
    assert isinstance(back, Patch)
    assert labels.SWITCHED_AT in back.change["metadata"]["annotations"]
    assert isinstance(STRATEGY.roll_back(travels, order(6)), Wait)
    assert isinstance(STRATEGY.roll_back(drains, order(6)), Wait)


def test_a_switch_that_may_still_arrive_is_ruled_out_first() -> None:
    look = observation(service(AT_STABLE), STABLE, NEW)
    decision = STRATEGY.roll_back(look, replace(order(6), may_have_switched=True))

    assert patched(decision) == (Kind.SERVICE, {"selector": {labels.POD_TEMPLATE_HASH: "hash-own"}})


@pytest.mark.parametrize("new", [COMING, NEW, NEW.with_(replicas=3), COMING.with_(ready=0)])
def test_the_deployment_runs_at_its_old_number_before_the_set_is_given_back(new: SetBuilder) -> None:
    decision = STRATEGY.roll_back(observation(service(AT_STABLE), STABLE, new), order(6))

    assert patched(decision) == (Kind.DEPLOYMENT, {"paused": None, "replicas": 3})


@pytest.mark.parametrize("late", [AT_NUMBER.with_(observed=False), AT_NUMBER.with_(noted=6)])
def test_a_controller_that_has_not_followed_is_waited_for(late: SetBuilder) -> None:
    # It would take the set that comes back for a change of scale, and shrink both in proportion.
    assert isinstance(STRATEGY.roll_back(observation(service(AT_STABLE), STABLE, late), order(6)), Wait)


def test_the_set_is_given_back_as_it_was_taken() -> None:
    decision = STRATEGY.roll_back(observation(service(AT_STABLE), STABLE, AT_NUMBER), order(6))

    assert isinstance(decision, Patch)
    assert (decision.kind, decision.name) == (Kind.REPLICA_SET, "web-rs")
    assert decision.change["metadata"] == {
        "labels": {labels.ASIDE_OF: None, "app": "web", labels.POD_TEMPLATE_HASH: "hash-own"},
        "annotations": {labels.ASIDE: None, labels.DESIRED_REPLICAS: "3"},
    }


def test_under_the_pin_the_pods_that_may_have_failed_go_first() -> None:
    lingering = observation(service(AT_STABLE, switched=LONG_AGO), COMING.with_(replicas=0, pods=1, ready=1), OWNED)
    gone = observation(service(AT_STABLE, switched=LONG_AGO), COMING.with_(replicas=0, pods=1, ready=0), OWNED)

    assert isinstance(STRATEGY.roll_back(lingering, order(6)), Wait)
    assert patched(STRATEGY.roll_back(gone, order(6))) == (
        Kind.SERVICE,
        {"selector": {labels.POD_TEMPLATE_HASH: None}},
    )


def test_a_rollout_that_begins_under_the_pin_is_answered_by_the_selector_at_once() -> None:
    look = observation(service(AT_STABLE), COMING.with_(replicas=3), OWNED.with_(edited="v2"))

    assert patched(STRATEGY.roll_back(look, order(6))) == (
        Kind.SERVICE,
        {"selector": {labels.POD_TEMPLATE_HASH: None}},
    )


def test_the_second_set_of_one_template_leaves_the_history_when_it_is_empty() -> None:
    draining = STRATEGY.roll_back(observation(service(), COMING.with_(replicas=0, pods=1), OWNED), order(6))
    empty = STRATEGY.roll_back(observation(service(), COMING.with_(replicas=0), OWNED), order(6))

    assert isinstance(draining, Wait)
    assert isinstance(empty, Delete)
    assert (empty.kind, empty.name) == (Kind.REPLICA_SET, "new-rs")


def test_another_version_in_the_history_stays() -> None:
    older = SetBuilder("older", replicas=0, hash="hash-older", env="v0")

    assert isinstance(STRATEGY.roll_back(observation(service(), older, OWNED), order(6)), Done)


def test_a_stable_set_that_is_gone_leaves_the_new_one_serving() -> None:
    restore = STRATEGY.roll_back(observation(service(AT_NEW, switched=LONG_AGO), NEW), order(6))
    resume = STRATEGY.roll_back(observation(service(), NEW), order(6))
    kept = STRATEGY.roll_back(observation(service(), COMING), order(6))

    assert patched(restore) == (Kind.SERVICE, {"selector": {labels.POD_TEMPLATE_HASH: None}})
    assert patched(resume) == (Kind.DEPLOYMENT, {"paused": None})
    assert isinstance(kept, Done)
    assert not kept.is_restored


def test_a_pin_to_a_stable_set_that_is_gone_is_taken_off_for_the_new_one() -> None:
    decision = STRATEGY.roll_back(observation(service(AT_STABLE), COMING), order(6))

    assert patched(decision) == (Kind.SERVICE, {"selector": {labels.POD_TEMPLATE_HASH: None}})


def test_a_number_that_somebody_else_set_is_not_overwritten() -> None:
    with pytest.raises(Conflict) as caught:
        STRATEGY.roll_back(observation(service(AT_STABLE), STABLE, COMING.with_(replicas=9)), order(6))

    assert caught.value.code == "replicas_changed"


class TestWithAnotherTemplateThatSomebodyDeployedMeanwhile:
    EDITED = COMING.with_(edited="v2")

    def test_the_pods_that_nobody_has_seen_go_first(self) -> None:
        decision = STRATEGY.roll_back(observation(service(AT_STABLE), STABLE, self.EDITED), order(6))
        draining = observation(service(AT_STABLE), STABLE, self.EDITED.with_(replicas=0, pods=2))

        assert patched(decision) == (Kind.DEPLOYMENT, {"paused": None, "replicas": 0})
        assert isinstance(STRATEGY.roll_back(draining, order(6)), Wait)

    def test_then_the_service_has_its_own_selector_before_its_rollout_goes_on(self) -> None:
        empty = observation(service(AT_STABLE), STABLE, self.EDITED.with_(replicas=0))

        assert patched(STRATEGY.roll_back(empty, order(6))) == (
            Kind.SERVICE,
            {"selector": {labels.POD_TEMPLATE_HASH: None}},
        )

    def test_then_the_rollout_begins_and_takes_the_stable_set_over(self) -> None:
        begin = STRATEGY.roll_back(observation(service(), STABLE, self.EDITED.with_(replicas=0)), order(6))
        join = STRATEGY.roll_back(observation(service(), STABLE, self.EDITED.with_(replicas=3)), order(6))

        assert patched(begin) == (Kind.DEPLOYMENT, {"paused": None, "replicas": 3})
        assert isinstance(join, Patch)
        assert join.kind is Kind.REPLICA_SET

    def test_it_is_done_while_that_rollout_goes_on(self) -> None:
        rolling = SetBuilder("v2", hash="hash-v2", env="v2", replicas=1)

        assert isinstance(STRATEGY.roll_back(observation(service(), OWNED, rolling), order(6)), Done)
