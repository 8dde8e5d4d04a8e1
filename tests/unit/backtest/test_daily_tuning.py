"""Tuning for today is the last step of the walk-forward backtest, and the same data is not tuned twice."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from springtide.backtest.daily import control_of, service_history, tune_today
from springtide.backtest.policies import Workbench
from springtide.backtest.simulate import Days
from springtide.backtest.trace import Trace
from springtide.backtest.tuning import BUDGET, SLO, Objective, choose
from springtide.capacity.minutes import Minutes
from springtide.capacity.setting import Tuned
from springtide.policy.scaling.auto import AutoSpec
from unit.backtest.histories import DAY, daily_wave

NOW = datetime(2026, 11, 11, tzinfo=UTC)
WAYS = ["alone", "floor", "tuned"]


def spec(**fields: Any) -> AutoSpec:
    return AutoSpec.model_validate({"per_replica": 0.5, **fields})


def minutes(days: int) -> Minutes:
    return Minutes(0.0, daily_wave(days, scored=1, noise=0.2).demand)


def tuned(auto: AutoSpec, seen: Minutes, **others: Any) -> Tuned | None:
    return tune_today(service_history(seen, auto, fewest=2), auto, 60, now=NOW, **others)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("objective", ["slo", "budget"])
def test_it_chooses_as_well_as_the_walk_forward_does(way: str, objective: str) -> None:
    auto = spec(autoscaler=way, objective=objective)
    seen = minutes(15)
    decided = tuned(auto, seen)
    assert decided is not None

    # the same history with one more day: the backtest's choice for that day
    longer = Trace(
        name="wave", start=0.0, demand=np.append(seen.values, np.ones(DAY)), scored=15 * DAY, per_replica=0.5
    )
    control = control_of(auto)
    shared = Workbench.of(longer, 60, interval=15, reference=control.under)
    chosen = shared.control(control).settings[0]

    # an hour of run-up is enough to forget what a replay began with
    assert decided.setting == chosen
    assert decided.days == 7


def test_the_same_data_is_not_tuned_twice_and_other_data_is() -> None:
    auto = spec()
    seen = minutes(10)
    first = tuned(auto, seen)
    assert first is not None

    again = tuned(auto, seen, before=first)
    changed = tuned(auto, Minutes(0.0, seen.values * 1.01), before=first)
    other = tuned(spec(objective="budget"), seen, before=first)

    assert again is first
    assert changed is not None
    assert other is not None
    assert len({first.fingerprint, changed.fingerprint, other.fingerprint}) == 3


def test_what_other_settings_would_have_reached_is_kept_with_it() -> None:
    decided = tuned(spec(autoscaler="tuned"), minutes(10))
    assert decided is not None

    # The chosen one lies on the curve or above it: nothing that is no dearer violates more.
    assert any(
        point.cost_ratio <= decided.cost_ratio + 1e-9 and point.violated_percent <= decided.violated_percent + 1e-9
        for point in decided.curve
    )
    assert Tuned.from_record(decided.to_record()) == decided


def test_less_than_a_day_says_nothing() -> None:
    seen = minutes(2)

    assert tuned(spec(), Minutes(0.0, seen.values[: DAY - 1])) is None
    assert tuned(spec(), Minutes(0.0, seen.values[: DAY + 5])) is not None


def test_what_was_overspent_is_saved_later() -> None:
    auto = spec(autoscaler="tuned", objective="budget")
    seen = minutes(10)
    first = tuned(auto, seen)
    assert first is not None

    spent = tuned(auto, seen, before=replace(first, fingerprint="another day", overspent=1e6))

    assert spent is not None
    assert spent.cost_ratio < first.cost_ratio
    assert spent.overspent > 0


def test_the_fewest_replicas_are_the_policys() -> None:
    auto = spec(autoscaler="tuned")
    seen = minutes(8)

    few, many = (service_history(seen, auto, fewest=fewest) for fewest in (2, 60))

    small, large = (tune_today(history, auto, 60, now=NOW) for history in (few, many))
    assert small is not None
    assert large is not None
    # 60 replicas carry everything, so only what the autoscaler adds to them can be saved
    assert large.violated_percent == 0
    assert small.cost_ratio < large.cost_ratio <= 1.0


def test_with_fewer_days_near_misses_count_more() -> None:
    """A quiet day looks safe; a quiet week more so. The dearer setting is taken until there is a week."""
    zero = np.zeros((2, 8))
    near = np.array([[0.0] * 8, [4.0] * 8])
    paid = np.array([[1000.0] * 8, [950.0] * 8])
    replayed = Days(violated=zero, near=near, underserved=zero, pod_minutes=paid, changes=zero)
    reference = Days(violated=zero[0], near=zero[0], underserved=zero[0], pod_minutes=paid[0], changes=zero[0])
    objective = Objective(price=4.0, near=0.3)

    chosen = [choose(replayed, reference, day, objective) for day in range(1, 8)]

    assert chosen == sorted(i for i in chosen if i is not None)
    assert (chosen[0], chosen[-1]) == (0, 1)


def a_week(*settings: tuple[float, float]) -> Days:
    """Return seven days of the same (violated minutes, pod-minutes) for each setting."""
    violated, paid = (np.repeat(np.array([column]).T, 7, axis=1) for column in zip(*settings, strict=True))
    return Days(violated=violated, near=0 * violated, underserved=0 * violated, pod_minutes=paid, changes=0 * violated)


class TestViolationsFirstWithinABudget:
    """Three settings: one careless and cheap, one careful, one flawless and twice as dear as the reference."""

    careless, careful, flawless = range(3)
    replayed = a_week((3.0, 600.0), (0.2, 900.0), (0.0, 2000.0))
    reference = a_week((5.0, 1000.0)).only(0)

    def choose(self, objective: Objective, *, overspent: float = 0.0) -> int | None:
        return choose(self.replayed, self.reference, 7, objective, overspent=overspent)

    def test_the_careful_answer_is_taken_although_it_is_dearer(self) -> None:
        assert self.choose(SLO) == self.careful
        assert self.choose(replace(BUDGET, first=None)) == self.careless
        assert self.choose(BUDGET) == self.careful

    @pytest.mark.parametrize(("overspent", "chosen"), [(419.0, careful), (421.0, careless)])
    def test_only_while_the_budget_holds_it(self, overspent: float, chosen: int) -> None:
        assert self.choose(BUDGET, overspent=overspent) == chosen

    def test_an_answer_beyond_the_budget_changes_nothing(self) -> None:
        without_fault = replace(SLO, limit=0.0)

        assert self.choose(without_fault) == self.flawless
        assert self.choose(replace(BUDGET, first=without_fault)) == self.careless
