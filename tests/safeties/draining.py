"""From the switch until the stable set is gone: every moment counts, and no pod is waited for that does not go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from safeties.safety import Safety, answering, patched, without, wrapped
from springtide.kube.objects import Pod
from springtide.recovery import ending
from springtide.run import drain, phases
from springtide.run.ports import Ports, RunRef
from springtide.run.work import Work
from springtide.strategy import batched, exactness, leaving, roll_back, serving, shrink
from springtide.strategy.model import RunOrder
from springtide.verify import stability, steadiness

Real = Callable[..., Any]

DRAIN = "sim/test_whole_drain.py"
UNSEEN = f"{DRAIN}::test_what_happened_while_nobody_looked_is_seen"
AFTER_CRASH = f"{DRAIN}::test_a_process_that_dies_forgets_nothing_of_it"
WAY_OUT = "sim/test_pods_on_their_way_out.py"
OLD = f"{WAY_OUT}::test_old_pods_that_do_not_go_cost_no_run_what_it_has_proven"


def waited_for(change: Callable[[RunOrder], RunOrder]) -> Callable[[pytest.MonkeyPatch], None]:
    """Return what makes every step judge the pods on their way out by another order."""

    def take_out(patch: pytest.MonkeyPatch) -> None:
        real: Real = leaving.awaited

        def all_awaited(pods: Iterable[Pod], order: RunOrder, *, to: int, at: datetime) -> tuple[Pod, ...]:
            awaited: tuple[Pod, ...] = real(pods, change(order), to=to, at=at)
            return awaited

        for module in (shrink, exactness, batched, roll_back):
            patch.setattr(module, "awaited", all_awaited)

    return take_out


def unknown(order: RunOrder) -> RunOrder:
    return replace(order, snapshot=replace(order.snapshot, leaving=()))


def finished(ports: Ports, ref: RunRef) -> str:
    """Finish the run, whatever becomes of the new pods."""
    phases.remove_old_instances(ports, ref)
    return phases.instances_removed(ports, ref).message


SAFETIES = (
    Safety(
        name="What has the traffic is judged at every look of the drain",
        keeps="the stable set goes while the new pods crash again and again",
        take_out=patched((drain, "why_point_back"), to=answering(None)),
        seen_by=f"{DRAIN}::test_pods_that_crash_after_a_while_are_pointed_away_from[in one process-12s]",
        because="assert",
    ),
    Safety(
        name="A moment in which a pod was not ready is seen afterwards",
        keeps="pods that falter between two looks get all the traffic",
        take_out=patched((steadiness, "_mark"), to=answering("")),
        seen_by=f"{UNSEEN}[full-not ready-remove_old_instances]",
        because="RunOutcome.SUCCEEDED",
    ),
    Safety(
        name="A pod in the place of another is not the one that was proven",
        keeps="pods that die and are replaced get all the traffic",
        take_out=patched((steadiness, "_key"), (steadiness, "_mark"), to=answering("")),
        seen_by=f"{UNSEEN}[full-replaced-remove_old_instances]",
        because="RunOutcome.SUCCEEDED",
    ),
    Safety(
        name="Pods that somebody deletes count by the floor",
        keeps="all the traffic goes to the few pods that are left, or to others that nobody has proven",
        take_out=wrapped(
            serving,
            "lost_steadiness",
            lambda real: lambda pods, marks, needed, **_floor: real(pods, marks, needed=needed, floor=0),
        ),
        seen_by=f"{UNSEEN}[full-replaced-smoke_test]",
        because="RunOutcome.SUCCEEDED",
    ),
    Safety(
        name="Which pods a run relies on stands in its Lease before they get traffic",
        keeps="a crash of springtide hides a crash of the new pods",
        take_out=patched((Work, "rely_on"), to=lambda work, _serving: work),
        seen_by=f"{AFTER_CRASH}[switch-task retry]",
        because="RunOutcome.SUCCEEDED",
    ),
    Safety(
        name="Whoever finishes a run undoes it where the new pods fail",
        keeps="a person is called at night, for what the stable set could have answered",
        take_out=patched((ending, "_finish"), to=finished),
        seen_by=f"{AFTER_CRASH}[after-reconcile]",
        because="RunOutcome.NEEDS_ATTENTION",
    ),
    Safety(
        name="Conditions are asked again before the stable set goes",
        keeps="a rate that still shows the old pods lets the new ones stay",
        take_out=patched((drain._Conditions, "problem"), to=answering(None)),
        seen_by=f"{DRAIN}::test_a_condition_that_breaks_during_the_drain_keeps_the_stable_set[full-1s]",
        because="RunOutcome.SUCCEEDED",
    ),
    Safety(
        name="Without an answer to its conditions no stable pod goes",
        keeps="a Prometheus that is away counts as passed",
        take_out=wrapped(
            drain._Conditions, "problem", lambda real: lambda conditions, **_options: real(conditions, is_needed=False)
        ),
        seen_by=f"{DRAIN}::test_without_an_answer_the_stable_set_does_not_go[fail-None]",
        because="assert",
    ),
    Safety(
        name="Pods are looked at while the smoke test asks",
        keeps="a moment of trouble in the window of stability is not seen",
        take_out=without(drain.Watch, "__call__"),
        seen_by=f"{DRAIN}::test_a_moment_of_trouble_in_the_window_of_stability_ends_the_run[stability-in_place]",
        because="RunOutcome.SUCCEEDED",
    ),
    Safety(
        name="A condition that breaks once in the window of stability counts",
        keeps="errors that come and go let the new pods stay",
        take_out=without(stability, "_ask_condition"),
        seen_by="unit/verify/test_stability.py::test_a_condition_is_asked_for_the_whole_window[broken once]",
        because="assert",
    ),
    Safety(
        name="Fewer endpoints than the floor are a reason to point back",
        keeps="pods that nobody reaches have all the traffic",
        take_out=patched((serving, "points_at"), to=answering(False)),
        seen_by="unit/strategy/test_serving_decisions.py::"
        "TestAfterTheSwitch::test_endpoints_count_from_when_the_slices_have_shown_them",
        because="assert",
    ),
    Safety(
        name="Pods that were going before the run are not waited for",
        keeps="one pod of a lost node undoes every run",
        take_out=waited_for(unknown),
        seen_by="unit/strategy/test_leaving_pods.py::"
        "TestExactlySoManyServe::test_any_other_is_told[going before the run]",
        because="assert",
    ),
    Safety(
        name="A growth waits for no pod that goes",
        keeps="a node that is lost meanwhile undoes a growth",
        take_out=patched((RunOrder, "peak"), to=property(lambda _order: 1_000_000)),
        seen_by="unit/strategy/test_leaving_pods.py::TestExactlySoManyServe::test_any_other_is_told[it sent none]",
        because="assert",
    ),
    Safety(
        name="Pods that should have been gone are not waited for",
        keeps="old pods of a lost node hold a run up until its deadline",
        take_out=patched((leaving, "_is_overdue"), to=answering(False)),
        seen_by="unit/strategy/test_leaving_pods.py::TestExactlySoManyServe::test_any_other_is_told[overdue]",
        because="assert",
    ),
    Safety(
        name="Old pods that do not go cost no run what it has proven",
        keeps="a switch that is tested is given up for pods that nobody needs",
        take_out=waited_for(lambda order: replace(order, is_late=False)),
        seen_by=f"{OLD}[blue_green-5-before their grace is over]",
        because="DeadlineExceeded",
    ),
)
