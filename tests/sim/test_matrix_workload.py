"""The fault matrix, rows about the workload: pods that fail, others who undo or delete, drained nodes, failed checks.

A test is a row; its parameter `stage` is the column. What stands as "—" or "n/a" in the matrix is not here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import pytest

from springtide.errors import DemandUnavailable
from springtide.record.model import RunOutcome
from springtide.sandbox.faults import FaultPlan
from springtide.sandbox.objects import Ref
from springtide.verify.route import Answer
from support.builders import policy
from support.courses import Course
from support.simulation import NAMESPACE, Simulation, WorldRoute
from support.task_driver import TaskDriver
from support.trials import EVERY, Stage, Trial

ENDED = {RunOutcome.SUCCEEDED, RunOutcome.ROLLED_BACK}


NOTICED: Final = 5.0
"""Seconds until the kubelet has seen that an app is not ready any more."""


def again_and_again(trial: Trial, act: Callable[[], None], *, every: float = 0.4, for_seconds: float = 400) -> None:
    """Do something to the cluster every now and then, from now on."""
    end = trial.world.elapsed + for_seconds

    def round_() -> None:
        act()
        if trial.world.elapsed < end:
            trial.world.core.timeline.after(every, round_)

    round_()


def crash(trial: Trial, pods: list[Ref]) -> None:
    """End the processes of every one of some pods that has any."""
    for ref in pods:
        if ref in trial.world.kubelet.pods:
            trial.world.kubelet.crash(ref)


def sicken(trial: Trial, pods: list[Ref]) -> None:
    """Make every app of some pods unready."""
    for ref in pods:
        if ref in trial.world.kubelet.pods:
            trial.world.kubelet.disturb(ref, broken=True)


@pytest.mark.parametrize("how", ["image gone", "crash loop", "never ready"])
def test_pods_fail_before_the_switch(how: str) -> None:
    """`[before]`: failed with the pods' own words, cleaned up; what never says why is given up at the deadline."""
    trial = Trial.at(Stage.BEFORE)
    began = trial.world.elapsed
    act = {
        "image gone": lambda: trial.world.core.images.discard("localhost/web:1"),
        "crash loop": lambda: again_and_again(trial, lambda: crash(trial, trial.new_pods)),
        "never ready": lambda: again_and_again(trial, lambda: sicken(trial, trial.new_pods)),
    }[how]
    trial.struck(act)
    ended = trial.evidence.leases[-1].at

    assert trial.broken() == []
    assert trial.outcome is RunOutcome.ROLLED_BACK
    assert trial.is_as_before
    assert {"image gone": "ErrImageNeverPull", "crash loop": "CrashLoopBackOff", "never ready": "are Ready"}[how] in (
        trial.message
    )
    assert ended - began < 120


def fill(trial: Trial, pods: int) -> None:
    """Let somebody else's pods take places on the node."""
    mine = trial.object("deployments", "web")
    labelled = {"app": "other"}
    template = {"metadata": {"labels": labelled}, "spec": mine["spec"]["template"]["spec"]}
    trial.world.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "other", "namespace": "default"},
            "spec": {"replicas": pods, "selector": {"matchLabels": labelled}, "template": template},
        }
    )
    trial.world.advance(5)


def test_there_is_no_room_on_the_nodes_before_the_switch() -> None:
    """`[before]`: two of four new pods cannot be placed; the run fails when its patience ends, not at its deadline."""
    trial = Trial.at(Stage.BEFORE)
    patient = {"ready": "10m", "switched": "60s", "removed": "5m"}
    trial.simulation = Simulation.of(2, node_pods=8, deadlines=patient, patience={"unschedulable": "60s"})
    trial.driver = TaskDriver(trial.simulation, trial.simulation.request(4))
    trial.struck(lambda: fill(trial, 4))

    assert trial.broken() == []
    assert trial.outcome is RunOutcome.ROLLED_BACK
    assert trial.is_as_before
    assert "Unschedulable" in trial.message
    assert trial.evidence.leases[-1].at < 100


