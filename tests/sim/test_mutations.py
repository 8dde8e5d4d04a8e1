"""One safety is taken out at a time, and the invariants must say so: a suite that stays green then proves nothing.

Each mutation is met by the fault that it is there for: a holder that stands still, somebody else's edit, pods that die.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from springtide import labels
from springtide.kube import live
from springtide.kube.observation import Observation, ReplicaSetPods
from springtide.run.fence import Fence
from springtide.run.lease import Lease
from springtide.strategy import aside, batched, blue_green, pair, roll_back, shrink, traffic
from springtide.strategy.model import Decision, Patch, RunOrder
from support.courses import BATCHED, Course
from support.trials import Stage, Trial

Mutate = Callable[[pytest.MonkeyPatch], None]


def without_fence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Fence, "check", lambda _self: None)


def without_compare_and_swap(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(live, "_guarded", lambda change, _version: change)


def without_compare_and_swap_of_sizes(patch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = live.LiveKube.scale

    def careless(*arguments: Any, **options: Any) -> None:
        with pytest.MonkeyPatch.context() as scoped:
            without_compare_and_swap(scoped)
            real(*arguments, **options)

    patch.setattr(live.LiveKube, "scale", careless)


def without_floor_check(patch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = shrink.shrink

    def careless(*arguments: Any, **options: Any) -> Any:
        return real(*arguments, **(options | {"keep_ready": 0}))

    patch.setattr(aside, "shrink", careless)


def without_waits_after_a_switch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(traffic, "switched_at", lambda observation: observation.at.replace(year=2000))


def without_drain_wait(patch: pytest.MonkeyPatch) -> None:
    for each in (blue_green, roll_back):
        patch.setattr(each, "drain_wait", lambda _observation, _order, _title: None)


def without_pin(patch: pytest.MonkeyPatch) -> None:
    real = traffic.points_at

    def careless(observation: Observation, order: RunOrder, template_hash: str) -> bool:
        is_stable = template_hash == traffic.stable_hash(order)
        return real(observation, order, template_hash) or (is_stable and traffic.is_own(observation, order))

    patch.setattr(pair, "points_at", careless)


def without_pause(patch: pytest.MonkeyPatch) -> None:
    for each in (blue_green, pair):
        patch.setattr(each, "pause", lambda _deployment: None)


def without_own_selector_before_the_resume(patch: pytest.MonkeyPatch) -> None:
    real = pair.leave

    def hasty(observation: Observation, order: RunOrder) -> Decision:
        deployment = observation.pod_set.deployment
        return aside.resume(deployment) if deployment.is_paused else real(observation, order)

    patch.setattr(blue_green, "leave", hasty)


def without_resume_before_the_return(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(roll_back, "_at_old_number", lambda _observation, _order: None)


def without_note_of_the_size(patch: pytest.MonkeyPatch) -> None:
    def careless(stable: ReplicaSetPods, order: RunOrder) -> Patch:
        step = aside.hand_back(stable, order)
        del step.change["metadata"]["annotations"][labels.DESIRED_REPLICAS]
        return step

    patch.setattr(roll_back, "hand_back", careless)


def without_wholeness_of_the_stable_set(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(roll_back, "_whole", lambda _observation, _order, _stable: None)


def without_steps(patch: pytest.MonkeyPatch) -> None:
    def at_once(_observation: Observation, _order: RunOrder, stable: ReplicaSetPods) -> Decision:
        return aside.delete(stable, "it is not needed any more")

    patch.setattr(blue_green, "remove_stable", at_once)


def without_regard_to_the_batch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(batched, "batch_of", lambda _order: 3)


def without_looking_whether_the_lease_moves(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lease, "silent_after", 1)


def holder_stands_still(stage: Stage) -> Trial:
    """Return the trial in which another ends the run while its owner stands still at the write of `stage`."""
    trial = Trial.at(stage)
    return trial.struck(trial.reconciled)


def nothing_happens(stage: Stage) -> Trial:
    """Return the trial of an ordinary run."""
    return Trial.at(stage).struck()


def in_batches(stage: Stage) -> Trial:
    """Return the trial of an ordinary run in batches of two pods."""
    return Trial.at(stage, Course("batched down", "blue_green", 4, 2, BATCHED)).struck()


def new_pods_die_during_the_removal(stage: Stage) -> Trial:
    """Return the trial in which every new pod dies at the first step of the removal, and again."""
    trial = Trial.at(stage)

    def crash() -> None:
        for ref in trial.new_pods:
            if ref in trial.world.kubelet.pods:
                trial.world.kubelet.crash(ref)
        trial.world.core.timeline.after(0.4, crash)

    return trial.struck(crash)


I05 = "i05_a_switch_never_lowers_capacity"
I07 = "i07_old_pods_stay_until_the_new_ones_serve_alone"
I10 = "i10_never_more_than_a_step_at_once"
I27 = "i27_what_is_set_aside_is_pinned_first_and_nobodys"
I28 = "i28_no_rollout_reaches_what_serves_under_a_pin"
I29 = "i29_what_was_set_aside_is_given_back_as_it_was"
MUTATIONS: list[tuple[Mutate, Callable[[Stage], Trial], Stage, str]] = [
    (without_fence, holder_stands_still, Stage.SWITCH, "i02_every_write_is_fenced"),
    (without_compare_and_swap, holder_stands_still, Stage.SWITCH, "i22_what_has_ended_never_writes_again"),
    (without_compare_and_swap, holder_stands_still, Stage.SWITCH, "i06_the_floor_holds_at_every_instant"),
    (without_compare_and_swap_of_sizes, nothing_happens, Stage.AFTER, "i04_every_change_is_compare_and_swap"),
    (without_floor_check, new_pods_die_during_the_removal, Stage.AFTER, I10),
    (without_waits_after_a_switch, nothing_happens, Stage.AFTER, I07),
    (without_drain_wait, nothing_happens, Stage.AFTER, "i09_what_drains_gets_its_time"),
    (without_drain_wait, nothing_happens, Stage.BACK, "i09_what_drains_gets_its_time"),
    (without_pin, nothing_happens, Stage.BEFORE, I27),
    (without_pause, nothing_happens, Stage.BACK, I28),
    (without_own_selector_before_the_resume, nothing_happens, Stage.AFTER, I28),
    (without_resume_before_the_return, nothing_happens, Stage.BACK, I29),
    (without_note_of_the_size, nothing_happens, Stage.BACK, I29),
    (without_wholeness_of_the_stable_set, new_pods_die_during_the_removal, Stage.AFTER, I05),
    (without_steps, nothing_happens, Stage.SWITCH, I10),
    (without_regard_to_the_batch, in_batches, Stage.SWITCH, "i23_both_sets_together_stay_under_the_peak"),
    (without_looking_whether_the_lease_moves, holder_stands_still, Stage.SWITCH, "i03_no_living_run_is_preempted"),
]


@pytest.mark.parametrize(
    ("mutate", "meet", "stage", "checker"),
    [pytest.param(*case, id=f"{case[0].__name__}-{case[2]}-{case[3]}") for case in MUTATIONS],
)
def test_what_is_taken_out_is_missed(
    monkeypatch: pytest.MonkeyPatch, mutate: Mutate, meet: Callable[[Stage], Trial], stage: Stage, checker: str
) -> None:
    untouched = {message.partition(":")[0] for message in meet(stage).broken()}
    mutate(monkeypatch)
    mutated = {message.partition(":")[0] for message in meet(stage).broken()}

    assert checker not in untouched
    assert checker in mutated
