"""Plans: bounds, tolerance, steps, every clamp with both numbers; a person's number is done or refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from springtide.capacity.combine import estimate, held, requested
from springtide.capacity.fixed import Fixed
from springtide.errors import InputError
from springtide.plan.model import Clamp, PlanOutcome, ScalingPlan
from springtide.plan.planner import make_plan
from springtide.policy.scaling.model import ScalingPolicy
from support.builders import policy

NOW = datetime(2026, 11, 11, tzinfo=UTC)
NO_TOLERANCE = {"tolerance": "0%"}


def guarded(bounds: tuple[int, int] = (3, 120), **guards: str) -> ScalingPolicy:
    """Return a policy with these bounds and guards."""
    return policy(replicas={"min": bounds[0], "max": bounds[1]}, capacity=FIXED, guards=guards)


FIXED = {"models": [{"model": "fixed", "replicas": 1}]}


def plan(wanted: int, current: int, *, by: ScalingPolicy | None = None, explicit: bool = False) -> ScalingPlan:
    """Return the plan for an estimate of `wanted`."""
    wanted_estimate = requested(wanted, now=NOW)
    return make_plan(by or guarded(), wanted_estimate, current=current, strategy="in_place", now=NOW, explicit=explicit)


def refused(wanted: int, current: int, by: ScalingPolicy | None = None) -> InputError:
    """Return why a person's number is refused."""
    with pytest.raises(InputError) as caught:
        plan(wanted, current, by=by, explicit=True)
    return caught.value


class TestAModelsNumber:
    @pytest.mark.parametrize(
        ("wanted", "current", "replicas", "guards"),
        [
            (8, 6, 8, []),
            (6, 6, 6, []),
            (500, 60, 120, ["replicas.max"]),
            (0, 4, 3, ["replicas.min"]),
            (18, 5, 15, ["guards.step_up"]),
            (200, 5, 15, ["replicas.max", "guards.step_up"]),
            (3, 20, 10, ["guards.step_down"]),
            (0, 20, 10, ["replicas.min", "guards.step_down"]),
            (11, 10, 10, ["guards.tolerance"]),
            (9, 10, 10, ["guards.tolerance"]),
            (12, 10, 12, []),
            (8, 10, 8, []),
            (5, 4, 5, []),
        ],
    )
    def test_it_is_clamped_and_says_by_what(self, wanted: int, current: int, replicas: int, guards: list[str]) -> None:
        planned = plan(wanted, current)

        assert planned.replicas == replicas
        assert [clamp.guard for clamp in planned.clamps] == guards

    def test_each_clamp_has_both_numbers_and_a_reason(self) -> None:
        planned = plan(200, 5)

        assert planned.clamps == (
            Clamp(guard="replicas.max", was=200, replicas=120, reason="200 is above replicas.max 120"),
            Clamp(guard="guards.step_up", was=120, replicas=15, reason="120 is more than guards.step_up 3x of 5"),
        )
        assert planned.reason == (
            "200 replicas are needed (fixed: the number that was asked for); 200 is above replicas.max 120, so 120; "
            "120 is more than guards.step_up 3x of 5, so 15; from 5 to 15"
        )

    @pytest.mark.parametrize(("wanted", "current"), [(6, 6), (11, 10), (130, 120), (1, 3)])
    def test_nothing_to_do_is_an_outcome_with_a_reason(self, wanted: int, current: int) -> None:
        planned = plan(wanted, current)

        assert (planned.outcome, planned.replicas) == (PlanOutcome.NOTHING_TO_DO, current)
        assert planned.reason.endswith(f"{current} are desired already")

    @pytest.mark.parametrize(
        ("wanted", "current", "replicas"), [(5, 1, 6), (6, 0, 6), (50, 1, 6), (120, 1000, 20), (10, 15, 10)]
    )
    def test_the_bounds_win_over_steps_and_tolerance(self, wanted: int, current: int, replicas: int) -> None:
        assert plan(wanted, current, by=guarded((6, 20))).replicas == replicas

    def test_what_is_woken_from_nothing_gets_what_it_needs_within_its_bounds(self) -> None:
        assert [plan(wanted, 0, by=guarded((1, 20))).replicas for wanted in (6, 50)] == [6, 20]

    def test_replicas_out_of_bounds_are_brought_in_even_within_tolerance(self) -> None:
        assert plan(22, 21, by=guarded((6, 20))).replicas == 20

    @pytest.mark.parametrize(("step_up", "current", "replicas"), [("1.1x", 3, 4), ("1.1x", 10, 11), ("1.1x", 30, 33)])
    def test_a_small_step_up_is_at_least_one(self, step_up: str, current: int, replicas: int) -> None:
        assert plan(120, current, by=guarded(step_up=step_up)).replicas == replicas

    @pytest.mark.parametrize(("step_down", "current", "replicas"), [("10%", 9, 8), ("29%", 100, 71), ("100%", 100, 3)])
    def test_a_small_step_down_is_at_least_one(self, step_down: str, current: int, replicas: int) -> None:
        assert plan(3, current, by=guarded(step_down=step_down)).replicas == replicas

    def test_a_step_down_of_nothing_never_shrinks(self) -> None:
        planned = plan(3, 100, by=guarded(step_down="0%"))

        assert (planned.replicas, planned.outcome) == (100, PlanOutcome.NOTHING_TO_DO)
        assert [clamp.guard for clamp in planned.clamps] == ["guards.step_down"]

    def test_guards_that_are_disabled_change_nothing(self) -> None:
        free = guarded((1, 10_000), step_up="10000x", step_down="100%", tolerance="0%")

        assert [plan(wanted, 5000, by=free).replicas for wanted in (1, 4999, 5001, 10_000)] == [1, 4999, 5001, 10_000]

    def test_the_model_that_decided_is_named(self) -> None:
        largest = estimate([Fixed(4), Fixed(9, reason="because")], None, combine="max", replicas=5, now=NOW)
        summed = estimate([Fixed(4), Fixed(9)], None, combine="sum", replicas=5, now=NOW)

        reasons = [
            make_plan(guarded(), combined, current=5, strategy="in_place", now=NOW, explicit=False).reason
            for combined in (largest, summed)
        ]

        assert reasons[0].startswith("9 replicas are needed (fixed: because)")
        assert reasons[1].startswith("13 replicas are needed (sum of 2)")


