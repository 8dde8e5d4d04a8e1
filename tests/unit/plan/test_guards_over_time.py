"""Guards that look at what was decided lately: not down and up again, and growth held back by one key alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.capacity.combine import requested
from springtide.plan.guards import OVER_TIME
from springtide.plan.model import Baseline, Clamp, ScalingPlan
from springtide.plan.planner import make_floor_plan, make_plan
from springtide.plan.recent import PastAnswer, Recent, SweepDecision, left_by_advice
from support.builders import policy

NOW = datetime(2026, 11, 11, 12, tzinfo=UTC)
OFF = {"down": "0s", "error_over": "0s"}
WIDE = {"step_up": "100x", "step_down": "100%", "tolerance": "0%"}


def recent(*answers: tuple[int, int], changed: int | None = None, unknown: str | None = None) -> Recent:
    """Return answers as (minutes ago, replicas), oldest first, and how many minutes ago the service was changed."""
    told = tuple(PastAnswer(NOW - timedelta(minutes=ago), replicas) for ago, replicas in answers)
    return Recent(told, None if changed is None else NOW - timedelta(minutes=changed), unknown)


def planned(wanted: int, current: int, past: Recent, **guards: Any) -> ScalingPlan:
    by = policy(replicas={"min": 2, "max": 20}, guards=WIDE | guards)
    baseline = Baseline(current=current, running=current, recent=past)
    return make_plan(by, requested(wanted, now=NOW), current=baseline, strategy="in_place", now=NOW, explicit=False)


class TestTheHighestAnswerOfTheWindow:
    @pytest.mark.parametrize(
        ("answers", "replicas"),
        [
            (((30, 9), (15, 8)), 9),
            (((46, 12), (15, 7)), 7),
            (((45, 12), (15, 7)), 7),
            (((44, 12), (15, 7)), 10),
            (((15, 4),), 6),
            (((15, 99),), 10),
            ((), 6),
        ],
    )
    def test_it_counts_on_the_way_down(self, answers: tuple[tuple[int, int], ...], replicas: int) -> None:
        window = {"down": "45m", "error_over": "0s"}

        assert planned(6, 10, recent(*answers), stabilization=window).replicas == replicas

    def test_the_clamp_has_both_numbers_and_says_when_it_was_asked_for(self) -> None:
        plan = planned(6, 10, recent((30, 9)), stabilization={"down": "45m", "error_over": "0s"})

        assert plan.clamps == (
            Clamp(
                guard="guards.stabilization.down",
                was=6,
                replicas=9,
                reason="6 is below 9, which was asked for at 11:30, within the last 45m (guards.stabilization.down)",
            ),
        )

    def test_growth_is_believed_at_once(self) -> None:
        past = recent((15, 4), changed=1)

        assert planned(12, 10, past, stabilization={"down": "1d", "error_over": "1d"}).replicas == 12

    def test_a_service_above_its_bounds_is_brought_in_at_once(self) -> None:
        assert planned(6, 30, recent((1, 30)), stabilization={"down": "1h", "error_over": "1h"}).replicas == 6

    def test_a_sweep_every_quarter_of_an_hour_does_not_switch_down_and_up_again(self) -> None:
        answers = [10, 6, 10, 6, 10, 6, 10]
        current = 10
        course = []
        for number, answer in enumerate(answers):
            past = recent(*((15 * (number - earlier), answers[earlier]) for earlier in range(number)))
            current = planned(answer, current, past, stabilization={"down": "30m", "error_over": "0s"}).replicas
            course.append(current)

        assert set(course) == {10}


class TestThePlansOwnError:
    def test_a_shrink_by_no_more_than_its_answers_fell_and_rose_again_is_none(self) -> None:
        plan = planned(8, 10, recent((45, 9), (30, 6), (15, 9)), stabilization={"down": "0s"})

        assert plan.replicas == 10
        assert plan.clamps[0].guard == "guards.stabilization.error_over"
        assert plan.clamps[0].reason == "8 is less than 10 by no more than the plan's own error, 3 in the last 2h"

    def test_it_counts_beside_the_highest_answer(self) -> None:
        plan = planned(6, 10, recent((45, 9), (30, 6), (15, 8)), stabilization={"down": "20m"})

        assert plan.clamps == (
            Clamp(
                guard="guards.stabilization.error_over",
                was=6,
                replicas=10,
                reason="8 was asked for within the last 20m, and 8 is less than 10 by no more than the plan's own "
                "error, 2 in the last 2h",
            ),
        )

    @pytest.mark.parametrize(
        "answers",
        [((45, 10), (30, 9), (15, 9)), ((30, 2), (15, 9)), ((135, 9), (120, 2), (15, 9)), ()],
        ids=["only falls", "only a rise", "too long ago", "nothing"],
    )
    def test_where_nothing_fell_and_rose_again_there_is_none(self, answers: tuple[tuple[int, int], ...]) -> None:
        assert planned(8, 10, recent(*answers), stabilization={"down": "0s"}).replicas == 8

    def test_a_larger_shrink_is_done(self) -> None:
        assert planned(6, 10, recent((45, 9), (30, 6), (15, 9)), stabilization={"down": "0s"}).replicas == 6

    def test_the_rise_to_the_answer_of_now_counts(self) -> None:
        assert planned(9, 10, recent((30, 9), (15, 6)), stabilization={"down": "0s"}).replicas == 10

    def test_what_a_sale_needed_is_given_back_when_it_is_over(self) -> None:
        assert planned(3, 12, recent((45, 3), (30, 12), (15, 12))).replicas == 3

    def test_noise_does_not_switch_a_service_down_and_up_again_by_the_defaults(self) -> None:
        noise = [14, 12, 14, 12, 13, 12, 14, 12]
        current = 14
        course = []
        for number, answer in enumerate(noise):
            past = recent(*((15 * (number - earlier), noise[earlier]) for earlier in range(number)))
            current = planned(answer, current, past).replicas
            course.append(current)

        # once, before anything is known of its error
        assert course == [14, 12, 14, 14, 14, 14, 14, 14]


class TestCooldown:
    def test_nothing_is_made_smaller_so_soon_after_a_change(self) -> None:
        plan = planned(6, 10, recent(changed=20), cooldown="30m", stabilization=OFF)

        assert plan.clamps == (
            Clamp(
                guard="guards.cooldown",
                was=6,
                replicas=10,
                reason="6 is not 10, to which it was changed at 11:40, within the last 30m (guards.cooldown)",
            ),
        )

    @pytest.mark.parametrize("changed", [30, 31, None])
    def test_then_it_is(self, changed: int | None) -> None:
        assert planned(6, 10, recent(changed=changed), cooldown="30m", stabilization=OFF).replicas == 6

    def test_growth_is_not_held_back(self) -> None:
        assert planned(12, 10, recent(changed=1), cooldown="1d", stabilization=OFF).replicas == 12

    def test_unless_the_key_says_so(self) -> None:
        assert planned(12, 10, recent(changed=1), cooldown_up="10m", stabilization=OFF).replicas == 10
        assert planned(12, 10, recent(changed=10), cooldown_up="10m", stabilization=OFF).replicas == 12

    @pytest.mark.parametrize(("current", "wanted", "replicas"), [(1, 6, 6), (30, 6, 6)])
    def test_the_bounds_win(self, current: int, wanted: int, replicas: int) -> None:
        keys = {"cooldown": "1d", "cooldown_up": "1h", "stabilization": OFF}

        assert planned(wanted, current, recent(changed=1), **keys).replicas == replicas


class TestWhatIsNotKnown:
    def test_nothing_is_made_smaller_by_what_the_store_does_not_tell(self) -> None:
        unknown = recent(unknown="the store does not answer")

        assert planned(6, 10, unknown).replicas == 10
        assert "is not known: the store does not answer" in planned(6, 10, unknown).reason
        assert planned(6, 10, unknown, cooldown="1h", stabilization=OFF).replicas == 10

    def test_growth_is(self) -> None:
        assert planned(12, 10, recent(unknown="gone"), cooldown="1h", cooldown_up="1h").replicas == 12

    def test_without_these_guards_nothing_is_asked(self) -> None:
        assert planned(6, 10, recent(unknown="gone"), stabilization=OFF).replicas == 6


def test_a_persons_number_is_done_whatever_was_asked_for_lately() -> None:
    by = policy(replicas={"min": 2, "max": 20}, guards=WIDE | {"cooldown": "1d"})
    baseline = Baseline(current=10, running=10, recent=recent((1, 10), changed=1))

    plan = make_plan(by, requested(6, now=NOW), current=baseline, strategy="in_place", now=NOW, explicit=True)

    assert (plan.replicas, plan.clamps) == (6, ())


def test_a_minimum_is_held_in_the_same_way() -> None:
    by = policy(replicas={"min": 2, "max": 20}, strategy={"type": "floor"}, guards=WIDE | {"cooldown": "30m"})
    baseline = Baseline(current=10, running=12, owner_minimum=3, recent=recent(changed=5))

    plan = make_floor_plan(by, requested(6, now=NOW), baseline=baseline, now=NOW, explicit=False)

    assert plan.replicas == 10


@given(
    wanted=st.integers(0, 40),
    current=st.integers(1, 20),
    answers=st.lists(st.tuples(st.integers(1, 90), st.integers(0, 40)), max_size=6),
    changed=st.none() | st.integers(0, 90),
)
def test_they_never_ask_for_more_than_runs_or_than_is_wanted(
    wanted: int, current: int, answers: list[tuple[int, int]], changed: int | None
) -> None:
    past = recent(*sorted(answers, reverse=True), changed=changed)
    free = planned(wanted, current, recent(), stabilization=OFF)
    held = planned(wanted, current, past, cooldown="20m", stabilization={"down": "30m", "error_over": "1h"})

    assert free.replicas <= held.replicas <= max(current, free.replicas)
    assert {clamp.guard for clamp in held.clamps} <= {"replicas.min", "replicas.max", *OVER_TIME}


def advice(minutes_ago: int, planned: int, **values: Any) -> SweepDecision:
    at = NOW - timedelta(minutes=minutes_ago)
    decision = SweepDecision(policy="web", at=at, before=3, planned=planned, advises=True)
    return replace(decision, **values)


@pytest.mark.parametrize(
    ("decisions", "left"),
    [
        ([advice(30, 4), advice(15, 6)], 6),
        ([advice(15, 6), advice(30, 4)], 6),
        ([advice(15, 6), advice(5, 9, by_hand=True)], 6),
        ([advice(15, 6), advice(5, 9, advises=False)], 6),
        ([advice(25 * 60, 6)], None),
        ([advice(15, 6, is_floor=True)], None),
        ([], None),
    ],
)
def test_advice_goes_on_from_the_latest_of_a_sweep(decisions: list[SweepDecision], left: int | None) -> None:
    assert left_by_advice(decisions, now=NOW, is_floor=False) == left


def test_a_decision_survives_its_stored_form() -> None:
    decision = advice(15, 6, answer=7, observed=5, ready=4, reason="demand asks for 6")

    assert SweepDecision.from_record(decision.to_record()) == decision
