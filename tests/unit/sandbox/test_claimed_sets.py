"""A ReplicaSet that its Deployment let go stands alone; with its labels back it is the Deployment's again."""

from __future__ import annotations

from typing import Any

import pytest

from springtide.sandbox.objects import Json, Ref
from springtide.sandbox.world import World
from unit.sandbox.scenes import (
    DEPLOYMENT,
    LABELS,
    PODS,
    call,
    conditions,
    container,
    deployment,
    namespace,
    quota,
    read,
    ready_pods,
    scaled,
    shop,
    template,
)

ASIDE = {"example.com/aside": "yes"}
SETS = "/apis/apps/v1/namespaces/shop/replicasets"
REVISION = "deployment.kubernetes.io/revision"


def the_sets(world: World) -> list[Json]:
    return world.store.select("replicasets", "shop")


def sizes(world: World) -> dict[str, int]:
    return {each["metadata"]["name"]: each["spec"]["replicas"] for each in the_sets(world)}


def name_of(replica_set: Json) -> str:
    return str(replica_set["metadata"]["name"])


def released(world: World) -> Json:
    """Take the only ReplicaSet's labels and owner off, and return it as it was."""
    (before,) = the_sets(world)
    gone = dict.fromkeys(before["metadata"]["labels"])
    change = {"metadata": {"labels": gone | ASIDE, "ownerReferences": None}}
    assert call(world, "PATCH", f"{SETS}/{name_of(before)}", change).status == 200
    return before


def given_back(world: World, before: Json) -> None:
    change = {"metadata": {"labels": before["metadata"]["labels"] | dict.fromkeys(ASIDE)}}
    assert call(world, "PATCH", f"{SETS}/{name_of(before)}", change).status == 200


def pause(world: World, *, paused: bool = True) -> None:
    assert call(world, "PATCH", DEPLOYMENT, {"spec": {"paused": paused}}).status == 200
    world.settle()


def edit(world: World, version: str = "2") -> None:
    change = {"spec": {"template": {"metadata": {"annotations": {"version": version}}}}}
    assert call(world, "PATCH", DEPLOYMENT, change).status == 200


def test_a_deployment_that_let_its_set_go_makes_another_of_the_same_template() -> None:
    world = shop()
    old = released(world)
    scaled(world, 6)

    (new,) = [each for each in the_sets(world) if name_of(each) != name_of(old)]
    assert sizes(world) == {name_of(old): 3, name_of(new): 6}
    assert len(ready_pods(world)) == 9
    assert new["spec"]["template"]["spec"] == old["spec"]["template"]["spec"]
    assert new["metadata"]["labels"]["pod-template-hash"] != old["metadata"]["labels"]["pod-template-hash"]
    status = read(world)["status"]
    assert (status["collisionCount"], status["replicas"], status["updatedReplicas"]) == (1, 6, 6)


def test_a_collision_is_no_failure_of_the_rollout() -> None:
    world = shop()
    seen: set[tuple[str, str]] = set()
    world.store.observe(lambda change: seen.update(reported(change.object)))
    released(world)
    world.settle()

    assert ("True", "NewReplicaSetCreated") in seen
    assert not any(status == "False" for status, _ in seen)


def reported(obj: Json) -> set[tuple[str, str]]:
    return {conditions(obj)["Progressing"]} if obj["kind"] == "Deployment" else set()


def test_every_release_counts_one_collision_more() -> None:
    world = shop()
    first = released(world)
    world.settle()
    (second,) = [each for each in the_sets(world) if name_of(each) != name_of(first)]
    labels = {"metadata": {"labels": dict.fromkeys(second["metadata"]["labels"]) | ASIDE}}
    call(world, "PATCH", f"{SETS}/{name_of(second)}", labels)
    world.settle()

    assert read(world)["status"]["collisionCount"] == 2
    assert len({each["metadata"]["name"] for each in the_sets(world)}) == 3
    assert len(ready_pods(world)) == 9


