"""One safety is taken out at a time, and the invariants must say so: a suite that stays green then proves nothing.

Each mutation is met by the fault that it is there for: a holder that stands still, somebody else's edit, pods that die.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from springtide.kube import live
from springtide.recovery import reconcile
from springtide.run.fence import Fence
from springtide.strategy import blue_green, pod_sets, shrink
from support.trials import Stage, Trial

Mutate = Callable[[pytest.MonkeyPatch], None]


def without_fence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Fence, "check", lambda _self: None)


def without_compare_and_swap(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(live, "_guarded", lambda change, _version: change)


def without_floor_check(patch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = shrink.shrink

    def careless(*arguments: Any, **options: Any) -> Any:
        return real(*arguments, **(options | {"keep_ready": 0}))

    patch.setattr(pod_sets, "shrink", careless)


def without_propagation_wait(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pod_sets, "propagation_wait", lambda _observation, _order: None)
    patch.setattr(blue_green, "switched_at", lambda observation: observation.at.replace(year=2000))


def without_looking_whether_the_lease_moves(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconcile, "DURATION_SECONDS", 1)


def holder_stands_still(stage: Stage) -> Trial:
    """Return the trial in which another ends the run while its owner stands still at the write of `stage`."""
    trial = Trial.at(stage)
    return trial.struck(trial.reconciled)


def nothing_happens(stage: Stage) -> Trial:
    """Return the trial of an ordinary run."""
    return Trial.at(stage).struck()


def new_pods_die_during_the_removal(stage: Stage) -> Trial:
    """Return the trial in which every new pod dies at the first step of the removal, and again."""
    trial = Trial.at(stage)

    def crash() -> None:
        for ref in trial.pods_of("web-alt"):
            if ref in trial.world.kubelet.pods:
                trial.world.kubelet.crash(ref)
        trial.world.core.timeline.after(0.4, crash)

    return trial.struck(crash)


MUTATIONS: list[tuple[Mutate, Callable[[Stage], Trial], Stage, str]] = [
    (without_fence, holder_stands_still, Stage.SWITCH, "i02_every_write_is_fenced"),
    (without_compare_and_swap, holder_stands_still, Stage.SWITCH, "i22_what_has_ended_never_writes_again"),
    (without_compare_and_swap, holder_stands_still, Stage.SWITCH, "i06_the_floor_holds_at_every_instant"),
    (without_floor_check, new_pods_die_during_the_removal, Stage.AFTER, "i10_never_more_than_a_step_at_once"),
    (without_propagation_wait, nothing_happens, Stage.AFTER, "i07_old_pods_stay_until_the_new_ones_serve_alone"),
    (without_looking_whether_the_lease_moves, holder_stands_still, Stage.SWITCH, "i03_no_living_run_is_preempted"),
]


@pytest.mark.parametrize(
    ("mutate", "meet", "stage", "checker"),
    [pytest.param(*case, id=f"{case[0].__name__}-{case[3]}") for case in MUTATIONS],
)
def test_what_is_taken_out_is_missed(
    monkeypatch: pytest.MonkeyPatch, mutate: Mutate, meet: Callable[[Stage], Trial], stage: Stage, checker: str
) -> None:
    untouched = {message.partition(":")[0] for message in meet(stage).broken()}
    mutate(monkeypatch)
    mutated = {message.partition(":")[0] for message in meet(stage).broken()}

    assert checker not in untouched
    assert checker in mutated
