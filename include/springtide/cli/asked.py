"""What a run is asked for on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from springtide.cli.options import (
    OverrideOption,
    ReasonOption,
    ReplicasOption,
    StrategyOption,
    current_user,
    new_run_id,
)
from springtide.clock import SystemClock
from springtide.plan.guards import parse_replicas
from springtide.plan.planner import require_known
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.freezes import parse_override
from springtide.run.ports import RunRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a run is asked for."""

    replicas: ReplicasOption = "auto"
    strategy: StrategyOption = None
    reason: ReasonOption = "by hand"
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan and record, change nothing.")] = False
    override: OverrideOption = ""
    approve: Annotated[str, typer.Option(metavar="PLAN", help="The plan that was approved, as plan prints it.")] = ""


def requested_run(policy: ScalingPolicy, asked: RunOptions) -> RunRequest:
    """Return the request of whoever runs this command.

    Raises:
        InputError: the number of replicas, the strategy or the override is none.
    """
    if asked.strategy is not None:
        require_known(asked.strategy)
    return RunRequest(
        run_id=new_run_id(SystemClock()),
        policy=policy,
        replicas=parse_replicas(asked.replicas, policy=policy),
        strategy=asked.strategy,
        requested_by=current_user(),
        reason=asked.reason,
        dry_run=asked.dry_run,
        approved=asked.approve,
        override=parse_override(asked.override),
    )
