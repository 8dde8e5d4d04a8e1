"""The phases that a Lease's journal knows: their order, which decision each follows, and how long it may take.

    (warm_nodes ─► nodes_ready ─►) create_instances ─► instances_ready ─► switch_endpoints
        ─► endpoints_switched ─► smoke_test ─► remove_old_instances ─► instances_removed
              └── any failure ─► roll_back

The function in `run/phases.py` has the phase's name, and so has its task in Airflow. The first two are those of runs
that warm nodes; any other does without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from springtide.policy.scaling.strategy import RunSettings
from springtide.run.engine import Decide
from springtide.run.state import Phase
from springtide.strategy.model import Strategy
from springtide.strategy.warming import await_placeholders, giving_back, raise_placeholders


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRule:
    """One phase. `decide` and `deadline` are None where no decision is followed: a smoke test has its own timeouts.

    `is_awaited`: it only waits, so whoever calls it may lose patience and come back. `commits`: after it something is
    gone, so it looks once more whether the replicas are still the run's to decide. `is_whole_each_time`: every attempt
    has the whole deadline, not what the earlier ones left of it.
    """

    phase: Phase
    decide: Callable[[Strategy], Decide] | None
    deadline: Callable[[RunSettings], timedelta] | None
    is_awaited: bool = False
    commits: bool = False
    is_whole_each_time: bool = False


def _nodes_deadline(settings: RunSettings) -> timedelta:
    return timedelta(0) if settings.warm_nodes is None else settings.warm_nodes.deadline


PHASES: Final = (
    PhaseRule(
        phase=Phase.WARM_NODES,
        decide=lambda _strategy: raise_placeholders,
        deadline=lambda settings: settings.deadlines.switched,
    ),
    PhaseRule(
        phase=Phase.NODES_READY,
        decide=lambda _strategy: await_placeholders,
        deadline=_nodes_deadline,
        is_awaited=True,
    ),
    PhaseRule(
        phase=Phase.CREATE_INSTANCES,
        decide=lambda strategy: strategy.create,
        deadline=lambda settings: settings.deadlines.switched,
    ),
    PhaseRule(
        phase=Phase.INSTANCES_READY,
        decide=lambda strategy: giving_back(strategy.ready),
        deadline=lambda settings: settings.deadlines.ready,
        is_awaited=True,
    ),
    PhaseRule(
        phase=Phase.SWITCH_ENDPOINTS,
        decide=lambda strategy: strategy.switch,
        deadline=lambda settings: settings.deadlines.switched,
        commits=True,
    ),
    PhaseRule(
        phase=Phase.ENDPOINTS_SWITCHED,
        decide=lambda strategy: strategy.switched,
        deadline=lambda settings: settings.deadlines.switched,
        is_awaited=True,
    ),
    PhaseRule(phase=Phase.SMOKE_TEST, decide=None, deadline=None),
    PhaseRule(
        phase=Phase.REMOVE_OLD_INSTANCES,
        decide=lambda strategy: giving_back(strategy.remove, at_the_end=True),
        deadline=lambda settings: settings.deadlines.removed,
        commits=True,
    ),
    PhaseRule(
        phase=Phase.INSTANCES_REMOVED,
        decide=lambda strategy: strategy.removed,
        deadline=lambda settings: settings.deadlines.removed,
        is_awaited=True,
    ),
    PhaseRule(
        phase=Phase.ROLL_BACK,
        decide=lambda strategy: strategy.roll_back,
        deadline=lambda settings: settings.deadlines.ready + settings.deadlines.removed,
        # Who undoes a run late still undoes it, instead of keeping both sets.
        is_whole_each_time=True,
    ),
)
"""Every phase of the journal, in the order of the run."""

WARMING: Final = (Phase.WARM_NODES, Phase.NODES_READY)
"""What comes before a run that warms nodes adds pods; any other run does without."""

BEGINNING: Final = (Phase.WARM_NODES, Phase.CREATE_INSTANCES)
"""The phases of which one is the first that writes to the cluster."""

FORWARD: Final = tuple(rule.phase for rule in PHASES if rule.phase is not Phase.ROLL_BACK)
"""The way forward, in the order that no retry, clear or timeout may change (I-8)."""


def phase_behind(phase: Phase) -> Phase | None:
    """Return the phase that follows one of the way forward; None behind the last."""
    after = FORWARD.index(phase) + 1
    return FORWARD[after] if after < len(FORWARD) else None


_RULES: Final = {rule.phase: rule for rule in PHASES}


def rule_of(phase: Phase) -> PhaseRule:
    """Return the rule of a phase of the journal; `calculate_capacity` and `report` have none, and raise `KeyError`."""
    return _RULES[phase]
