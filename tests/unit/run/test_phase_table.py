"""The one table of phases: what it holds fits what else knows of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from springtide.policy.language.units import Duration
from springtide.policy.scaling.strategy import BlueGreen, Deadlines
from springtide.policy.scaling.warm_nodes import WarmNodes
from springtide.run import phases
from springtide.run.phase_table import FORWARD, PHASES, rule_of
from springtide.run.state import Phase
from springtide.strategy.registry import strategy_for

DEADLINES = Deadlines(ready=Duration("1m"), switched=Duration("2m"), removed=Duration("4m"))
SETTINGS = BlueGreen(deadlines=DEADLINES, warm_nodes=WarmNodes(deployment="headroom", deadline=Duration("8m")))


def test_every_phase_between_the_plan_and_the_report_stands_in_it_once_in_order() -> None:
    assert [rule.phase for rule in PHASES] == [*Phase][1:-1]


def test_the_way_forward_is_everything_but_the_way_back() -> None:
    assert [*FORWARD, Phase.ROLL_BACK] == [rule.phase for rule in PHASES]


@pytest.mark.parametrize("phase", Phase)
def test_what_does_a_phase_is_called_as_the_phase(phase: Phase) -> None:
    assert callable(getattr(phases, phase.value))


def test_every_phase_that_follows_a_decision_has_a_deadline() -> None:
    strategy = strategy_for(BlueGreen(type="blue_green"))

    for rule in PHASES:
        assert (rule.decide is None) == (rule.deadline is None) == (rule.phase is Phase.SMOKE_TEST)
        assert rule.decide is None or callable(rule.decide(strategy))


@pytest.mark.parametrize(
    ("phase", "minutes"),
    [
        (Phase.WARM_NODES, 2),
        (Phase.NODES_READY, 8),
        (Phase.CREATE_INSTANCES, 2),
        (Phase.INSTANCES_READY, 1),
        (Phase.SWITCH_ENDPOINTS, 2),
        (Phase.ENDPOINTS_SWITCHED, 2),
        (Phase.REMOVE_OLD_INSTANCES, 4),
        (Phase.INSTANCES_REMOVED, 4),
        (Phase.ROLL_BACK, 5),
    ],
)
def test_a_deadline_is_one_of_the_policy(phase: Phase, minutes: int) -> None:
    deadline = rule_of(phase).deadline

    assert deadline is not None
    assert deadline(SETTINGS) == timedelta(minutes=minutes)