def test_labels_alone_let_a_set_go() -> None:
    """The controller takes its owner reference off by itself."""
    world = shop()
    (old,) = the_sets(world)
    call(world, "PATCH", f"{SETS}/{name_of(old)}", {"metadata": {"labels": {"app": None}}})
    world.settle()

    left = read(world, f"{SETS}/{name_of(old)}")
    assert "ownerReferences" not in left["metadata"]
    assert len(the_sets(world)) == 2


def test_an_owner_taken_off_alone_comes_back() -> None:
    world = shop()
    (old,) = the_sets(world)
    call(world, "PATCH", f"{SETS}/{name_of(old)}", {"metadata": {"ownerReferences": None}})
    world.settle()

    assert read(world, f"{SETS}/{name_of(old)}")["metadata"]["ownerReferences"][0]["name"] == "checkout"
    assert len(the_sets(world)) == 1


def test_a_released_set_heals_itself_and_reports() -> None:
    world = shop()
    old = released(world)
    world.settle()
    own = old["metadata"]["labels"]
    victim = ready_pods(world, **own)[0]
    call(world, "DELETE", f"{PODS}/{victim}", {"gracePeriodSeconds": 0})
    world.settle()

    assert len(ready_pods(world, **own)) == 3
    assert victim not in ready_pods(world, **own)
    assert read(world, f"{SETS}/{name_of(old)}")["status"]["availableReplicas"] == 3


def test_a_released_set_outlives_its_deployment() -> None:
    world = shop()
    old = released(world)
    world.settle()
    call(world, "DELETE", DEPLOYMENT, {"propagationPolicy": "Foreground"})
    world.settle()

    assert sizes(world) == {name_of(old): 3}
    assert len(ready_pods(world)) == 3


def test_a_set_with_its_labels_back_is_adopted_and_the_younger_of_the_same_template_goes_to_nothing() -> None:
    world = shop()
    old = released(world)
    scaled(world, 6)
    scaled(world, 3)
    given_back(world, old)
    world.settle()

    (new,) = [name for name in sizes(world) if name != name_of(old)]
    assert sizes(world) == {name_of(old): 3, new: 0}
    adopted = read(world, f"{SETS}/{name_of(old)}")["metadata"]
    assert adopted["ownerReferences"][0]["uid"] == read(world)["metadata"]["uid"]
    assert adopted["annotations"][REVISION] == read(world)["metadata"]["annotations"][REVISION]
    assert "deployment.kubernetes.io/revision-history" in adopted["annotations"]


def test_way_back_is_never_short_of_what_the_deployment_wants() -> None:
    world = shop()
    old = released(world)
    scaled(world, 3)
    given_back(world, old)
    least = 6

    def is_over() -> bool:
        nonlocal least
        least = min(least, len(ready_pods(world)))
        return sorted(sizes(world).values()) == [0, 3]

    assert world.run_until(is_over)
    assert least >= 3


def test_a_paused_deployment_makes_no_set_in_place_of_one_that_went() -> None:
    world = shop()
    pause(world)
    old = released(world)
    scaled(world, 6)
    assert sizes(world) == {name_of(old): 3}

    pause(world, paused=False)
    assert sorted(sizes(world).values()) == [3, 6]


def test_a_paused_deployment_scales_the_youngest_of_its_history_when_none_has_pods() -> None:
    world = shop()
    world.advance(60)
    edit(world, "2")
    world.advance(60)
    scaled(world, 0)
    pause(world)
    edit(world, "3")
    scaled(world, 2)

    by_revision = {each["metadata"]["annotations"][REVISION]: each["spec"]["replicas"] for each in the_sets(world)}
    assert by_revision == {"1": 0, "2": 2}


def test_a_paused_deployment_scales_two_owned_sets_in_proportion() -> None:
    """So a set that serves is never given back to a paused Deployment."""
    world = shop()
    old = released(world)
    world.settle()
    pause(world)
    edit(world)
    given_back(world, old)
    world.settle()

    assert sum(sizes(world).values()) == 4  # the three and the surge, of six
    assert sizes(world)[name_of(old)] < 3