@pytest.mark.parametrize("how", ["crash loop", "not ready any more"])
def test_new_pods_die_after_the_switch(how: str) -> None:
    """`[after]`: under the floor is an alarm and the way back; the stable set, still whole, serves again."""
    trial = Trial.at(Stage.SWITCH)
    act = {
        "crash loop": lambda: again_and_again(trial, lambda: crash(trial, trial.new_pods)),
        "not ready any more": lambda: again_and_again(trial, lambda: sicken(trial, trial.new_pods)),
    }[how]
    trial.struck(act, late=True)

    assert trial.broken("I-6") == []
    assert trial.outcome is RunOutcome.ROLLED_BACK
    assert trial.is_as_before


def test_new_pods_die_during_the_removal() -> None:
    """`[after]`: removal is halted by the floor, and the run undone at its deadline."""
    trial = Trial.at(Stage.AFTER)
    trial.struck(lambda: again_and_again(trial, lambda: crash(trial, trial.new_pods)))

    assert trial.broken("I-6") == []
    assert trial.outcome is RunOutcome.ROLLED_BACK
    assert trial.is_as_before


def test_old_pods_do_not_come_back() -> None:
    """`[roll_back]`: what is not ready is not pointed at; both sets stay and a person is called."""
    trial = Trial.at(Stage.SWITCH, Course("blue_green, smoke", "blue_green", 2, 4, problem="smoke"))

    def sick_and_seen_to_be() -> None:
        again_and_again(trial, lambda: sicken(trial, trial.stable_pods), for_seconds=1000)
        trial.world.advance(NOTICED)  # until then the cluster itself takes them for ready, and so does the way back

    trial.struck(sick_and_seen_to_be, late=True)

    assert trial.broken("I-26") == []
    assert trial.kept
    assert trial.serving == 4


def test_only_a_part_of_the_capacity_is_there() -> None:
    """`[before]`: three of four new pods fit; there is no switch."""
    trial = Trial.at(Stage.BEFORE)
    quota = {"metadata": {"name": "small", "namespace": NAMESPACE}, "spec": {"hard": {"pods": "5"}}}
    trial.struck(lambda: trial.world.apply({"apiVersion": "v1", "kind": "ResourceQuota"} | quota))

    assert trial.broken() == []
    assert trial.outcome is RunOutcome.ROLLED_BACK
    assert trial.is_as_before
    assert "exceeded quota" in trial.message
    assert all(write.switched_at is None for write in trial.evidence.workload_writes)


def races(stage: Stage, *, late: bool) -> tuple[str, ...]:
    """Return what is broken from outside when somebody strikes between the last look and the release it decided."""
    return ("I-27", "I-28") if stage is Stage.BEFORE and not late else ()


@pytest.mark.parametrize("stage", EVERY)
def test_somebody_undoes_what_the_run_does_again_and_again(stage: Stage) -> None:
    """A GitOps tool resumes the Deployment whenever it is paused: three times, then the run stops (I-19)."""
    trial = Trial.at(stage)

    def resume() -> None:
        deployment = trial.world.get("deployments", NAMESPACE, "web")
        if deployment and deployment["spec"].get("paused"):
            trial.edit("deployments", "web", paused=False)

    trial.struck(lambda: again_and_again(trial, resume, every=0.01, for_seconds=900))
    pauses = [write for write in trial.evidence.workload_writes if write.body.get("spec", {}).get("paused") is True]

    assert trial.broken("I-12", "I-26", "I-28") == []
    assert trial.outcome in {RunOutcome.SUCCEEDED, RunOutcome.ROLLED_BACK, RunOutcome.NEEDS_ATTENTION}
    assert len(pauses) <= 7
    assert trial.serving >= 2


