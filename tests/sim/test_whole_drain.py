"""From the switch until the stable set is gone every moment counts: what was well at both ends may have failed between.

Somebody strikes between two looks, two tasks or two processes, and all is well again when the next one looks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.model import RunOutcome
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan
from springtide.sandbox.objects import Json, Ref, is_terminating, is_true
from springtide.sandbox.world import World
from support.builders import policy
from support.courses import BATCHED
from support.simulation import NAMESPACE, Simulation, web
from support.task_driver import AfterCrash, TaskDriver
from support.trials import Stage, Trial, lease_text

SLOW = {"propagation": "5s", "drain": "10s"}
PROMQL: Json = {"promql": {"query": "errors", "below": 0.01}}
PROPAGATES = 0.5
"""Seconds that the cluster takes to follow a selector."""

STABLE = {"window": "20s", "every": "5s"}


def trial_of(start: int, target: int, **settings: Any) -> Trial:
    """Return a run that has not begun."""
    trial = Trial.at(Stage.SWITCH)
    trial.simulation = Simulation.of(start, **settings)
    trial.driver = TaskDriver(trial.simulation, trial.simulation.request(target))
    return trial


def ready(world: World) -> int:
    """Return how many pods are ready and stay."""
    pods = world.pods(NAMESPACE, {"app": "web"})
    return sum(is_true(pod, "Ready") and not is_terminating(pod) for pod in pods)


def names(refs: list[Ref]) -> set[str]:
    """Return what some pods are called."""
    return {ref.name for ref in refs}


def before(trial: Trial, task: str, act: Callable[[], object]) -> Trial:
    """Do the run; something happens before `task` begins, which finds every pod ready again."""

    def strike(name: str) -> None:
        if name == task:
            wanted = ready(trial.world)
            act()
            trial.world.advance(10)
            assert ready(trial.world) == wanted

    trial.driver.before_task = strike
    return trial.go(FaultPlan())


def restart(trial: Trial, pods: int) -> Callable[[], None]:
    """Return what ends the process of so many new pods; each is started again."""

    def act() -> None:
        for ref in trial.new_pods[:pods]:
            trial.world.kubelet.crash(ref)

    return act


def falter(trial: Trial) -> None:
    """Let a new pod be unready for a moment."""
    ref = trial.new_pods[0]
    trial.world.kubelet.disturb(ref, broken=True)
    trial.world.advance(6)
    trial.world.kubelet.disturb(ref, broken=False)


def delete(trial: Trial, pods: int) -> None:
    """Delete so many of the new pods; others come in their place."""
    for pod in trial.new_pods[:pods]:
        trial.delete("pods", pod.name)


STRIKES: dict[str, tuple[Callable[[Trial], object], str]] = {
    "restarted": (lambda trial: restart(trial, 1)(), "restarted, last exit code 1"),
    "not ready": (falter, "was not ready for a while"),
    "replaced": (lambda trial: delete(trial, 2), "2 of them went"),
}
TASKS = ["endpoints_switched", "smoke_test", "remove_old_instances"]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("strike", STRIKES)
@pytest.mark.parametrize("settings", [{}, dict(BATCHED)], ids=["full", "batched"])
def test_what_happened_while_nobody_looked_is_seen(settings: dict[str, Any], strike: str, task: str) -> None:
    trial = trial_of(3, 4, **settings)
    act, words = STRIKES[strike]
    stable: set[str] = set()

    def once() -> None:
        stable.update(names(trial.stable_pods))
        act(trial)

    before(trial, task, once)

    assert trial.outcome is RunOutcome.ROLLED_BACK
    assert words in trial.message
    assert len(stable) == 3
    assert {pod["metadata"]["name"] for pod in trial.world.pods(NAMESPACE)} == stable


@pytest.mark.parametrize("task", TASKS)
def test_a_pod_that_somebody_deletes_costs_no_run_while_the_floor_is_kept(task: str) -> None:
    trial = trial_of(3, 4)
    before(trial, task, lambda: delete(trial, 1))

    assert trial.outcome is RunOutcome.SUCCEEDED


@pytest.mark.parametrize("after", [AfterCrash.RETRY, AfterCrash.CLEAR, AfterCrash.RECONCILE])
@pytest.mark.parametrize("stage", [Stage.SWITCH, Stage.AFTER])
def test_a_process_that_dies_forgets_nothing_of_it(stage: Stage, after: AfterCrash) -> None:
    trial = Trial.at(stage)
    trial.driver.after_crash = after

    def meanwhile() -> None:
        restart(trial, 1)()
        trial.world.advance(10)

    trial.driver.on_crash = meanwhile
    trial.struck(fault=Fault(FaultKind.CRASH_AFTER))

    assert trial.outcome is RunOutcome.ROLLED_BACK
    assert trial.is_as_before
    # A process of its pods died while the Service meant them: that is what the test does.
    assert trial.broken("I-6") == []


@pytest.mark.parametrize(("pods", "outcome"), [(1, RunOutcome.SUCCEEDED), (2, RunOutcome.ROLLED_BACK)])
def test_as_many_may_falter_as_the_policy_lets_be_bad(pods: int, outcome: RunOutcome) -> None:
    trial = trial_of(3, 6, min_ready="80%")
    before(trial, "remove_old_instances", restart(trial, pods))

    assert trial.outcome is outcome


def crashing(after: str, **settings: Any) -> Trial:
    """Return a run of three pods; each new one dies so long after each of its starts, and is started again."""
    trial = trial_of(3, 4, remove_step="50%", **SLOW | settings)
    deployment = web(3)[1]
    reference = {"name": "dep", "key": "CRASH", "optional": True}
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["env"].append({"name": "CRASH", "valueFrom": {"configMapKeyRef": reference}})
    trial.world.apply(deployment)
    trial.world.settle(quiet=20)
    metadata = {"name": "dep", "namespace": NAMESPACE}
    trial.world.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"CRASH": after}})
    return trial


@pytest.mark.parametrize("after", ["4s", "8s", "12s", "16s"])
@pytest.mark.parametrize("task_by_task", [False, True], ids=["in one process", "task by task"])
def test_pods_that_crash_after_a_while_are_pointed_away_from(after: str, *, task_by_task: bool) -> None:
    trial = crashing(after)
    stable = {pod["metadata"]["name"] for pod in trial.world.pods(NAMESPACE)}
    if task_by_task:
        trial.driver.before_task = lambda _name: trial.world.advance(3)
    trial.go(FaultPlan())

    assert trial.outcome is RunOutcome.ROLLED_BACK
    losses = trial.evidence.losses
    _, back = (write.at for write in trial.evidence.workload_writes if write.switched_at is not None)
    assert {pod["metadata"]["name"] for pod in trial.world.pods(NAMESPACE)} == stable
    assert trial.serving == 3
    assert steps_taken(trial) == 0
    # Requests can fail while the Service means pods that have just died, and never once it means the stable ones.
    assert all(loss.until is not None and loss.until < back + PROPAGATES for loss in losses)
    if not task_by_task:
        assert all(back - loss.since < 1.5 for loss in losses)


def test_new_pods_that_die_while_the_stable_ones_go_are_pointed_away_from() -> None:
    trial = Trial.at(Stage.AFTER)
    trial.simulation = Simulation.of(4, remove_step="25%")
    trial.driver = TaskDriver(trial.simulation, trial.simulation.request(5))
    trial.struck(restart(trial, 1), late=True)

    assert trial.outcome is RunOutcome.ROLLED_BACK
    assert "4 of 5 pods have been ready all the while" in trial.message
    assert trial.serving == 4


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
@pytest.mark.parametrize("is_asked_for", [False, True], ids=["no stability", "stability"])
def test_a_moment_of_trouble_in_the_window_of_stability_ends_the_run(strategy: str, *, is_asked_for: bool) -> None:
    trial = trial_of(3, 4, strategy=strategy)
    asked = {"stability": {"window": "20s", "every": "20s"}} if is_asked_for else {}
    trial.simulation.policy = with_spec(trial.simulation, **asked)
    trial.driver.request = trial.simulation.request(4)

    def strike(name: str) -> None:
        if name == "smoke_test" and is_asked_for:
            ref = trial.new_pods[0] if strategy == "blue_green" else trial.stable_pods[0]
            trial.world.core.timeline.after(8, lambda: trial.world.kubelet.crash(ref))

    trial.driver.before_task = strike
    trial.go(FaultPlan())

    assert trial.outcome is (RunOutcome.ROLLED_BACK if is_asked_for else RunOutcome.SUCCEEDED)
    assert trial.serving == (3 if is_asked_for else 4)


def with_spec(simulation: Simulation, **spec: Any) -> ScalingPolicy:
    """Return the policy of a simulation with other parts."""
    return policy(**simulation.policy.model_dump(mode="json", exclude_unset=True)["spec"] | spec)


class Prometheus:
    """Answers 0, until `is_bad`: then what is to be answered; each question is kept with its time."""

    def __init__(self, world: World, is_bad: Callable[[], bool], answer: float | None = 7.0) -> None:
        self._world = world
        self._is_bad = is_bad
        self._answer = answer
        self.asked: list[float] = []

    def instant(self, _query: str) -> float | None:
        """Answer a query."""
        self.asked.append(self._world.elapsed)
        return self._answer if self._is_bad() else 0.0


def judged_by(trial: Trial, is_bad: Callable[[], bool], *, answer: float | None = 7.0) -> Prometheus:
    """Do the run of a policy that has a condition; return who was asked for it."""
    prometheus = Prometheus(trial.world, is_bad, answer)
    trial.simulation.instant = prometheus.instant
    trial.go(FaultPlan())
    return prometheus


def is_removing(trial: Trial) -> bool:
    """Say whether the removal has begun."""
    return '"remove_old_instances"' in lease_text(trial.world)


def steps_taken(trial: Trial) -> int:
    """Return how often pods of before the run were taken away."""
    writes = trial.evidence.workload_writes
    return sum(write.takes_away and not write.is_back and not write.is_unseen for write in writes)


def test_a_condition_is_asked_during_the_drain_and_once_more_before_the_stable_set_goes() -> None:
    trial = trial_of(3, 4, smoke=[PROMQL], propagation="2s", drain="35s")
    asked = judged_by(trial, lambda: False).asked
    taken = next(write.at for write in trial.evidence.workload_writes if write.takes_away)

    assert trial.outcome is RunOutcome.SUCCEEDED
    assert len([at for at in asked if at < taken]) >= 5
    assert taken - max(at for at in asked if at < taken) < 1


@pytest.mark.parametrize("drain", ["1s", "35s"])
@pytest.mark.parametrize("settings", [{}, dict(BATCHED)], ids=["full", "batched"])
def test_a_condition_that_breaks_during_the_drain_keeps_the_stable_set(settings: dict[str, Any], drain: str) -> None:
    trial = trial_of(3, 4, smoke=[PROMQL], drain=drain, **settings)
    judged_by(trial, lambda: is_removing(trial))

    assert trial.outcome is RunOutcome.ROLLED_BACK
    assert "promql errors: 7 is not below 0.01" in trial.message
    assert steps_taken(trial) == 0
    assert trial.serving == 3


@pytest.mark.parametrize("answer", [None, float("nan")])
@pytest.mark.parametrize("on_inconclusive", ["fail", "hold"])
def test_without_an_answer_the_stable_set_does_not_go(on_inconclusive: str, answer: float | None) -> None:
    trial = trial_of(3, 4, smoke=[PROMQL], on_inconclusive=on_inconclusive)
    judged_by(trial, lambda: is_removing(trial), answer=answer)

    assert steps_taken(trial) == 0
    assert trial.kept if on_inconclusive == "hold" else trial.outcome is RunOutcome.ROLLED_BACK
    assert trial.serving == (4 if on_inconclusive == "hold" else 3)


def test_an_answer_that_fails_to_come_in_the_middle_of_the_drain_decides_nothing() -> None:
    trial = trial_of(3, 4, smoke=[PROMQL], drain="35s")
    away: list[float] = []

    def is_away() -> bool:
        if is_removing(trial) and len(away) < 2:
            away.append(trial.world.elapsed)
            return True
        return False

    judged_by(trial, is_away, answer=None)

    assert len(away) == 2
    assert trial.outcome is RunOutcome.SUCCEEDED


@pytest.mark.parametrize("strategy", ["in_place"])
def test_a_shrink_stops_at_the_step_after_which_a_condition_breaks(strategy: str) -> None:
    trial = trial_of(6, 3, strategy=strategy, smoke=[PROMQL], remove_step=1)
    judged_by(trial, lambda: len(trial.world.pods(NAMESPACE)) < 6)

    assert trial.outcome is RunOutcome.ROLLED_BACK
    assert steps_taken(trial) == 1
    assert trial.serving == 6


def test_a_policy_with_conditions_and_stability_alone_can_pass() -> None:
    trial = trial_of(3, 4)
    trial.simulation.policy = with_spec(trial.simulation, smoke=[PROMQL], stability=STABLE)
    trial.driver.request = trial.simulation.request(4)
    prometheus = judged_by(trial, lambda: False)

    assert trial.outcome is RunOutcome.SUCCEEDED
    assert len(prometheus.asked) >= 6


def test_a_condition_that_breaks_in_the_window_of_stability_ends_the_run() -> None:
    trial = trial_of(3, 4)
    trial.simulation.policy = with_spec(trial.simulation, smoke=[PROMQL], stability=STABLE)
    trial.driver.request = trial.simulation.request(4)
    began: list[float] = []

    def once() -> bool:
        if '"smoke_test"' in lease_text(trial.world):
            began.append(trial.world.elapsed)
        return len(began) == 3  # the smoke test asks first, then the window begins

    judged_by(trial, once)

    assert trial.outcome is RunOutcome.ROLLED_BACK
    assert "stability 20s, promql errors: it held 3 of 4 times, 4 must be" in trial.message
