"""Two runs of two services that share a database, or a quota, with every interleaving of their first steps."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from springtide.errors import InputError
from springtide.plan.model import ScalingPlan
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run import acquisition, phases, pipeline
from springtide.run.lease import Lease, read_lease
from springtide.run.ports import Neighbours, Ports, RunRef, RunRequest
from springtide.run.reservations import pending_runs
from springtide.sandbox.objects import Json
from springtide.workload import Workload
from support.fleet import Fleet, manifests
from support.simulation import NAMESPACE

ORDERS = {"name": "orders", "connections_per_replica": 10, "limit": 90}
"""Both stand with 2 replicas each: 40. One may go to 6, which takes 80; both may not: 120."""

QUOTA: Json = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "small", "namespace": NAMESPACE},
    "spec": {"hard": {"pods": "9"}},
}


class Two:
    """Services `a` and `b`; each asks for 6."""

    def __init__(self, downstream: list[dict[str, Any]]) -> None:
        self.fleet = Fleet({"a": (), "b": ()})
        documents = {name: self.fleet.document(name) for name in ("a", "b")}
        for document in documents.values():
            document["spec"]["downstream"] = downstream
        self.policies = {name: ScalingPolicy.model_validate(each) for name, each in documents.items()}
        self.plans: dict[str, ScalingPlan] = {}

    def ports(self) -> Ports:
        everybody = Neighbours(tuple(self.policies.values()))
        return replace(self.fleet.ports(), neighbours=lambda: everybody)

    def request(self, name: str, replicas: int = 6) -> RunRequest:
        return RunRequest(
            run_id=f"run-{name}",
            policy=self.policies[name],
            replicas=replicas,
            strategy=None,
            requested_by="a test",
            reason="at once",
        )

    def plan(self, name: str) -> None:
        self.plans[name] = phases.calculate_capacity(self.ports(), self.request(name))

    def begin(self, name: str) -> None:
        phases.create_instances(self.ports(), self.request(name), self.plans[name])


def refusal(two: Two, name: str) -> str:
    with pytest.raises(InputError) as refused:
        two.begin(name)
    return refused.value.message


def test_the_second_of_two_that_planned_at_once_is_refused_and_the_first_is_named() -> None:
    two = Two([ORDERS])
    two.plan("a")
    two.plan("b")  # each plan passed: neither saw the other
    two.begin("a")

    assert "a 6 replicas x 10, with run 'run-a' in flight" in refusal(two, "b")


def test_a_plan_counts_a_run_in_flight() -> None:
    two = Two([ORDERS])
    two.plan("a")
    two.begin("a")

    with pytest.raises(InputError, match="run 'run-a' in flight"):
        two.plan("b")


def test_a_quota_is_kept_for_what_a_run_in_flight_has_not_taken_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    two = Two([])
    two.fleet.world.apply(QUOTA)
    two.fleet.world.settle()
    two.plan("a")
    two.plan("b")
    monkeypatch.setattr(phases, "require_room_for", lambda *_: pause())
    with pytest.raises(KeyboardInterrupt):
        two.begin("a")  # it has its Lease, and no pod yet
    monkeypatch.undo()

    with pytest.raises(InputError, match="pods needs 4, 1 of 9 free, 4 kept for run 'run-a'"):
        two.begin("b")


def both_take_their_leases(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both look before either has its Lease, and stand still once they have it: `a` first."""
    monkeypatch.setattr(acquisition, "require_passed", lambda _findings: None)
    monkeypatch.setattr(phases, "require_room_for", lambda *_: pause())
    for name in ("a", "b"):
        with pytest.raises(KeyboardInterrupt):
            two.begin(name)
        two.fleet.world.advance(0.1)
    monkeypatch.undo()


def pause() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("second_looks_first", [False, True])
def test_of_two_that_took_their_leases_before_either_looked_the_earlier_goes_on(
    monkeypatch: pytest.MonkeyPatch, *, second_looks_first: bool
) -> None:
    two = Two([ORDERS])
    two.plan("a")
    two.plan("b")
    both_take_their_leases(two, monkeypatch)

    if second_looks_first:
        assert "run 'run-a' in flight" in refusal(two, "b")
        give_way(two, "b")
        two.begin("a")
    else:
        ports = replace(two.ports(), on_wait=lambda _: give_way(two, "b"))  # b sees a while a waits
        phases.create_instances(ports, two.request("a"), two.plans["a"])
    assert two.fleet.replicas() == {"a": 6, "b": 2}


def give_way(two: Two, name: str) -> None:
    ports = two.ports()
    if "in flight" in refusal(two, name):
        ref = RunRef(workload=two.plans[name].target, run_id=f"run-{name}")
        phases.roll_back(ports, ref)
        phases.report(ports, ref)


def test_a_later_run_that_died_before_it_looked_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    two = Two([ORDERS])
    two.plan("a")
    two.plan("b")
    both_take_their_leases(two, monkeypatch)

    before = two.fleet.world.elapsed
    assert "run 'run-b' in flight" in refusal(two, "a")
    assert 10 < two.fleet.world.elapsed - before < 30
    mine = read_lease(two.ports().kube, Workload(namespace=NAMESPACE, deployment="a", service="a"))
    assert mine
    assert [each.holder for each in pending_runs(two.ports().kube, [NAMESPACE], mine)] == ["run-b"]


def test_whatever_the_order_of_their_first_steps_the_limit_is_kept() -> None:
    steps = 4  # plan and begin of each
    for first in combinations(range(steps), 2):
        two = Two([ORDERS])
        done = {"a": 0, "b": 0}
        for number in range(steps):
            name = "a" if number in first else "b"
            acts = (two.plan, two.begin)
            if done[name] < 0:
                continue
            try:
                acts[done[name]](name)
                done[name] += 1
            except InputError:
                done[name] = -1
        assert sum(two.fleet.replicas().values()) * 10 == 80, first


def test_a_run_that_was_refused_leaves_nothing_behind() -> None:
    two = Two([ORDERS])
    two.plan("a")
    two.begin("a")
    before = [manifest["metadata"]["name"] for manifest in manifests("b")]
    with pytest.raises(InputError):
        pipeline.run(two.ports(), two.request("b"))
    lease = read_lease(two.ports().kube, Workload(namespace=NAMESPACE, deployment="b", service="b"))
    assert lease is None or not lease.holder
    assert two.fleet.replicas()["b"] == 2
    assert before == ["b", "b"]


def test_only_a_later_run_that_has_not_begun_is_waited_for() -> None:
    two = Two([])
    two.plan("b")
    two.begin("b")
    earlier = Lease({"metadata": {"name": "a", "namespace": NAMESPACE}, "spec": {"acquireTime": "1970"}})

    assert list(pending_runs(two.ports().kube, [NAMESPACE], earlier)) == []