def remade(trial: Trial, kind: str, name: str) -> None:
    """Delete an object and create it again, as `kubectl replace --force` does."""
    old = trial.object(kind, name)
    trial.delete(kind, name)
    trial.world.settle(quiet=1, limit=20)
    bare = {key: value for key, value in old["metadata"].items() if key in {"name", "namespace", "labels"}}
    trial.world.apply({**old, "metadata": bare, "status": {}}, manager="kubectl-replace")


GONE: dict[str, Callable[[Trial], None]] = {
    "Service deleted": lambda trial: trial.delete("services", "web"),
    "Service recreated": lambda trial: remade(trial, "services", "web"),
    "Deployment deleted": lambda trial: trial.delete("deployments", "web"),
    "Deployment recreated": lambda trial: remade(trial, "deployments", "web"),
}


@pytest.mark.parametrize("stage", EVERY)
@pytest.mark.parametrize("what", GONE)
@pytest.mark.parametrize("late", [False, True], ids=["during the write", "after it"])
def test_service_or_deployment_is_deleted_or_recreated(stage: Stage, what: str, *, late: bool) -> None:
    """The run stops: it makes nothing, deletes nothing that serves, and says that a person has to look."""
    trial = Trial.at(stage)
    writes_by_then: list[int] = []

    def strike() -> None:
        GONE[what](trial)
        writes_by_then.append(len(trial.evidence.workload_writes))

    trial.struck(strike, late=late)
    after = trial.evidence.workload_writes[writes_by_then[0] + (not late) :]  # one was under way

    assert trial.broken("I-5", "I-6", "I-10", "I-12", "I-24", "I-26", *races(stage, late=late)) == []
    assert trial.outcome in {RunOutcome.NEEDS_ATTENTION, RunOutcome.FAILED, RunOutcome.SUCCEEDED}
    assert trial.kept or len(trial.evidence.after.deployments) == 1
    assert not [write for write in after if write.method in {"POST", "DELETE"} and what.startswith("Service")]


@pytest.mark.parametrize("stage", [Stage.SWITCH, Stage.AFTER])
def test_new_set_is_deleted_while_it_serves(stage: Stage) -> None:
    """The outage is somebody else's; the way back ends it, for the pin meets nobody and the stable set is there."""
    trial = Trial.at(stage)
    trial.struck(lambda: trial.delete("replicasets", trial.new), late=True)

    assert trial.broken("I-5", "I-6") == []
    assert trial.outcome is RunOutcome.ROLLED_BACK
    assert trial.serving == 2
    assert trial.is_as_before


@pytest.mark.parametrize("stage", EVERY)
@pytest.mark.parametrize("late", [False, True], ids=["during the write", "after it"])
def test_stable_set_is_deleted(stage: Stage, *, late: bool) -> None:
    """There is nothing to go back to: the Deployment's own pods serve, and the run ends as far as it can."""
    trial = Trial.at(stage)
    trial.struck(lambda: trial.delete("replicasets", trial.stable), late=late)
    ended = {Stage.SWITCH: RunOutcome.SUCCEEDED, Stage.AFTER: RunOutcome.SUCCEEDED}

    assert trial.broken("I-5", "I-6", "I-28") == []
    assert trial.outcome is ended.get(stage, RunOutcome.FAILED)
    assert trial.serving == trial.object("deployments", "web")["spec"]["replicas"]


def drain(trial: Trial, count: int) -> None:
    """Evict the first pods of both sets, as the drain of a node does."""
    for ref in (*trial.stable_pods[:count], *trial.new_pods[:count]):
        trial.delete("pods", ref.name)


@pytest.mark.parametrize("stage", EVERY)
@pytest.mark.parametrize("count", [1, 9], ids=["one pod of each", "all pods"])
@pytest.mark.parametrize("late", [False, True], ids=["during the write", "after it"])
def test_node_is_drained_or_a_zone_is_lost(stage: Stage, count: int, *, late: bool) -> None:
    """Replacements are waited for, capacity is judged anew before a switch, and removal is halted by the floor."""
    trial = Trial.at(stage)
    trial.struck(lambda: drain(trial, count), late=late)

    assert trial.broken("I-5", "I-6") == []
    assert trial.outcome in ENDED
    assert trial.is_as_before or trial.is_as_ordered


