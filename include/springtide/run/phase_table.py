"""The phases that a Lease's journal knows: their order, which decision each follows, and how long it may take.

    create_instances ─► instances_ready ─► switch_endpoints ─► endpoints_switched
        ─► smoke_test ─► remove_old_instances ─► instances_removed
              └── any failure ─► roll_back

The function in `run/phases.py` has the phase's name, and so has its task in Airflow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from springtide.policy.scaling.strategy import Deadlines
from springtide.run.engine import Decide
from springtide.run.state import Phase
from springtide.strategy.model import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRule:
    """One phase. `decide` and `deadline` are None where no decision is followed: a smoke test has its own timeouts.

    `is_awaited`: it only waits, so whoever calls it may lose patience and come back. `commits`: after it something is
    gone, so it looks once more whether the replicas are still the run's to decide. `is_whole_each_time`: every attempt
    has the whole deadline, not what the earlier ones left of it.
    """

    phase: Phase
    decide: Callable[[Strategy], Decide] | None
    deadline: Callable[[Deadlines], timedelta] | None
    is_awaited: bool = False
    commits: bool = False
    is_whole_each_time: bool = False


PHASES: Final = (
    PhaseRule(
        phase=Phase.CREATE_INSTANCES,
        decide=lambda strategy: strategy.create,
        deadline=lambda deadlines: deadlines.switched,
    ),
    PhaseRule(
        phase=Phase.INSTANCES_READY,
        decide=lambda strategy: strategy.ready,
        deadline=lambda deadlines: deadlines.ready,
        is_awaited=True,
    ),
    PhaseRule(
        phase=Phase.SWITCH_ENDPOINTS,
        decide=lambda strategy: strategy.switch,
        deadline=lambda deadlines: deadlines.switched,
        commits=True,
    ),
    PhaseRule(
        phase=Phase.ENDPOINTS_SWITCHED,
        decide=lambda strategy: strategy.switched,
        deadline=lambda deadlines: deadlines.switched,
        is_awaited=True,
    ),
    PhaseRule(phase=Phase.SMOKE_TEST, decide=None, deadline=None),
    PhaseRule(
        phase=Phase.REMOVE_OLD_INSTANCES,
        decide=lambda strategy: strategy.remove,
        deadline=lambda deadlines: deadlines.removed,
        commits=True,
    ),
    PhaseRule(
        phase=Phase.INSTANCES_REMOVED,
        decide=lambda strategy: strategy.removed,
        deadline=lambda deadlines: deadlines.removed,
        is_awaited=True,
    ),
    PhaseRule(
        phase=Phase.ROLL_BACK,
        decide=lambda strategy: strategy.roll_back,
        deadline=lambda deadlines: deadlines.ready + deadlines.removed,
        # Who undoes a run late still undoes it, instead of keeping both sets.
        is_whole_each_time=True,
    ),
)
"""Every phase of the journal, in the order of the run."""

FORWARD: Final = tuple(rule.phase for rule in PHASES if rule.phase is not Phase.ROLL_BACK)
"""The way forward, in the order that no retry, clear or timeout may change (I-8)."""

_RULES: Final = {rule.phase: rule for rule in PHASES}


def rule_of(phase: Phase) -> PhaseRule:
    """Return the rule of a phase of the journal; `calculate_capacity` and `report` have none, and raise `KeyError`."""
    return _RULES[phase]
