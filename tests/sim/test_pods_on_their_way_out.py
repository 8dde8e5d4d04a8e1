"""Pods that are going and do not go: of a lost node, or with a long drain. No run waits for what is not its own."""

from __future__ import annotations

from typing import Any

import pytest

from invariants import Begin, Evidence, Terms, broken
from springtide.errors import WorkloadFailed
from springtide.record.model import RunOutcome
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref, is_terminating, is_true, with_metadata
from springtide.sandbox.writers import Deletion
from support.courses import autoscaler
from support.simulation import NAMESPACE, Simulation
from support.trials import lease_text

LOST = "example.com/node-is-lost"
BATCHED: dict[str, Any] = {"overlap": "batched", "batch": 2}
STRATEGIES: dict[str, dict[str, Any]] = {
    "blue_green": {"strategy": "blue_green"},
    "batched": {"strategy": "blue_green"} | BATCHED,
    "in_place": {"strategy": "in_place"},
    "floor": {"strategy": "floor"},
}
SHORT = {"ready": "60s", "switched": "60s", "removed": "20s"}
"""Less than the grace period of the pods: none of them is overdue in it."""

LONG = SHORT | {"removed": "5m"}


def scene(start: int, **settings: Any) -> Simulation:
    """Return the settled workload; the strategy `floor` has an autoscaler."""
    simulation = Simulation.of(start, **settings)
    if settings["strategy"] == "floor":
        simulation.world.apply(autoscaler(start))
        simulation.world.settle()
    return simulation


def hold(simulation: Simulation, pods: list[Json]) -> list[str]:
    """Let pods stay for ever once they are deleted, as those of a lost node do; return their names."""
    for pod in pods:
        ref = Ref("pods", NAMESPACE, pod["metadata"]["name"])
        simulation.world.store.put(ref, with_metadata(pod, finalizers=[LOST]))
    return [str(pod["metadata"]["name"]) for pod in pods]


def delete(simulation: Simulation, names: list[str]) -> None:
    """Delete pods, as the eviction of a lost node's pods does."""
    for name in names:
        simulation.world.core.writes.delete(KINDS["pods"], Ref("pods", NAMESPACE, name), Deletion())


def serving(simulation: Simulation) -> int:
    """Return how many pods serve and stay."""
    return sum(is_true(pod, "Ready") and not is_terminating(pod) for pod in simulation.world.pods(NAMESPACE))


def going(simulation: Simulation) -> set[str]:
    """Return the pods that are on their way out."""
    return {pod["metadata"]["name"] for pod in simulation.world.pods(NAMESPACE) if is_terminating(pod)}


def told(simulation: Simulation) -> str:
    """Return what the last phase of the run said."""
    return simulation.store.get("run-1").phases[-1].message


def with_leftovers(pods: int, **settings: Any) -> tuple[Simulation, set[str]]:
    """Return the workload of three pods with so many in Terminating, and others in their place; and their names."""
    simulation = scene(3, **settings)
    delete(simulation, hold(simulation, simulation.world.pods(NAMESPACE)[:pods]))
    simulation.world.advance(5)
    left = going(simulation)
    assert (len(left), serving(simulation)) == (pods, 3)
    return simulation, left


CASES = [
    ("blue_green", 5, 1),
    ("blue_green", 5, 3),
    ("blue_green", 2, 1),
    ("batched", 5, 1),
    ("batched", 2, 3),
    ("in_place", 5, 1),
    ("in_place", 2, 1),
    ("floor", 5, 1),
    ("floor", 5, 3),
]


@pytest.mark.parametrize(("strategy", "target", "pods"), CASES)
def test_what_was_going_before_the_run_is_told_and_not_waited_for(strategy: str, target: int, pods: int) -> None:
    simulation, left = with_leftovers(pods, **STRATEGIES[strategy])
    began = simulation.world.elapsed
    begin = Begin.now(simulation.world)
    batch = 2 if strategy == "batched" else 0

    assert simulation.run(target) is RunOutcome.SUCCEEDED
    assert serving(simulation) == target
    assert going(simulation) == left
    assert all(name in told(simulation) for name in left)
    assert simulation.world.elapsed - began < 30
    evidence = Evidence.of(simulation.world, begin, Terms(start=3, target=target, step=batch or 1, batch=batch))
    # What is left of an emptied set are the very pods that nobody waits for.
    assert [breach for breach in broken(evidence) if "was deleted with 0 replicas" not in breach] == []


@pytest.mark.parametrize("strategy", ["in_place", "floor"])
def test_a_growth_waits_for_no_pod_that_goes_meanwhile(strategy: str) -> None:
    simulation = scene(3, **STRATEGIES[strategy], deadlines=SHORT)
    lost = hold(simulation, simulation.world.pods(NAMESPACE)[:1])
    simulation.world.core.timeline.after(1, lambda: delete(simulation, lost))

    assert simulation.run(5) is RunOutcome.SUCCEEDED
    assert serving(simulation) == 5
    assert lost[0] in told(simulation)


DEADLINES = {"before their grace is over": SHORT, "overdue": LONG}
AWAY = [("blue_green", 5), ("blue_green", 2), ("batched", 5), ("batched", 2), ("in_place", 2)]


@pytest.mark.parametrize("deadlines", DEADLINES.values(), ids=DEADLINES)
@pytest.mark.parametrize(("strategy", "target"), AWAY)
def test_old_pods_that_do_not_go_cost_no_run_what_it_has_proven(
    strategy: str, target: int, deadlines: dict[str, str]
) -> None:
    simulation = scene(4, **STRATEGIES[strategy], deadlines=deadlines, remove_step="100%")
    old = hold(simulation, simulation.world.pods(NAMESPACE))

    assert simulation.run(target) is RunOutcome.SUCCEEDED
    assert serving(simulation) == target
    assert going(simulation) <= set(old)
    assert simulation.selector == {"app": "web"}
    assert all(name in told(simulation) for name in sorted(going(simulation))[:3])


@pytest.mark.parametrize("strategy", ["blue_green", "batched"])
def test_new_pods_that_do_not_go_keep_no_run_from_being_undone(strategy: str) -> None:
    checks = [{"http": {"path": "/healthz", "samples": 3, "expect": 204, "when": "after_switch"}}]
    simulation = scene(3, **STRATEGIES[strategy], deadlines=SHORT, smoke=checks, only_warn=["smoke"])
    stable = {pod["metadata"]["name"] for pod in simulation.world.pods(NAMESPACE)}

    def lose() -> None:
        if '"roll_back"' in lease_text(simulation.world):
            hold(simulation, [pod for pod in simulation.world.pods(NAMESPACE) if pod["metadata"]["name"] not in stable])
        else:
            simulation.world.core.timeline.after(0.1, lose)

    simulation.world.core.timeline.after(0.1, lose)
    with pytest.raises(WorkloadFailed, match="smoke test fail"):
        simulation.run(5)

    assert simulation.store.get("run-1").outcome is RunOutcome.ROLLED_BACK
    assert {pod["metadata"]["name"] for pod in simulation.world.pods(NAMESPACE)} > stable
    assert serving(simulation) == 3
