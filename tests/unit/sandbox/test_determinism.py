"""The same seed and the same calls give the same history, byte for byte; another seed another one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.sandbox.core import Settings
from springtide.sandbox.objects import dump
from springtide.sandbox.world import World
from unit.sandbox.scenes import DEPLOYMENT, SCALE, call, shop


def story(seed: int, steps: list[tuple[int, float]]) -> World:
    world = shop(settings=Settings(seed=seed))
    for replicas, pause in steps:
        call(world, "PATCH", SCALE, {"spec": {"replicas": replicas}})
        world.clock.sleep(pause)
        call(world, "PATCH", DEPLOYMENT, {"spec": {"template": {"metadata": {"annotations": {"n": str(replicas)}}}}})
        world.clock.sleep(pause)
    world.settle()
    return world


def objects(world: World) -> bytes:
    return b"\n".join(dump(obj) for resource in ("deployments", "replicasets", "pods", "endpointslices", "events")
                      for obj in world.store.select(resource))  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.tuples(st.integers(0, 6), st.floats(0, 3)), max_size=3))
def test_a_story_repeats_itself(seed: int, steps: list[tuple[int, float]]) -> None:
    first = story(seed, steps)
    second = story(seed, steps)

    assert objects(first) == objects(second)
    assert first.history == second.history


def test_another_seed_is_another_cluster() -> None:
    assert objects(story(1, [])) != objects(story(2, []))


def test_time_passes_only_in_the_world() -> None:
    world = shop()
    began = world.clock.monotonic()
    wall = world.clock.now()
    world.clock.sleep(86_400)

    assert world.clock.monotonic() - began == 86_400
    assert (world.clock.now() - wall).total_seconds() == 86_400
