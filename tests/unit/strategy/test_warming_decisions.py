"""Placeholders: one line per look, and the one thing to do next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from springtide.errors import Conflict
from springtide.kube.objects import Deployment, Json, Pod
from springtide.kube.observation import Observation, PodSet
from springtide.policy.scaling.strategy import BlueGreen, InPlace
from springtide.strategy.model import Decision, Done, PlaceholdersSnapshot, RunOrder, Scale, Wait
from springtide.strategy.warming import await_placeholders, give_back, giving_back, raise_placeholders
from support.builders import NOW, SetBuilder, observation, order, service

HELD = PlaceholdersSnapshot(name="headroom", uid="uid-headroom", replicas=1, more=2)


def placeholders(
    replicas: int, *, running: int | None = None, uid: str = HELD.uid, observed: bool = True
) -> Deployment:
    """Return the Deployment of placeholders as it stands; kubectl wrote its number last."""
    entry = {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    metadata = {"name": "headroom", "uid": uid, "resourceVersion": "4", "generation": 2, "managedFields": [entry]}
    ready = replicas if running is None else running
    status = {"observedGeneration": 2 if observed else 1, "readyReplicas": ready}
    return Deployment({"metadata": metadata, "spec": {"replicas": replicas}, "status": status})


def warming(held: PlaceholdersSnapshot | None = HELD, **settings: Any) -> RunOrder:
    """Return the order to go from 3 to 5 pods, for which two nodes are warmed."""
    given = order(5, settings=BlueGreen(**settings) if settings else InPlace())
    return replace(given, snapshot=replace(given.snapshot, placeholders=held))


def look(found: Deployment | None, *, nodes: int = 3, waits: timedelta | None = None, pods: int = 5) -> Observation:
    """Return a look at `pods` pods of which the first `nodes` have a node; the others have waited so long for one."""
    condition: Json = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    if waits is not None:
        condition["lastTransitionTime"] = (NOW - waits).isoformat()
    seen = observation(service(), SetBuilder(replicas=pods))
    for number, pod in enumerate(seen.pod_set.pods):
        if number < nodes:
            pod.raw["spec"]["nodeName"] = "node-1"
        elif waits is not None:
            pod.raw["status"]["conditions"] = [condition]
    # Read anew: a view keeps the conditions that it was asked for.
    read = tuple(Pod(pod.raw) for pod in seen.pod_set.pods)
    pod_set = PodSet(seen.pod_set.scaled, seen.pod_set.replica_sets, read)
    return replace(seen, pod_set=pod_set, pods=read, placeholders=found)


def test_they_are_raised_by_what_the_run_adds() -> None:
    step = raise_placeholders(look(placeholders(1)), warming())

    assert isinstance(step, Scale)
    assert (step.name, step.replicas, step.version.resource_version) == ("headroom", 3, "4")


def test_they_are_raised_once() -> None:
    assert isinstance(raise_placeholders(look(placeholders(3)), warming()), Done)


@pytest.mark.parametrize("decide", [raise_placeholders, await_placeholders])
def test_a_run_that_warms_none_does_nothing(decide: Any) -> None:
    assert isinstance(decide(look(placeholders(1)), warming(None)), Done)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (placeholders(3, running=0), "0 of 3 placeholders of Deployment headroom run"),
        (placeholders(3, running=2), "2 of 3 placeholders"),
        (placeholders(3, observed=False), "0 of 3 placeholders"),
    ],
)
def test_all_of_them_are_waited_for(found: Deployment, said: str) -> None:
    decision = await_placeholders(look(found), warming())

    assert isinstance(decision, Wait)
    assert said in decision.message


def test_when_all_of_them_run_the_nodes_stand() -> None:
    decision = await_placeholders(look(placeholders(3)), warming())

    assert decision == Done("3 placeholders of Deployment headroom run, so there are nodes for 2 pods more")


@pytest.mark.parametrize(
    ("decide", "found", "code"),
    [
        (raise_placeholders, placeholders(4), "replicas_changed"),
        (await_placeholders, placeholders(4), "replicas_changed"),
        (await_placeholders, placeholders(1), "replicas_changed"),
        (raise_placeholders, placeholders(1, uid="another"), "placeholders_replaced"),
        (await_placeholders, None, "placeholders_replaced"),
    ],
)
def test_what_somebody_else_did_to_them_is_told_and_left(decide: Any, found: Deployment | None, code: str) -> None:
    with pytest.raises(Conflict) as caught:
        decide(look(found), warming())

    assert caught.value.code == code
    if code == "replicas_changed" and found is not None:
        assert f"kubectl (Update) set the placeholders to {found.replicas}" in caught.value.message


WAITS = Wait("4 of 5 pods are ready")
DONE = Done("5 of 5 pods are ready")


def next_of(decision: Decision, seen: Observation, given: RunOrder, *, at_the_end: bool = False) -> Decision:
    return giving_back(lambda _observation, _order: decision, at_the_end=at_the_end)(seen, given)


@pytest.mark.parametrize(
    ("decision", "seen", "is_given_back"),
    [
        (WAITS, look(placeholders(3), nodes=4), False),
        (WAITS, look(placeholders(3), nodes=5), True),
        (WAITS, look(placeholders(3), nodes=4, waits=timedelta(seconds=59)), False),
        (WAITS, look(placeholders(3), nodes=4, waits=timedelta(seconds=60)), True),
        (DONE, look(placeholders(3), nodes=4), True),
        (DONE, look(placeholders(1), nodes=5), False),
        (DONE, look(placeholders(2), nodes=5), False),
        (DONE, look(placeholders(3, uid="another"), nodes=5), False),
    ],
)
def test_they_go_back_when_every_pod_has_a_node_or_no_preemption_helps(
    decision: Decision, seen: Observation, *, is_given_back: bool
) -> None:
    step = next_of(decision, seen, warming())

    assert isinstance(step, Scale) is is_given_back
    assert not isinstance(step, Scale) or (step.name, step.replicas) == ("headroom", 1)


def test_batches_need_their_room_until_the_exchange() -> None:
    seen = look(placeholders(3), nodes=4)
    batched = warming(overlap="batched", batch=1)

    assert next_of(DONE, seen, batched) is DONE
    assert isinstance(next_of(DONE, seen, batched, at_the_end=True), Scale)


def test_a_pod_that_goes_away_holds_no_node() -> None:
    seen = look(placeholders(3), nodes=5)
    seen.pod_set.pods[0].raw["metadata"]["deletionTimestamp"] = NOW.isoformat()

    assert next_of(WAITS, seen, warming()) is WAITS


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (placeholders(7), "kubectl (Update) set the placeholders to 7 during the run, which goes from 1 to 3 and back"),
        (None, "Deployment headroom of placeholders was deleted during the run"),
    ],
)
def test_what_is_left_of_them_is_told_at_the_end(found: Deployment | None, said: str) -> None:
    decision = next_of(DONE, look(found, nodes=5), warming())

    assert isinstance(decision, Done)
    assert said in decision.message
    undone = give_back(look(found, nodes=5), warming())
    assert isinstance(undone, Done)
    assert said in undone.message


def test_the_way_back_needs_none_of_their_room() -> None:
    assert isinstance(give_back(look(placeholders(3), nodes=3), warming()), Scale)
    assert give_back(look(placeholders(1)), warming()) == Done("")
