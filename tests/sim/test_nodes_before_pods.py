"""Placeholders have nodes stand before a run adds pods, and go back to their number however the run ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from springtide.errors import DeadlineExceeded, Fenced, InputError, SpringtideError, WorkloadFailed
from springtide.kube.client import Right
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.model import RunOutcome
from springtide.recovery.by_hand import held_lease, release_lease
from springtide.recovery.reconcile import reconcile
from springtide.run import phases, pipeline
from springtide.run.ports import Neighbours, RunRef
from springtide.run.state import Phase
from springtide.run.waiting import why_over
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match
from springtide.sandbox.history import Call
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref
from springtide.training.durations import measured_runs
from support.courses import most
from support.role import bind
from support.simulation import NAMESPACE, WORKLOAD, web
from support.task_driver import AfterCrash, TaskDriver
from support.warming import NODE_SECONDS, PLACEHOLDERS, WarmScene, is_scaling, priority_class, writes_to

BATCHED: Json = {"overlap": "batched", "batch": 1}
WAYS: list[Any] = [
    pytest.param("in_place", {}, 5, 2, id="in_place"),
    pytest.param("blue_green", {}, 5, 5, id="blue_green"),
    pytest.param("blue_green", BATCHED, 5, 3, id="batched"),
    pytest.param("floor", {}, 5, 2, id="floor"),
]
"""A strategy, its settings, how far the run goes, and how many pods more there are at its peak."""


@pytest.mark.parametrize("before", [0, 2])
@pytest.mark.parametrize(("strategy", "settings", "to", "more"), WAYS)
def test_nodes_stand_before_the_pods_and_the_placeholders_go_back(
    strategy: str, settings: Json, to: int, more: int, before: int
) -> None:
    scene = WarmScene.of(strategy, before=before, **settings)
    began = scene.world.elapsed

    assert scene.run(to) is RunOutcome.SUCCEEDED
    assert scene.numbers == [before + more, before]
    assert scene.ready() == to
    assert scene.refused == [], "no pod of the workload found every node full"
    assert max(scene.waited()) <= 5
    assert scene.nodes.added == ["pool-1"]
    assert scene.ready(PLACEHOLDERS) == before
    assert scene.world.elapsed - began > NODE_SECONDS


def test_without_placeholders_the_pods_themselves_wait_for_the_node() -> None:
    scene = WarmScene.of("in_place", warm_nodes=None)
    scene.simulation.policy = only_warning(scene.simulation.policy)

    assert scene.run(5) is RunOutcome.SUCCEEDED
    assert scene.refused
    assert max(scene.waited()) >= NODE_SECONDS


def only_warning(policy: ScalingPolicy) -> ScalingPolicy:
    document = policy.model_dump(mode="json")
    document["spec"]["preflight"] = {"only_warn": ["nodes"]}
    return ScalingPolicy.model_validate(document)


def test_pods_are_added_only_when_the_placeholders_run() -> None:
    scene = WarmScene.of("in_place")
    scene.run(5)
    raised, returned = writes_to(scene.world.history.calls, PLACEHOLDERS)
    (grown,) = writes_to(scene.world.history.calls, "web")

    assert raised.time + NODE_SECONDS < grown.time < returned.time
    assert any("0 of 2 placeholders of Deployment headroom run" in heard for heard in scene.heard)


def test_a_run_that_adds_no_pods_warms_no_node() -> None:
    scene = WarmScene.of("in_place", before=1)

    assert scene.run(2) is RunOutcome.SUCCEEDED
    assert scene.numbers == []


def test_what_a_run_takes_with_its_nodes_is_what_leads_are_learned_from() -> None:
    scene = WarmScene.of("in_place")
    scene.run(5)
    (seconds,), _ = measured_runs(scene.simulation.store, "web")

    assert seconds > NODE_SECONDS


def lost_image(scene: WarmScene) -> None:
    scene.world.core.images.discard("localhost/web:1")


@pytest.mark.parametrize(("strategy", "settings", "to", "more"), WAYS)
def test_a_run_that_is_rolled_back_gives_them_back(strategy: str, settings: Json, to: int, more: int) -> None:
    scene = WarmScene.of(strategy, before=1, **settings)
    scene.after(30, lambda: lost_image(scene))

    with pytest.raises(WorkloadFailed, match="ErrImageNeverPull"):
        scene.run(to)
    assert scene.simulation.store.get("run-1").outcome is RunOutcome.ROLLED_BACK
    assert scene.numbers == [1 + more, 1]
    assert scene.ready() == 3


def abandoned_at(scene: WarmScene, write: int, kind: FaultKind) -> RunOutcome:
    """Kill the owner of a run at one of its writes, and let `reconcile` end what it left."""
    first = most(scene.world.history.calls)
    scene.world.faults = FaultPlan().at(Match(write=first + write), Fault(kind))
    driver = TaskDriver(scene.simulation, scene.simulation.request(5), AfterCrash.RECONCILE)
    outcome = driver.go()
    scene.world.faults = FaultPlan()
    scene.world.settle(quiet=20)
    return outcome


def soon(strategy: str, settings: Json) -> WarmScene:
    """Return a scene whose nodes come within seconds: what happens at each write is not about how long they take."""
    return WarmScene.of(strategy, before=1, seconds=5, **settings)


def writes_of(strategy: str, settings: Json) -> int:
    """Return how often a run writes that nothing happens to."""
    scene = soon(strategy, settings)
    first = most(scene.world.history.calls)
    assert TaskDriver(scene.simulation, scene.simulation.request(5)).go() is RunOutcome.SUCCEEDED
    return most(scene.world.history.calls) - first


PARTS = 3
KILLS: list[Any] = [
    pytest.param(strategy, settings, kind, part, id=f"{name}-{kind}-{part + 1} of {PARTS}")
    for name, strategy, settings, kind in (
        ("in_place", "in_place", {}, FaultKind.CRASH_BEFORE),
        ("in_place", "in_place", {}, FaultKind.CRASH_AFTER),
        ("blue_green", "blue_green", {}, FaultKind.CRASH_AFTER),
        ("batched", "blue_green", BATCHED, FaultKind.CRASH_AFTER),
    )
    for part in range(PARTS)
]


@pytest.mark.at_each_write
@pytest.mark.parametrize(("strategy", "settings", "kind", "part"), KILLS)
def test_whenever_its_owner_dies_they_are_given_back(strategy: str, settings: Json, kind: FaultKind, part: int) -> None:
    for write in range(part + 1, writes_of(strategy, settings) + 1, PARTS):
        scene = soon(strategy, settings)
        outcome = abandoned_at(scene, write, kind)

        assert outcome is not RunOutcome.NEEDS_ATTENTION, f"write {write}"
        assert scene.placeholders == 1, f"write {write}: {outcome}"
        assert scene.ready() in {3, 5}, f"write {write}: {outcome}"


def test_an_owner_that_wakes_after_it_was_given_up_raises_nothing() -> None:
    scene = WarmScene.of("in_place", before=1)

    asleep: list[str] = []

    def give_up() -> None:
        reconcile(scene.simulation.ports("reconcile"), [NAMESPACE], is_alive=lambda _run: False)

    def faults(call: Call) -> Fault | None:
        if asleep or not is_scaling(call, PLACEHOLDERS):
            return None
        asleep.append(call.path)
        return Fault(FaultKind.PAUSE, meanwhile=give_up)

    request = scene.simulation.request(5)
    plan = phases.calculate_capacity(scene.ports, request)
    scene.world.faults = faults

    with pytest.raises(Fenced):
        phases.warm_nodes(scene.ports, request, plan)
    scene.world.settle(quiet=20)
    assert asleep
    assert scene.numbers == []


@pytest.mark.at_each_write
@pytest.mark.parametrize("kind", [FaultKind.CRASH_AFTER, FaultKind.ANSWER_TIMEOUT])
def test_a_task_that_is_tried_again_raises_them_once(kind: FaultKind) -> None:
    for write in range(1, writes_of("in_place", {}) + 1):
        scene = soon("in_place", {})
        first = most(scene.world.history.calls)
        scene.world.faults = FaultPlan().at(Match(write=first + write), Fault(kind))

        assert TaskDriver(scene.simulation, scene.simulation.request(5)).go() is RunOutcome.SUCCEEDED
        assert scene.numbers == [3, 1], f"write {write}"


def test_where_no_node_comes_the_run_goes_on_and_says_so_with_both_numbers() -> None:
    scene = WarmScene.of("in_place", limit=0, warm={"deadline": "60s"})
    scene.after(150, lambda: scene.world.add_node("late"))

    assert scene.run(5) is RunOutcome.SUCCEEDED
    told = "the run goes on without its nodes: not within 60 s: 0 of 2 placeholders of Deployment headroom run"
    assert any(heard.startswith(told) for heard in scene.heard)
    assert told in scene.messages()
    assert (scene.placeholders, scene.ready()) == (0, 5)


def test_where_no_node_ever_comes_the_run_is_rolled_back_as_without_placeholders() -> None:
    scene = WarmScene.of("in_place", limit=0, warm={"deadline": "60s"}, patience={"unschedulable": "2m"})

    with pytest.raises(WorkloadFailed, match="Unschedulable"):
        scene.run(5)
    assert scene.simulation.store.get("run-1").outcome is RunOutcome.ROLLED_BACK
    assert (scene.placeholders, scene.web, scene.ready()) == (0, 3, 3)


def test_where_the_policy_wants_nodes_or_nothing_no_pod_is_added() -> None:
    scene = WarmScene.of("in_place", limit=0, warm={"deadline": "60s", "on_failure": "fail"})

    with pytest.raises(DeadlineExceeded, match="0 of 2 placeholders"):
        scene.run(5)
    assert scene.simulation.store.get("run-1").outcome is RunOutcome.ROLLED_BACK
    assert writes_to(scene.world.history.calls, "web") == []
    assert scene.numbers == [2, 0]


@pytest.mark.parametrize("number", [0, 7])
def test_who_scales_the_placeholders_meanwhile_is_named_and_not_overwritten(number: int) -> None:
    scene = WarmScene.of("in_place")
    scene.after(40, lambda: scene.scale_by_hand(number))

    assert scene.run(5) is RunOutcome.SUCCEEDED
    assert scene.numbers == [2, number]
    assert "kubectl-edit (Update" in scene.messages()
    assert f"set the placeholders to {number} during the run, which goes from 0 to 2 and back" in scene.messages()


def test_placeholders_that_are_scaled_once_the_nodes_stand_are_left_at_that() -> None:
    scene = WarmScene.of("in_place")
    request = scene.simulation.request(5)
    plan = phases.calculate_capacity(scene.ports, request)
    ref = RunRef.of_plan(plan, "run-1")
    phases.warm_nodes(scene.ports, request, plan)
    phases.nodes_ready(scene.ports, ref)
    scene.scale_by_hand(1)
    phases.create_instances(scene.ports, request, plan)
    progress = phases.instances_ready(scene.ports, ref)

    assert "kubectl-edit" in progress.message
    assert scene.placeholders == 1


def test_placeholders_that_are_deleted_meanwhile_are_told() -> None:
    scene = WarmScene.of("in_place")
    scene.after(40, lambda: scene.simulation.world.core.writes.delete(*deployment_of_placeholders()))

    assert scene.run(5) is RunOutcome.SUCCEEDED
    assert "Deployment headroom of placeholders was deleted during the run" in scene.messages()


def deployment_of_placeholders() -> tuple[Any, Any]:
    return KINDS["deployments"], Ref("deployments", NAMESPACE, PLACEHOLDERS)


def test_a_look_without_rights_to_write_ends_where_they_are_to_be_given_back() -> None:
    scene = WarmScene.of("in_place")
    request = scene.simulation.request(5)
    plan = phases.calculate_capacity(scene.ports, request)
    ref = RunRef.of_plan(plan, "run-1")
    phases.warm_nodes(scene.ports, request, plan)
    assert why_over(lambda: phases.look(scene.ports, ref, Phase.NODES_READY)) is None
    phases.nodes_ready(scene.ports, ref)
    phases.create_instances(scene.ports, request, plan)
    before = most(scene.world.history.calls)
    scene.world.run_until(lambda: len(placed(scene)) == 5)

    assert "give Deployment headroom the 0 replicas back" in str(
        why_over(lambda: phases.look(scene.ports, ref, Phase.INSTANCES_READY))
    )
    assert most(scene.world.history.calls) == before


def placed(scene: WarmScene) -> list[Json]:
    return [pod for pod in scene.world.pods(NAMESPACE, {"app": "web"}) if pod["spec"].get("nodeName")]


SCALE = Right(verb="patch", group="apps", resource="deployments/scale")


def test_the_shipped_role_is_enough() -> None:
    scene = WarmScene.of("in_place")
    bind(scene.simulation)

    assert scene.run(5) is RunOutcome.SUCCEEDED
    assert scene.numbers == [2, 0]


def test_the_right_that_placeholders_take_is_named_beforehand() -> None:
    scene = WarmScene.of("floor")
    bind(scene.simulation, without=SCALE)

    with pytest.raises(InputError, match="deployments/scale") as caught:
        scene.run(5)
    assert caught.value.code == "rbac_missing"


def test_placeholders_that_are_not_there_are_refused_beforehand() -> None:
    scene = WarmScene.of("in_place", warm={"deployment": "nobody"})

    with pytest.raises(InputError, match="there is no Deployment nobody of placeholders") as caught:
        scene.run(5)
    assert caught.value.code == "placeholders_missing"


def test_a_policy_that_shares_its_placeholders_is_refused() -> None:
    scene = WarmScene.of("in_place")
    document = scene.simulation.policy.model_dump(mode="json")
    document["metadata"]["name"] = "other"
    document["spec"]["target"] |= {"deployment": "other", "service": "other"}
    other = ScalingPolicy.model_validate(document)
    ports = replace(scene.ports, neighbours=lambda: Neighbours((scene.simulation.policy, other)))

    with pytest.raises(InputError, match="shop/headroom belongs to policy other as well"):
        pipeline.run(ports, scene.simulation.request(5))


def test_what_is_left_of_them_is_said_before_a_workload_is_given_free_by_hand() -> None:
    scene = WarmScene.of("in_place")
    request = scene.simulation.request(5)
    plan = phases.calculate_capacity(scene.ports, request)
    phases.warm_nodes(scene.ports, request, plan)
    lease = held_lease(scene.ports, WORKLOAD, "web")

    with pytest.raises(SpringtideError, match="Deployment headroom of placeholders: 2 replicas; before the run: 0"):
        release_lease(scene.ports, WORKLOAD, lease, by="a test", named=("run-1",))


def test_other_pods_of_the_same_priority_as_the_placeholders_change_nothing() -> None:
    scene = WarmScene.of("in_place")
    scene.world.apply(priority_class("low", -5))
    pod = web(1)[1]["spec"]["template"]["spec"] | {"priorityClassName": "low"}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "batch", "namespace": "default"}, "spec": pod}
    scene.after(95, lambda: scene.world.apply(manifest))

    assert scene.run(5) is RunOutcome.SUCCEEDED
    assert scene.refused == []
