"""A floor outlives its run: what is held, by whom and until when, and what gives it back, from the cluster alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from springtide.errors import InputError
from springtide.record.model import RunOutcome
from springtide.run import pipeline
from springtide.run.release import expired_floors, held_floors, release_request
from springtide.sandbox.controllers.autoscaling import WANTED
from springtide.sandbox.objects import Json
from support.courses import autoscaler
from support.simulation import NAMESPACE, Simulation


def floored(start: int = 2, **settings: Any) -> Simulation:
    simulation = Simulation.of(start, strategy="floor", **settings)
    simulation.world.apply(autoscaler(start))
    simulation.world.settle()
    return simulation


def bounds(simulation: Simulation) -> tuple[int, int]:
    spec = hpa(simulation)["spec"]
    return spec["minReplicas"], spec["maxReplicas"]


def hpa(simulation: Simulation) -> Json:
    hpa_object = simulation.world.get("horizontalpodautoscalers", NAMESPACE, "web")
    assert hpa_object is not None
    return hpa_object


def release(simulation: Simulation, run_id: str = "release") -> RunOutcome:
    request = release_request(simulation.policy, run_id=run_id, requested_by="ada", reason="the sale is over")
    return pipeline.run(simulation.ports(), request)


def test_a_floor_is_held_by_name_with_a_reason_and_an_end() -> None:
    simulation = floored(expires="2h")
    simulation.run(4)

    (held,) = held_floors(simulation.ports(), [simulation.policy])
    assert (held.hold.owner, held.hold.reason, held.hold.run) == ("simulation", "a test", "run-1")
    assert timedelta(hours=1) < held.hold.until - simulation.world.now() < timedelta(hours=2)


def test_a_minimum_far_below_what_runs_is_no_step_down() -> None:
    simulation = floored(5)
    free = autoscaler(1)
    free["metadata"]["annotations"][WANTED] = "5"  # its metrics keep five
    simulation.world.apply(free)
    simulation.world.settle()

    assert simulation.run(2) is RunOutcome.SUCCEEDED

    assert bounds(simulation) == (2, 5)
    deployment = simulation.deployment("web")
    assert deployment is not None
    assert deployment["spec"]["replicas"] == 5


def test_who_knows_the_end_of_an_event_says_when_its_floor_expires() -> None:
    simulation = floored()
    until = simulation.world.now() + timedelta(hours=7)
    pipeline.run(simulation.ports(), replace(simulation.request(4), until=until))

    (held,) = held_floors(simulation.ports(), [simulation.policy])
    assert held.hold.until == until


def test_a_floor_expires_and_not_before() -> None:
    simulation = floored(expires="1h")
    simulation.run(4)
    assert list(expired_floors(simulation.ports(), [simulation.policy])) == []

    simulation.world.advance(3700)
    (held,) = expired_floors(simulation.ports(), [simulation.policy])
    assert held.policy is simulation.policy


def test_a_release_gives_everything_back_and_the_autoscaler_goes_on_by_itself() -> None:
    simulation = floored(raise_max=True)
    simulation.run(6)
    assert bounds(simulation) == (6, 6)

    assert release(simulation) is RunOutcome.SUCCEEDED
    assert bounds(simulation) == (2, 5)
    assert list(held_floors(simulation.ports(), [simulation.policy])) == []
    simulation.world.advance(60)
    assert len(simulation.world.pods(NAMESPACE)) == 2


def test_a_second_release_has_nothing_to_do() -> None:
    simulation = floored()
    simulation.run(4)
    release(simulation)

    assert release(simulation, "again") is RunOutcome.NOTHING_TO_DO


def test_a_minimum_that_was_reset_by_hand_loses_its_note_and_keeps_its_value() -> None:
    simulation = floored()
    simulation.run(4)
    simulation.world.apply(hpa(simulation) | {"spec": hpa(simulation)["spec"] | {"minReplicas": 3}})

    assert release(simulation) is RunOutcome.SUCCEEDED
    assert bounds(simulation) == (3, 5)
    assert list(held_floors(simulation.ports(), [simulation.policy])) == []


def test_a_floor_is_raised_again_where_somebody_took_it_back() -> None:
    simulation = floored()
    simulation.run(4)
    simulation.world.apply(hpa(simulation) | {"spec": hpa(simulation)["spec"] | {"minReplicas": 2}})

    assert simulation.run(4, "run-2") is RunOutcome.SUCCEEDED
    assert bounds(simulation) == (4, 5)
    release(simulation)
    assert bounds(simulation) == (2, 5)


def test_a_floor_below_the_owners_own_minimum_is_refused() -> None:
    simulation = floored(3)

    with pytest.raises(InputError) as caught:
        simulation.run(2)
    assert caught.value.code == "pods_below_min"


def test_a_strategy_without_a_floor_has_nothing_to_release() -> None:
    simulation = Simulation.of(2, strategy="in_place")
    request = replace(simulation.request(2), replicas=None, is_release=True)

    with pytest.raises(InputError) as caught:
        pipeline.run(simulation.ports(), request)
    assert caught.value.code == "nothing_held"


def test_with_keda_the_scaled_object_is_raised_and_its_hpa_follows() -> None:
    simulation = Simulation.of(2, strategy="floor")
    scaled = {"minReplicaCount": 2, "maxReplicaCount": 9, "scaleTargetRef": {"name": "web"}}
    metadata = {"name": "web", "namespace": NAMESPACE}
    simulation.world.apply(
        {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": metadata, "spec": scaled}
    )
    simulation.world.settle()

    assert simulation.run(5) is RunOutcome.SUCCEEDED
    assert keda(simulation) == (5, 9)
    assert len(simulation.world.pods(NAMESPACE)) == 5
    assert release(simulation) is RunOutcome.SUCCEEDED
    assert keda(simulation) == (2, 9)


def keda(simulation: Simulation) -> tuple[int, int]:
    scaled_object = simulation.world.get("scaledobjects", NAMESPACE, "web")
    assert scaled_object is not None
    return scaled_object["spec"]["minReplicaCount"], scaled_object["spec"]["maxReplicaCount"]
