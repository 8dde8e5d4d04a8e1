"""Blue-green in batches, decision by decision."""

from __future__ import annotations

from datetime import timedelta

import pytest

from springtide import labels
from springtide.errors import Conflict
from springtide.kube.objects import Kind
from springtide.strategy.batched import BatchedStrategy
from springtide.strategy.model import Decision, Delete, Done, Patch, RunOrder, Scale, Wait
from springtide.strategy.registry import strategy_for
from support.builders import OWN_SELECTOR, SetBuilder, observation, order, pinned, policy, service

SETTINGS = policy(
    strategy={"type": "blue_green", "overlap": "batched", "batch": 2, "propagation": "2s", "drain": "1s"}
).spec.strategy
STRATEGY = BatchedStrategy()
STABLE = SetBuilder(replicas=6, aside=True)
BATCH = SetBuilder("new", replicas=2, hash="hash-new", run="run-1", paused=True)
LONG_AGO = timedelta(minutes=5)
WIDENED = service(OWN_SELECTOR, switched=LONG_AGO)


def going(start: int = 6, target: int = 6) -> RunOrder:
    return order(target, start=start, settings=SETTINGS)


def scaled(decision: Decision) -> tuple[str, int]:
    assert isinstance(decision, Scale)
    return decision.name, decision.replicas


def test_a_policy_with_batched_overlap_means_this_strategy() -> None:
    assert isinstance(strategy_for(SETTINGS), BatchedStrategy)


def test_the_deployment_makes_the_first_batch_behind_the_pin() -> None:
    aside = STRATEGY.create(observation(service(pinned("hash-own")), STABLE.with_(aside=False)), going())
    batch = BATCH.with_(replicas=6, paused=False)
    first = STRATEGY.create(observation(service(pinned("hash-own")), STABLE, batch), going())
    done = STRATEGY.create(observation(service(pinned("hash-own")), STABLE, batch.with_(replicas=2)), going())

    assert isinstance(aside, Patch)
    assert aside.kind is Kind.REPLICA_SET
    assert scaled(first) == ("web", 2)
    assert isinstance(done, Done)


def test_the_switch_widens_the_selector_to_its_own_form_and_stamps_it() -> None:
    decision = STRATEGY.switch(observation(service(pinned("hash-own")), STABLE, BATCH), going())

    assert isinstance(decision, Patch)
    assert decision.kind is Kind.SERVICE
    assert decision.change["spec"] == {"selector": {labels.POD_TEMPLATE_HASH: None}}
    assert labels.SWITCHED_AT in decision.change["metadata"]["annotations"]


def test_nothing_is_widened_while_the_batch_is_not_ready() -> None:
    look = observation(service(pinned("hash-own")), STABLE, BATCH.with_(ready=1))

    assert isinstance(STRATEGY.switch(look, going()), Wait)


def test_an_unpinned_service_without_the_stamp_is_not_taken_for_a_widened_one() -> None:
    with pytest.raises(Conflict):
        STRATEGY.switched(observation(service(), STABLE, BATCH), going())


def test_both_sets_must_serve_for_the_propagation_time() -> None:
    just_now = service(OWN_SELECTOR, switched=timedelta(seconds=1))

    assert isinstance(STRATEGY.switched(observation(just_now, STABLE, BATCH), going()), Wait)
    assert isinstance(STRATEGY.switched(observation(WIDENED, STABLE, BATCH, serving=["web"]), going()), Wait)
    assert isinstance(STRATEGY.switched(observation(WIDENED, STABLE, BATCH), going()), Done)


def test_batches_are_exchanged_one_by_one() -> None:
    shrink = STRATEGY.remove(observation(WIDENED, STABLE, BATCH), going())
    grow = STRATEGY.remove(observation(WIDENED, STABLE.with_(replicas=4), BATCH), going())
    wait = STRATEGY.remove(observation(WIDENED, STABLE.with_(replicas=4), BATCH.with_(replicas=4, ready=3)), going())
    last = STRATEGY.remove(observation(WIDENED, STABLE.with_(replicas=0), BATCH.with_(replicas=6)), going())

    assert scaled(shrink) == ("web-rs", 4)
    assert scaled(grow) == ("web", 4)
    assert isinstance(wait, Wait)
    assert isinstance(last, Delete)


@pytest.mark.parametrize(("start", "target"), [(3, 6), (6, 3), (6, 6)])
def test_the_peak_is_never_more_than_one_batch_above_full_size(start: int, target: int) -> None:
    stable = STABLE.with_(replicas=start)
    new = BATCH
    for _ in range(40):
        decision = STRATEGY.remove(observation(WIDENED, stable, new), going(start, target))
        if isinstance(decision, Delete):
            break
        name, replicas = scaled(decision)
        stable = stable.with_(replicas=replicas) if name == "web-rs" else stable
        new = new.with_(replicas=replicas) if name == "web" else new
        assert min(start, target) <= stable.replicas + new.replicas <= max(start, target) + 2

    assert (stable.replicas, new.replicas) == (0, max(start, target))


def test_the_stamp_goes_when_the_stable_set_is_gone_then_the_new_one_shrinks() -> None:
    new = BATCH.with_(replicas=6)
    clean = STRATEGY.remove(observation(WIDENED, new), going(6, 3))
    shrink = STRATEGY.remove(observation(service(), new), going(6, 3))

    assert isinstance(clean, Patch)
    assert scaled(shrink) == ("web", 5)


def test_the_way_back_from_the_middle_makes_the_stable_set_whole_then_narrows_the_selector() -> None:
    grow = STRATEGY.roll_back(observation(WIDENED, STABLE.with_(replicas=4), BATCH), going())
    narrow = STRATEGY.roll_back(observation(WIDENED, STABLE, BATCH), going())

    assert scaled(grow) == ("web-rs", 6)
    assert isinstance(narrow, Patch)
    assert narrow.change["spec"] == {"selector": {labels.POD_TEMPLATE_HASH: "hash-own"}}
    assert labels.SWITCHED_AT in narrow.change["metadata"]["annotations"]