class TestHeldDemand:
    @staticmethod
    def held(wanted: int, current: int, *, by: ScalingPolicy | None = None) -> ScalingPlan:
        """Return the plan for an estimate that is not good enough to shrink by."""
        untrusted = held(requested(wanted, now=NOW), replicas=current, reason="demand is old")
        return make_plan(by or guarded(), untrusted, current=current, strategy="in_place", now=NOW, explicit=False)

    def test_what_runs_is_kept_and_the_reason_said(self) -> None:
        planned = self.held(4, 20)

        assert (planned.replicas, planned.outcome) == (20, PlanOutcome.NOTHING_TO_DO)
        assert planned.clamps[-1] == Clamp(
            guard="demand.quality", was=10, replicas=20, reason="10 is less than 20 and is not trusted: demand is old"
        )

    def test_it_may_still_grow(self) -> None:
        assert self.held(30, 20).replicas == 30

    def test_without_an_estimate_it_is_the_number_of_now(self) -> None:
        untrusted = held(None, replicas=20, reason="demand is old")

        assert (untrusted.replicas, untrusted.hold) == (20, "demand is old")

    @given(st.integers(0, 500), st.integers(0, 200))
    @settings(deadline=None)
    def test_it_never_shrinks_not_even_to_the_bounds(self, wanted: int, current: int) -> None:
        assert self.held(wanted, current).replicas >= current


class TestAPersonsNumber:
    @pytest.mark.parametrize(("wanted", "current"), [(6, 3), (3, 6), (11, 10), (9, 10), (15, 5), (10, 20), (7, 7)])
    def test_it_is_done_exactly(self, wanted: int, current: int) -> None:
        planned = plan(wanted, current, explicit=True)

        assert (planned.replicas, planned.clamps) == (wanted, ())
        assert planned.reason.startswith(f"{wanted} replicas were asked for")

    @pytest.mark.parametrize(
        ("wanted", "code"),
        [(0, "zero_refused"), (2, "pods_below_min"), (121, "pods_too_many"), (10**9, "pods_too_many")],
    )
    def test_beyond_the_bounds_it_is_refused(self, wanted: int, code: str) -> None:
        error = refused(wanted, 60)

        assert (error.code, error.field) == (code, "pods")
        assert "Allowed: 3 to 120, the replicas.min and replicas.max of policy web." in error.message

    @pytest.mark.parametrize(("wanted", "current", "first"), [(16, 5, 15), (9, 20, 10), (5, 1, 3)])
    def test_beyond_a_step_it_is_refused_with_the_way_to_confirm(self, wanted: int, current: int, first: int) -> None:
        error = refused(wanted, current)

        assert (error.code, error.field) == ("factor_exceeded", "pods")
        assert f"One run may go to {first}: ask for that first, then for {wanted}." in error.message
        assert "in policy web" in error.message

    def test_what_runs_already_needs_no_step(self) -> None:
        assert plan(10, 10, explicit=True).outcome is PlanOutcome.NOTHING_TO_DO


