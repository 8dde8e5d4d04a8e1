"""The history says from when to when requests could fail: the check on every "nothing was dropped"."""

from __future__ import annotations

from unit.sandbox.scenes import PODS, SERVICE, call, container, deployment, ready_pods, scaled, shop, template

DRAINLESS = template(None, container({"DRAIN": "0s"}))


def test_scaling_with_a_drain_longer_than_the_propagation_loses_nothing() -> None:
    world = scaled(scaled(shop(), 8), 2)

    assert world.history.losses == []


def test_pods_that_stop_at_once_lose_requests_until_the_address_follows() -> None:
    world = scaled(shop(running=deployment(6, pods=DRAINLESS)), 3)

    assert {loss.service for loss in world.history.losses} == {("shop", "checkout")}
    for loss in world.history.losses:
        assert "which does not listen" in loss.why
        assert loss.until is not None
        assert 0 < loss.until - loss.since < 0.5


def test_a_selector_that_meets_nothing_is_an_outage_until_it_is_put_right() -> None:
    world = shop()
    call(world, "PATCH", SERVICE, {"spec": {"selector": {"app": "typo"}}})
    world.advance(10)
    call(world, "PATCH", SERVICE, {"spec": {"selector": {"app": "checkout"}}})
    world.advance(10)

    (loss,) = world.history.losses
    assert loss.why == "has no endpoint"
    assert loss.until is not None
    assert 9 < loss.until - loss.since < 11


def test_a_pod_that_is_killed_is_a_loss() -> None:
    world = shop()
    call(world, "DELETE", f"{PODS}/{ready_pods(world)[0]}", {"gracePeriodSeconds": 0})
    world.settle()

    assert len(world.history.losses) == 1


def test_the_least_number_of_ready_endpoints_is_remembered() -> None:
    world = shop()
    began = world.elapsed
    scaled(scaled(world, 1), 5)

    assert world.history.least_ready("shop", "checkout", since=began) == 1
    assert world.history.least_ready("shop", "checkout", since=world.elapsed) == 5