class Flaky(WorldRoute):
    """A route on which every so many-th request fails, or all hang."""

    def __init__(self, simulation: Simulation, bad: Callable[[int], bool], *, hangs: bool = False) -> None:
        super().__init__(simulation.world)
        self._clock = simulation.world.clock
        self._bad = bad
        self._hangs = hangs
        self._count = 0

    def get(self, url: str, *, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> Answer:
        """Send one GET."""
        self._count += 1
        if not self._bad(self._count):
            return super().get(url, timeout_seconds=timeout_seconds, headers=headers)
        self._clock.sleep(timeout_seconds if self._hangs else 0.0)
        return Answer(status=0 if self._hangs else 503, body="", headers={}, error="timed out" if self._hangs else None)


@pytest.mark.parametrize(
    ("bad", "hangs", "outcome"),
    [
        (lambda number: number % 5 == 0, False, RunOutcome.SUCCEEDED),
        (lambda number: number % 2 == 0, False, RunOutcome.ROLLED_BACK),
        (lambda _number: True, True, RunOutcome.ROLLED_BACK),
    ],
    ids=["8 of 10 pass", "5 of 10 pass", "all hang"],
)
def test_smoke_test_fails_flickers_or_hangs(bad: Callable[[int], bool], outcome: RunOutcome, *, hangs: bool) -> None:
    """`[after]`: so many of so many, each with a hard timeout; then the way back."""
    trial = Trial.at(Stage.AFTER)
    checks = [{"http": {"path": "/healthz", "samples": 10, "must_pass": "80%", "timeout": "2s"}}]
    # As where the service breaks behind the preflight, which asks the stable set the same.
    trial.simulation.policy = Simulation.of(2, smoke=checks, only_warn=["smoke"]).policy
    trial.driver.request = trial.simulation.request(4)
    trial.simulation.route = Flaky(trial.simulation, bad, hangs=hangs)
    trial.go(FaultPlan())

    assert trial.broken() == []
    assert trial.outcome is outcome
    assert trial.is_as_ordered if outcome is RunOutcome.SUCCEEDED else trial.is_as_before


def away(_query: str) -> float | None:
    raise DemandUnavailable("Prometheus does not answer", code="demand_unavailable")


@pytest.mark.parametrize("answer", [away, lambda _query: None, lambda _query: float("nan"), lambda _query: 7.0])
def test_prometheus_is_away_empty_or_absurd_after_the_switch(answer: Callable[[str], float | None]) -> None:
    """`[after]`: a condition that is not known to hold has not passed."""
    trial = Trial.at(Stage.AFTER)
    checks = [{"promql": {"query": "errors", "below": 0.01}}]
    trial.simulation.policy = Simulation.of(2, smoke=checks).policy
    trial.driver.request = trial.simulation.request(4)
    trial.simulation.instant = answer
    trial.go(FaultPlan())

    assert trial.broken() == []
    assert trial.outcome is RunOutcome.ROLLED_BACK
    assert trial.is_as_before


def test_prometheus_is_away_before_anything_is_decided() -> None:
    """`[before]`: without demand nothing is planned and nothing written; never 0. Bad answers: test_quality.py."""
    trial = Trial.at(Stage.BEFORE)
    demand = {"source": "prometheus", "query": "up", "unit": "requests/s", "lookback": "1h"}
    models = {"models": [{"model": "target_utilization", "per_replica": 10, "target": 0.7}]}
    trial.simulation.policy = policy(demand=demand, capacity=models)
    trial.driver.request = replace(trial.simulation.request(4), replicas=None)
    trial.go(FaultPlan())

    assert trial.outcome is RunOutcome.FAILED
    assert trial.evidence.writes == ()
    assert trial.is_as_before
