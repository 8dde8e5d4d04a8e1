"""`springtide explain`: why SERVICE needs as many replicas as it does, down to the numbers that went in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.display import out, show_plan
from springtide.cli.groups import grouped
from springtide.cli.options import (
    CliContext,
    Output,
    OutputOption,
    ServiceArgument,
)
from springtide.cli.plain_text import PlainTable
from springtide.clock import SystemClock

if TYPE_CHECKING:
    from datetime import datetime

    from springtide.demand.model import DemandSeries
    from springtide.plan.model import ScalingPlan
    from springtide.policy.scaling.model import ScalingPolicy

Current = Annotated[
    int | None, typer.Option(min=0, max=10_000, help="Explain as if this many replicas ran; no cluster is read then.")
]


@grouped
def explain(
    service: ServiceArgument,
    *,
    current: Current = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw demand and every answer to this file (HTML, works offline).")
    ] = None,
    place: CliContext,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print how many replicas SERVICE needs now, with each model's inputs and each guard. Changes nothing."""
    with answering(output):
        policy = place.policy(service)
        plan = _planned(place, policy, current)
        if plot is not None:
            plot.write_text(_page(policy, plan, _last_day(place, policy, plan.decided_at)), encoding="utf-8")
        _show(policy, plan, output)


def _planned(place: CliContext, policy: ScalingPolicy, current: int | None) -> ScalingPlan:
    from springtide.run.admission import plan_capacity
    from springtide.run.estimation import EstimateInputs, estimate_for

    if current is None:
        from springtide.cli.options import current_user, new_run_id
        from springtide.run.ports import RunRequest

        request = RunRequest(
            run_id=new_run_id(SystemClock()),
            policy=policy,
            replicas=None,
            strategy=None,
            requested_by=current_user(),
            reason="explain",
        )
        with place.only_at(policy).ports(lambda _message: None) as ports:
            return plan_capacity(ports, request)
    from springtide.plan.planner import make_plan
    from springtide.run.assembly import instant_of

    now = SystemClock().now()
    source = None if policy.spec.demand is None else place.demand(policy)
    with place.open_store() as opened:
        inputs = EstimateInputs(instant_of(place.metrics))
        estimated = estimate_for(policy, source, opened, now=now, current=current, inputs=inputs)
    strategy = policy.spec.strategy.type
    return make_plan(policy, estimated, current=current, strategy=strategy, now=now, explicit=False)


def _last_day(place: CliContext, policy: ScalingPolicy, now: datetime) -> DemandSeries | None:
    from datetime import timedelta

    spec = policy.spec.demand
    if spec is None:
        return None
    return place.demand(policy).read(now - min(timedelta(days=1), spec.lookback), now, spec.step)


def _page(policy: ScalingPolicy, plan: ScalingPlan, demand: DemandSeries | None) -> str:
    from springtide.backtest.page import explained

    return explained(policy, plan, demand)


def _show(policy: ScalingPolicy, plan: ScalingPlan, output: Output) -> None:
    from dataclasses import asdict

    from springtide.plan.explained import guard_lines

    lines = guard_lines(policy, plan)
    if output.is_for_programs:
        record: dict[str, Any] = plan.to_record() | {"guards": [asdict(line) for line in lines]}
        print_record(record, output)
        return
    show_plan(plan)
    inputs = PlainTable("model", "input", "value")
    for answer in plan.estimate.answers:
        for index, (name, value) in enumerate(answer.inputs.items()):
            formatted = f"{value:g}" if isinstance(value, float) else str(value)
            inputs.add_row("" if index else answer.model, name, formatted)
    out.print(inputs)
    guards = PlainTable("guard", "setting", "allows", "effect")
    for line in lines:
        guards.add_row(line.guard, line.setting, line.allows, line.effect)
    out.print(guards)