class TestEveryPlan:
    def test_it_survives_its_stored_form(self) -> None:
        planned = plan(200, 5)

        assert ScalingPlan.from_record(planned.to_record()) == planned
        assert planned.decided_at == NOW

    def test_its_fingerprint_does_not_depend_on_the_time(self) -> None:
        estimated = requested(8, now=NOW)
        later_on = datetime(2027, 1, 1, tzinfo=UTC)
        later = make_plan(guarded(), estimated, current=6, strategy="in_place", now=later_on, explicit=False)

        assert later.fingerprint == plan(8, 6).fingerprint
        assert later.fingerprint != plan(9, 6).fingerprint

    @pytest.mark.parametrize("strategy", ["", "canary", "BlueGreen", "blue_green "])
    def test_a_strategy_that_is_none_is_refused(self, strategy: str) -> None:
        with pytest.raises(InputError, match="expected blue_green or in_place") as caught:
            make_plan(guarded(), requested(8, now=NOW), current=6, strategy=strategy, now=NOW, explicit=False)

        assert caught.value.code == "strategy_unknown"

    def test_fewer_than_no_replicas_are_no_state(self) -> None:
        with pytest.raises(InputError) as caught:
            plan(5, -1)

        assert caught.value.code == "pods_negative"


PERCENTS = st.integers(0, 100).map(lambda percent: f"{percent}%")


@st.composite
def situations(draw: st.DrawFn) -> dict[str, Any]:
    """Return a policy, an estimate and the replicas of now."""
    low = draw(st.integers(1, 200))
    guards = {
        "step_up": draw(st.integers(11, 100).map(lambda tenths: f"{tenths / 10:g}x")),
        "step_down": draw(PERCENTS),
        "tolerance": draw(PERCENTS),
    }
    by = guarded((low, draw(st.integers(low, 400))), **guards)
    return {"by": by, "wanted": draw(st.integers(0, 1000)), "current": draw(st.integers(0, 500))}


@given(situations())
@settings(deadline=None, max_examples=500)
def test_every_plan_of_a_model_keeps_the_rules(situation: dict[str, Any]) -> None:
    planned = plan(**situation)
    bounds = situation["by"].spec.replicas
    guards = situation["by"].spec.guards
    wanted = situation["wanted"]
    current = situation["current"]
    inside = bounds.min <= current <= bounds.max

    assert bounds.min <= planned.replicas <= bounds.max
    assert (planned.outcome is PlanOutcome.NOTHING_TO_DO) == (planned.replicas == current)
    # never further than what is needed, and never in the wrong direction
    clamped = min(max(wanted, bounds.min), bounds.max)
    assert min(current, clamped) <= planned.replicas <= max(current, clamped)
    if inside and planned.replicas > current:
        assert planned.replicas <= max(current + 1, current * guards.step_up + 1e-6)
    if inside and planned.replicas < current:
        assert planned.replicas >= min(current - 1, current * (1 - guards.step_down) - 1e-6)
    # the clamps lead from the estimate to the plan without a hole
    path = [wanted, *(clamp.replicas for clamp in planned.clamps)]
    assert [clamp.was for clamp in planned.clamps] == path[:-1]
    assert path[-1] == planned.replicas


@given(situations())
@settings(deadline=None)
def test_runs_that_follow_each_other_arrive_and_stay(situation: dict[str, Any]) -> None:
    """Enough runs bring a service to where it is needed, within tolerance; one more run has nothing to do."""
    assume(situation["by"].spec.guards.step_down > 0)
    current = situation["current"]
    for _ in range(600):
        planned = plan(situation["wanted"], current, by=situation["by"])
        if planned.outcome is PlanOutcome.NOTHING_TO_DO:
            break
        current = planned.replicas

    bounds = situation["by"].spec.replicas
    tolerance = situation["by"].spec.guards.tolerance
    needed = min(max(situation["wanted"], bounds.min), bounds.max)
    assert abs(needed - current) <= tolerance * current + 1e-6


@given(situations())
@settings(deadline=None)
def test_a_person_s_number_is_never_changed(situation: dict[str, Any]) -> None:
    try:
        outcome: object = plan(**situation, explicit=True).replicas
    except InputError as error:
        outcome = error.code

    assert outcome in {situation["wanted"], "zero_refused", "pods_below_min", "pods_too_many", "factor_exceeded"}
