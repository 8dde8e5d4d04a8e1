"""A Deployment makes ReplicaSets as a real cluster does, and says how far it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.sandbox.world import World
from unit.sandbox.scenes import (
    DEPLOYMENT,
    LABELS,
    call,
    conditions,
    container,
    deployment,
    quota,
    read,
    ready_pods,
    scaled,
    shop,
    template,
)


def change_template(world: World, **spec: Any) -> None:
    change = {"spec": {"template": {"metadata": {"annotations": {"version": "2"}}}} | spec}
    assert call(world, "PATCH", DEPLOYMENT, change).status == 200


def sizes(world: World) -> dict[str, int]:
    """Return the wanted replicas of each ReplicaSet by its revision."""
    sets = world.store.select("replicasets", "shop")
    revision = "deployment.kubernetes.io/revision"
    return {replica_set["metadata"]["annotations"][revision]: replica_set["spec"]["replicas"] for replica_set in sets}


def test_a_new_deployment_becomes_available_and_says_so() -> None:
    obj = read(shop())

    numbers = {key: value for key, value in obj["status"].items() if key != "conditions"}
    assert numbers == {
        "observedGeneration": 1,
        "replicas": 3,
        "updatedReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
    }
    assert conditions(obj) == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }
    assert obj["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"


def test_the_controller_sees_a_change_a_little_later_than_the_writer() -> None:
    world = shop()
    call(world, "PATCH", DEPLOYMENT, {"spec": {"replicas": 5}})

    assert read(world)["status"]["observedGeneration"] < read(world)["metadata"]["generation"]
    world.settle()
    assert read(world)["status"]["observedGeneration"] == read(world)["metadata"]["generation"]


def test_names_and_labels_come_from_the_templates_hash() -> None:
    world = shop()
    (replica_set,) = world.store.select("replicasets", "shop")
    digest = replica_set["metadata"]["labels"]["pod-template-hash"]

    assert replica_set["metadata"]["name"] == f"checkout-{digest}"
    assert replica_set["spec"]["selector"]["matchLabels"] == LABELS | {"pod-template-hash": digest}
    for pod in world.pods("shop"):
        assert pod["metadata"]["name"].startswith(f"checkout-{digest}-")
        assert pod["metadata"]["labels"] == LABELS | {"pod-template-hash": digest}


def test_two_deployments_of_the_same_template_have_the_same_hash() -> None:
    """The hash is the template's alone: a Service pinned to it cannot tell two such Deployments apart."""
    world = shop(deployment(1, name="twin"))
    hashes = {
        replica_set["metadata"]["labels"]["pod-template-hash"]
        for replica_set in world.store.select("replicasets", "shop")
    }

    assert len(hashes) == 1


def test_a_rollout_replaces_every_pod_and_is_never_short_of_available_ones() -> None:
    world = shop(running=deployment(8))
    old = set(ready_pods(world))
    began = world.elapsed
    change_template(world)
    least = 8

    def is_over() -> bool:
        nonlocal least
        least = min(least, len(ready_pods(world)))
        return conditions(read_now(world))["Progressing"][1] == "NewReplicaSetAvailable" and world.elapsed > began + 2

    assert world.run_until(is_over)
    world.settle()
    assert least >= 6  # 25 % of 8 may be unavailable
    assert sizes(world) == {"1": 0, "2": 8}
    assert not old & set(ready_pods(world))


def read_now(world: World) -> Any:
    return world.get("deployments", "shop", "checkout")


def test_going_back_to_an_old_template_takes_up_its_replicaset_with_a_new_revision() -> None:
    world = shop()
    change_template(world)
    world.settle()
    call(world, "PATCH", DEPLOYMENT, {"spec": {"template": {"metadata": {"annotations": None}}}})
    world.settle()

    assert sizes(world) == {"3": 3, "2": 0}


def test_a_paused_deployment_scales_but_does_not_roll_out() -> None:
    world = shop(running=deployment(paused=True))
    assert read(world)["status"].get("replicas") is None  # paused from the start: nothing is made
    call(world, "PATCH", DEPLOYMENT, {"spec": {"paused": False}})
    world.settle()
    call(world, "PATCH", DEPLOYMENT, {"spec": {"paused": True}})
    change_template(world)
    scaled(world, 5)

    obj = read(world)
    assert sizes(world) == {"1": 5}
    assert obj["status"]["replicas"] == 5
    assert "updatedReplicas" not in obj["status"]  # no ReplicaSet has the template: the edit can be noticed
    assert conditions(obj)["Progressing"] == ("Unknown", "DeploymentPaused")


