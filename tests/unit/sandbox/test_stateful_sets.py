"""StatefulSets and Rollouts of the embedded cluster: ordinals, their order, revisions, and what the status says."""

from __future__ import annotations

from typing import Any

import pytest

from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref, is_terminating, is_true, labels_of
from springtide.sandbox.status import ApiError
from springtide.sandbox.world import World
from springtide.workload import WorkloadKind
from support.other_kinds import PLURALS, scaled_by
from support.simulation import NAMESPACE

STATEFUL = WorkloadKind.STATEFUL_SET
ROLLOUT = WorkloadKind.ROLLOUT


def world_with(kind: WorkloadKind, replicas: int, **spec: Any) -> World:
    world = World()
    world.apply(*scaled_by(kind, replicas, **spec))
    return world


def changed(world: World, kind: WorkloadKind, replicas: int, **spec: Any) -> None:
    world.apply(scaled_by(kind, replicas, **spec)[1])


def names(world: World) -> list[str]:
    return sorted(pod["metadata"]["name"] for pod in world.pods(NAMESPACE))


def ready(world: World) -> list[str]:
    return sorted(pod["metadata"]["name"] for pod in world.pods(NAMESPACE) if is_true(pod, "Ready"))


def status(world: World, kind: WorkloadKind) -> Json:
    found = world.get(PLURALS[kind], NAMESPACE, "web")
    assert found is not None
    return dict(found["status"])


def test_pods_come_one_after_the_other() -> None:
    world = world_with(STATEFUL, 3)
    seen: list[tuple[int, int]] = []
    for _ in range(200):
        world.advance(0.1)
        seen.append((len(world.pods(NAMESPACE)), len(ready(world))))

    assert names(world) == ready(world) == ["web-0", "web-1", "web-2"]
    assert all(there <= serving + 1 for there, serving in seen)


def test_all_at_once_where_they_are_parallel() -> None:
    world = world_with(STATEFUL, 3, podManagementPolicy="Parallel")
    assert world.run_until(lambda: len(world.pods(NAMESPACE)) == 3)

    assert ready(world) == []


@pytest.mark.parametrize("management", ["OrderedReady", "Parallel"])
def test_the_highest_ordinals_go(management: str) -> None:
    world = world_with(STATEFUL, 4, podManagementPolicy=management)
    world.settle()
    changed(world, STATEFUL, 2, podManagementPolicy=management)
    world.settle()

    assert names(world) == ["web-0", "web-1"]


def test_one_at_a_time_where_the_order_counts() -> None:
    world = world_with(STATEFUL, 4)
    world.settle()
    changed(world, STATEFUL, 1)
    going: list[int] = []
    for _ in range(300):
        world.advance(0.1)
        going.append(sum(is_terminating(pod) for pod in world.pods(NAMESPACE)))

    assert names(world) == ["web-0"]
    assert max(going) == 1


def test_ordinals_begin_where_it_says() -> None:
    world = world_with(STATEFUL, 2, ordinals={"start": 5})
    world.settle()

    assert names(world) == ["web-5", "web-6"]


def test_a_new_template_takes_the_pods_from_the_highest_to_the_partition() -> None:
    update = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    world = world_with(STATEFUL, 3, updateStrategy=update)
    world.settle()
    before = status(world, STATEFUL)["currentRevision"]
    changed(world, STATEFUL, 3, updateStrategy=update, env={"VERSION": "2"})
    world.settle()

    revisions = {pod["metadata"]["name"]: labels_of(pod)["controller-revision-hash"] for pod in world.pods(NAMESPACE)}
    told = status(world, STATEFUL)
    assert revisions["web-0"] == before == told["currentRevision"]
    assert revisions["web-1"] == revisions["web-2"] == told["updateRevision"] != before
    assert (told["currentReplicas"], told["updatedReplicas"]) == (1, 2)


def test_a_whole_rollout_ends_with_one_revision() -> None:
    world = world_with(STATEFUL, 3)
    world.settle()
    changed(world, STATEFUL, 3, env={"VERSION": "2"})
    world.settle()

    told = status(world, STATEFUL)
    assert told["currentRevision"] == told["updateRevision"]
    assert told["replicas"] == told["readyReplicas"] == told["availableReplicas"] == told["updatedReplicas"] == 3


def test_a_deleted_pod_comes_back_under_its_name() -> None:
    world = world_with(STATEFUL, 2)
    world.settle()
    uid = next(pod["metadata"]["uid"] for pod in world.pods(NAMESPACE) if pod["metadata"]["name"] == "web-0")
    world.core.writes.delete(KINDS["pods"], Ref("pods", NAMESPACE, "web-0"))
    world.settle()

    assert ready(world) == ["web-0", "web-1"]
    assert uid not in {pod["metadata"]["uid"] for pod in world.pods(NAMESPACE)}


def test_what_a_stateful_set_was_made_with_stays() -> None:
    world = world_with(STATEFUL, 1)
    with pytest.raises(ApiError, match="updates to statefulset spec for fields other than"):
        changed(world, STATEFUL, 1, podManagementPolicy="Parallel")


def test_a_rollout_has_a_replica_set_for_each_template_and_empties_the_former() -> None:
    world = world_with(ROLLOUT, 2)
    world.settle()
    first = status(world, ROLLOUT)
    changed(world, ROLLOUT, 3, env={"VERSION": "2"})
    world.settle()

    told = status(world, ROLLOUT)
    sets = world.store.select("replicasets", NAMESPACE)
    sizes = {labels_of(each)["rollouts-pod-template-hash"]: each["spec"]["replicas"] for each in sets}
    assert (told["phase"], told["stableRS"], told["currentPodHash"]) == (
        "Healthy",
        told["currentPodHash"],
        told["stableRS"],
    )
    assert sizes == {first["stableRS"]: 0, told["stableRS"]: 3}
    assert told["observedGeneration"] == "2"
    assert len(ready(world)) == told["availableReplicas"] == 3
