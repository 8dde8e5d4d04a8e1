"""The list of runs: what a person looks for comes first, and a run's id, which other commands take, whole and last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.segment import SegmentLines

from springtide.cli import display
from springtide.cli.display import PIPE_WIDTH, ROOMY, outcome_of
from springtide.cli.plain_text import PlainTable
from springtide.record.model import ScalingRun
from springtide.run.sentence import change_of
from springtide.wording import relative
from springtide.workload import DEFAULT_CLUSTER


def show_runs(runs: Sequence[ScalingRun], now: datetime) -> None:
    """Print runs, a line each, newest first. In 80 columns only what fits there, but never a part of an id."""
    # Who has one cluster reads nothing of others.
    several = any(run.target.cluster != DEFAULT_CLUSTER for run in runs)
    is_roomy = display.out.width >= ROOMY
    cluster = ("cluster",) if several else ()
    detail = ("started (UTC)", "strategy", "seconds", "by") if is_roomy else ()
    table = PlainTable("policy", *cluster, "replicas", "outcome", "age", *detail, "run")
    table.box = None
    for run in runs:
        there = (run.target.cluster,) if several else ()
        told = _detail(run) if is_roomy else ()
        age = relative(run.started_at, now, units=1)
        table.add_row(run.policy, *there, change_of(run), outcome_of(run), age, *told, run.run_id)
    # wider than the terminal where an id needs it: the terminal wraps it, and it can still be copied
    lines = display.out.render_lines(table, display.out.options.update(width=PIPE_WIDTH), pad=False)
    display.out.print(SegmentLines(lines, new_lines=True), soft_wrap=True)


def _detail(run: ScalingRun) -> tuple[str, ...]:
    seconds = "" if run.seconds is None else f"{run.seconds:.1f}"
    return f"{run.started_at:%Y-%m-%d %H:%M:%S}", run.strategy, seconds, run.requested_by