def test_recreate_ends_all_old_pods_before_it_makes_new_ones() -> None:
    world = shop(running=deployment(strategy={"type": "Recreate"}))
    change_template(world)
    most = 0

    def is_over() -> bool:
        nonlocal most
        most = max(most, len(world.pods("shop")))
        return sizes(world).get("2") == 3 and len(ready_pods(world)) == 3

    assert world.run_until(is_over)
    assert most == 3


def test_a_rollout_that_stands_still_exceeds_its_deadline() -> None:
    world = shop(running=deployment(progressDeadlineSeconds=30))
    broken = template(None, container({"NEVER_READY": "1"}))
    call(world, "PATCH", DEPLOYMENT, {"spec": {"template": broken}})
    world.advance(60)

    obj = read(world)
    assert conditions(obj)["Progressing"] == ("False", "ProgressDeadlineExceeded")
    assert obj["status"]["readyReplicas"] == 3


def test_the_deadline_never_fires_on_a_finished_deployment_that_only_grows() -> None:
    """So it is in a real cluster, and that is why a run needs a deadline of its own."""
    world = shop(quota(pods="3"), running=deployment(progressDeadlineSeconds=30))
    call(world, "PATCH", DEPLOYMENT, {"spec": {"replicas": 6}})
    world.advance(300)

    obj = read(world)
    assert conditions(obj)["Progressing"] == ("True", "NewReplicaSetAvailable")
    assert conditions(obj)["ReplicaFailure"] == ("True", "FailedCreate")
    assert conditions(obj)["Available"] == ("False", "MinimumReplicasUnavailable")
    assert obj["status"]["unavailableReplicas"] == 3


def test_min_ready_seconds_delay_availability() -> None:
    world = World()
    world.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}, deployment(minReadySeconds=10))
    world.advance(5)
    early = read_now(world)["status"]
    world.advance(10)

    assert (early["readyReplicas"], early.get("availableReplicas")) == (3, None)
    assert read_now(world)["status"]["availableReplicas"] == 3


def test_scaling_in_the_middle_of_a_rollout_shares_the_pods_out() -> None:
    world = shop(running=deployment(10, pods=template(None, container({"STARTUP": "20s"}))))
    world.advance(60)
    call(world, "PATCH", DEPLOYMENT, {"spec": {"template": {"metadata": {"annotations": {"version": "2"}}}}})
    world.advance(3)
    before = sizes(world)
    call(world, "PATCH", DEPLOYMENT, {"spec": {"replicas": 20}})
    world.advance(1)

    assert before == {"1": 8, "2": 5}
    assert sum(sizes(world).values()) == 25  # 20 and the surge
    assert sizes(world)["1"] > 8


def test_old_replicasets_beyond_the_limit_are_deleted() -> None:
    world = shop(running=deployment(revisionHistoryLimit=1))
    for version in "234":
        change = {"spec": {"template": {"metadata": {"annotations": {"version": version}}}}}
        call(world, "PATCH", DEPLOYMENT, change)
        world.settle()

    assert sorted(sizes(world)) == ["3", "4"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.floats(0, 4)), min_size=1, max_size=5))
def test_whatever_is_done_in_between_it_ends_where_the_spec_says(steps: list[tuple[int, bool, float]]) -> None:
    world = shop()
    for number, (replicas, new_template, pause) in enumerate(steps):
        change: dict[str, Any] = {"replicas": replicas}
        if new_template:
            change["template"] = {"metadata": {"annotations": {"version": str(number)}}}
        call(world, "PATCH", DEPLOYMENT, {"spec": change})
        world.advance(pause)
    world.settle()

    status = read(world)["status"]
    wanted = steps[-1][0]
    assert [status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")] == [wanted] * 3
    assert len(world.pods("shop")) == wanted


@pytest.mark.parametrize(("surge", "unavailable", "most"), [(2, 0, 5), ("100%", 0, 6), (0, 1, 3)])
def test_surge_and_unavailable_bound_a_rollout(surge: int | str, unavailable: int, most: int) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    world = shop(running=deployment(strategy=rolling))
    change_template(world)
    seen = 0

    def is_over() -> bool:
        nonlocal seen
        seen = max(seen, sum(sizes(world).values()))
        return sizes(world) == {"1": 0, "2": 3}

    assert world.run_until(is_over)
    assert seen == most
