"""The fault matrix, rows about others who write: what each edit comes to, and the autoscaler that is looked for again.

A test is a row; its parameter `stage` is the column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from invariants import broken
from springtide.record.model import RunOutcome
from springtide.sandbox.faults import FaultPlan
from springtide.sandbox.objects import Json
from support.courses import autoscaler
from support.trials import EVERY, Stage, Trial

SUCCEEDED = RunOutcome.SUCCEEDED
ROLLED_BACK = RunOutcome.ROLLED_BACK
ATTENTION = RunOutcome.NEEDS_ATTENTION
FAILED = RunOutcome.FAILED


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What somebody does to the workload, and what it must come to at each stage, whenever in the write it comes.

    `says` are in the message of the run, where it has one. `breaks` is all that the edit itself breaks, as the breach
    begins; `held` says what is true of the workload afterwards.
    """

    do: Callable[[Trial], None]
    outcomes: tuple[RunOutcome, RunOutcome, RunOutcome, RunOutcome]
    says: tuple[str, ...]
    breaks: tuple[str, ...]
    held: Callable[[Trial], bool]


def edit_selector(trial: Trial) -> None:
    trial.edit("services", "web", selector={"app": "web", "team": "a"})


def edit_replicas(trial: Trial) -> None:
    trial.edit("deployments", "web", replicas=7)


def edited_template(trial: Trial) -> Json:
    template = trial.evidence.before.deployments["web"]["spec"]["template"]
    return {**template, "metadata": {"labels": {**template["metadata"]["labels"], "edited": "yes"}}}


def edit_template(trial: Trial) -> None:
    trial.edit("deployments", "web", template=edited_template(trial))


def add_autoscaler(trial: Trial) -> None:
    trial.world.apply(autoscaler(2))


def is_the_owners_rollout(trial: Trial) -> bool:
    """Say whether the Deployment is as its owner edited it, with the number of whoever was right, and serves so."""
    replicas = 4 if trial.outcome is SUCCEEDED else 2
    spec = trial.evidence.before.deployments["web"]["spec"] | {"replicas": replicas, "template": edited_template(trial)}
    is_own = trial.simulation.selector == {"app": "web"}
    return is_own and trial.object("deployments", "web")["spec"] == spec and trial.serving == replicas


def is_scaled_by_the_owner(trial: Trial) -> bool:
    """Say whether the number is the owner's, and somebody serves: both sets, or all of what was asked for."""
    has = trial.object("deployments", "web")["spec"]["replicas"]
    return has == 7 and (trial.serving == 7 if trial.outcome is FAILED else trial.kept and trial.serving >= 2)


EDITS = {
    "selector": Edit(
        do=edit_selector,
        outcomes=(ATTENTION, ATTENTION, ATTENTION, ATTENTION),
        says=("somebody changed its selector during the run to {'app': 'web', 'team': 'a'}",),
        # Of the pods none has the label: the Service is empty from the edit on, whatever a run would do.
        breaks=("the Service had 0 ready endpoints", "requests could fail: has no endpoint"),
        held=lambda trial: trial.kept and trial.simulation.selector == {"app": "web", "team": "a"},
    ),
    "replicas": Edit(
        do=edit_replicas,
        outcomes=(ATTENTION, FAILED, FAILED, ATTENTION),
        says=("kubectl-edit (Update, ", "set replicas to 7 during the run"),
        breaks=("pods were ordered",),
        held=is_scaled_by_the_owner,
    ),
    "template": Edit(
        do=edit_template,
        outcomes=(ROLLED_BACK, SUCCEEDED, SUCCEEDED, ROLLED_BACK),
        says=(),  # behind the switch it is nobody's business but the owner's, and waits until the run is over
        breaks=("Deployment web is not as it was", "ReplicaSet web-", "was left behind"),
        held=is_the_owners_rollout,
    ),
    "autoscaler": Edit(
        do=add_autoscaler,
        outcomes=(ROLLED_BACK, ROLLED_BACK, FAILED, ROLLED_BACK),
        says=(),
        breaks=("HorizontalPodAutoscaler web was left behind",),
        held=lambda trial: trial.simulation.selector == {"app": "web"} and trial.serving == 2 and not trial.kept,
    ),
}


def races(stage: Stage, edit: str, *, late: bool) -> tuple[str, ...]:
    """Return what is broken where somebody strikes between the last look and the release that it decided."""
    return (
        ("released with the Service pinned to None",)
        if stage is Stage.BEFORE and not late and edit == "selector"
        else ()
    )


@pytest.mark.parametrize("stage", EVERY)
@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("late", [False, True], ids=["during the write", "after it"])
def test_somebody_edits_the_workload(stage: Stage, edit: str, *, late: bool) -> None:
    """Seen and never overwritten: the run stops, is undone as far as it is its own, or keeps both sets and pages."""
    meant = EDITS[edit]
    trial = Trial.at(stage)
    trial.struck(lambda: meant.do(trial), late=late)
    outside = (*meant.breaks, *races(stage, edit, late=late))

    assert [breach for breach in broken(trial.evidence) if not any(each in breach for each in outside)] == []
    assert trial.outcome is meant.outcomes[EVERY.index(stage)]
    assert all(each in trial.message for each in meant.says)
    assert meant.held(trial)


COMMITTING = {"switch_endpoints": ROLLED_BACK, "remove_old_instances": ROLLED_BACK}


@pytest.mark.parametrize("task", COMMITTING)
def test_an_autoscaler_whose_bounds_hold_by_chance_is_found_before_anything_is_committed(task: str) -> None:
    """It wants what runs, so no count shows it: springtide looks for it again before the switch and the removal."""
    trial = Trial.at(Stage.AFTER)

    def appear(name: str) -> None:
        if name == task:
            trial.world.apply(autoscaler(trial.object("deployments", "web")["spec"]["replicas"]))
            trial.world.settle(quiet=1, limit=30)

    trial.driver.before_task = appear
    trial.go(FaultPlan())

    assert (
        "HorizontalPodAutoscaler web appeared during the run and owns the replicas of Deployment web now"
        in trial.message
    )
    assert trial.outcome is COMMITTING[task]
    assert not any(write.takes_away and not write.is_back for write in trial.evidence.workload_writes)