def test_a_template_that_is_changed_under_a_pause_waits_and_meets_no_collision_later() -> None:
    world = shop()
    old = released(world)
    world.settle()
    pause(world)
    edit(world)
    world.settle()
    assert len(sizes(world)) == 2

    pause(world, paused=False)
    assert sorted(sizes(world).values()) == [0, 3, 3]
    assert sizes(world)[name_of(old)] == 3
    assert read(world)["status"]["collisionCount"] == 1


def test_a_recreated_deployment_does_not_wait_for_the_pods_of_a_released_set() -> None:
    world = shop(running=deployment(strategy={"type": "Recreate"}))
    released(world)
    scaled(world, 4)

    assert sorted(sizes(world).values()) == [3, 4]
    assert len(ready_pods(world)) == 7


def test_an_orphan_pod_is_adopted_at_once_by_the_set_that_selects_it() -> None:
    world = shop()
    labels = the_sets(world)[0]["metadata"]["labels"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stray", "namespace": "shop", "labels": labels}}
    world.apply(pod | {"spec": template()["spec"]})
    world.settle()

    assert len(world.pods("shop", LABELS)) == 3


def test_a_refused_set_shows_in_the_condition_by_its_name() -> None:
    world = World()
    world.apply(namespace(), quota(**{"count/replicasets_apps": "0"}))
    world.advance(1)
    world.apply(deployment())
    world.advance(1)

    (shown,) = [each for each in seen(world)["status"]["conditions"] if each["type"] == "Progressing"]
    assert (shown["status"], shown["reason"]) == ("False", "ReplicaSetCreateError")
    assert shown["message"].startswith('Failed to create new replica set "checkout-')


def seen(world: World) -> Any:
    return world.get("deployments", "shop", "checkout")


def test_scaling_a_released_set_takes_and_compares_as_a_deployment_does() -> None:
    world = shop()
    old = released(world)
    world.settle()
    path = f"{SETS}/{name_of(old)}/scale"
    scale = read(world, path)
    metadata = {"resourceVersion": scale["metadata"]["resourceVersion"], "uid": scale["metadata"]["uid"]}
    taken = call(world, "PATCH", path, {"metadata": metadata, "spec": {"replicas": 1}})
    stale = call(world, "PATCH", path, {"metadata": metadata, "spec": {"replicas": 0}})
    put = call(world, "PUT", path, scale | {"metadata": {"name": name_of(old)}, "spec": {"replicas": 2}})
    world.settle()

    assert (taken.status, stale.status, put.status) == (200, 409, 200)
    assert sizes(world)[name_of(old)] == 2
    assert len(ready_pods(world, **old["metadata"]["labels"])) == 2


@pytest.mark.parametrize(("policy", "pods"), [("Background", 3), ("Foreground", 3), ("Orphan", 6)])
def test_a_released_set_is_deleted_with_its_pods_unless_they_are_to_stay(policy: str, pods: int) -> None:
    world = shop()
    old = released(world)
    world.settle()
    call(world, "DELETE", f"{SETS}/{name_of(old)}", {"propagationPolicy": policy})
    world.settle()

    assert name_of(old) not in sizes(world)
    assert len(ready_pods(world)) == pods


def test_a_released_set_that_shrinks_takes_what_is_not_ready_first() -> None:
    world = shop(running=deployment(pods=template(None, container())))
    old = released(world)
    world.settle()
    own = old["metadata"]["labels"]
    sick = ready_pods(world, **own)[1]
    world.kubelet.disturb(Ref("pods", "shop", sick), broken=True)
    world.advance(10)
    call(world, "PATCH", f"{SETS}/{name_of(old)}/scale", {"spec": {"replicas": 2}})
    world.settle()

    assert sick not in {pod["metadata"]["name"] for pod in world.pods("shop", own)}
    assert len(ready_pods(world, **own)) == 2
