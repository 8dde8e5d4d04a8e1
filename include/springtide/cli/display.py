"""What people see: tables on stdout, progress on stderr."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.prompt import Confirm
from rich.table import Table

from springtide.errors import SpringtideError
from springtide.plan.findings import FindingStatus
from springtide.plan.model import PlanOutcome, ScalingPlan
from springtide.record.model import PhaseStatus, RunOutcome, ScalingRun
from springtide.run.state import Phase

_WIDE = None if sys.stdout.isatty() else 140  # a pipe has no width, and a log line is seldom 80 columns
out = Console(width=_WIDE)
err = Console(stderr=True, width=_WIDE)

_STYLES = {
    RunOutcome.SUCCEEDED: "green",
    RunOutcome.NOTHING_TO_DO: "green",
    RunOutcome.RUNNING: "cyan",
    RunOutcome.ROLLED_BACK: "yellow",
    RunOutcome.FAILED: "red",
    RunOutcome.NEEDS_ATTENTION: "bold red",
}


_MARKS = {
    FindingStatus.PASSED: ("green", "passed"),
    FindingStatus.WARNING: ("yellow", "warning"),
    FindingStatus.REFUSED: ("red", "refused"),
    FindingStatus.NOT_CHECKED: ("dim", "not checked"),
}


class PhaseDisplay:
    """One line per phase with its time, and what it waits for; silent where nobody looks."""

    def __init__(self, *, is_shown: bool) -> None:
        columns = (SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description}"), TimeElapsedColumn())
        detail = TextColumn("[dim]{task.fields[detail]}")
        self._progress = Progress(*columns, detail, console=err, disable=not is_shown)
        self._current: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        self._progress.stop()

    def phase(self, phase: Phase) -> None:
        """Show that `phase` begins, and that the one before is over."""
        self._finish()
        self._current = self._progress.add_task(phase.value, total=1, detail="")

    def wait(self, message: str) -> None:
        """Show what the present phase waits for."""
        if self._current is not None:
            self._progress.update(self._current, detail=escape(message))

    def approve(self, plan: ScalingPlan) -> bool:
        """Ask about a plan, where somebody can answer."""
        if self._progress.disable or not sys.stdin.isatty():
            return False
        self._progress.stop()
        show_plan(plan)
        answer = Confirm.ask(f"Apply plan {plan.fingerprint}?", console=err, default=False)
        self._progress.start()
        return answer

    def _finish(self) -> None:
        if self._current is not None:
            self._progress.update(self._current, completed=1, detail="")


def show_error(error: SpringtideError) -> None:
    """Print an error on stderr: its code, and its message as it is."""
    err.print(f"[red]{error.code}[/red]: {escape(error.message)}", highlight=False)


def show_plan(plan: ScalingPlan) -> None:
    """Print a plan: what, from what, and every clamp with both numbers."""
    target = plan.target
    service = f"Service {target.service}" if target.service else "no Service: its pods' readiness is the proof"
    head = f"{plan.policy}: Deployment {target.namespace}/{target.deployment}, {service}"
    verb = (
        "nothing to do" if plan.outcome is PlanOutcome.NOTHING_TO_DO else f"{plan.current} → {plan.replicas} replicas"
    )
    out.print(f"[bold]{escape(head)}[/bold]\n{verb} by {plan.strategy}: {escape(plan.reason)}", highlight=False)
    out.print(f"plan {plan.fingerprint}", highlight=False)
    if plan.estimate.demand is not None:
        out.print(f"demand {plan.estimate.demand:g} {plan.estimate.unit}", highlight=False, markup=False)
    table = Table("step", "replicas", "why")
    for answer in plan.estimate.answers:
        table.add_row(f"model {answer.model}", f"{answer.replicas:g}", escape(answer.reason))
    table.add_row(f"combine {plan.estimate.combine}", str(plan.estimate.replicas), "")
    for clamp in plan.clamps:
        table.add_row(f"guard {clamp.guard}", f"{clamp.was} → {clamp.replicas}", escape(clamp.reason))
    out.print(table)
    _show_findings(plan)


def _show_findings(plan: ScalingPlan) -> None:
    if not plan.findings:
        return
    table = Table("preflight", "", "what it found")
    for finding in plan.findings:
        style, mark = _MARKS[finding.status]
        table.add_row(finding.check, f"[{style}]{mark}", escape(finding.message))
    out.print(table)


def show_run(run: ScalingRun, *, with_error: bool = True) -> None:
    """Print one run: its outcome, its phases with their seconds, and why it failed."""
    style = _STYLES[run.outcome]
    out.print(f"[bold]{escape(run.run_id)}[/bold]: {run.policy} by {run.strategy}: [{style}]{run.outcome}[/{style}]")
    out.print(f"asked for by {run.requested_by} ({run.trigger}): {run.reason}", highlight=False, markup=False)
    if run.plan is not None:
        change = f"{run.plan['current']} → {run.plan['replicas']} replicas"
        out.print(f"{change}: {run.plan['reason']}", highlight=False, markup=False)
    table = Table("phase", "seconds", "", "what it found")
    for phase in run.phases:
        seconds = "" if phase.seconds is None else f"{phase.seconds:.2f}"
        mark = {PhaseStatus.SUCCEEDED: "[green]✓", PhaseStatus.FAILED: "[red]✗"}.get(phase.status, phase.status.value)
        table.add_row(phase.phase, seconds, mark, escape(phase.message))
    out.print(table)
    if with_error and run.error is not None:
        out.print(f"[red]{run.error['code']}[/red]: {escape(str(run.error['message']))}", highlight=False)


def show_runs(runs: tuple[ScalingRun, ...]) -> None:
    """Print runs, a line each, newest first."""
    table = Table("run", "policy", "started (UTC)", "replicas", "strategy", "outcome", "seconds", "by")
    for run in runs:
        replicas = f"{run.plan['current']} → {run.plan['replicas']}" if run.plan else ""
        seconds = "" if run.seconds is None else f"{run.seconds:.1f}"
        outcome = f"[{_STYLES[run.outcome]}]{run.outcome}"
        started = f"{run.started_at:%Y-%m-%d %H:%M:%S}"
        by = escape(run.requested_by)
        table.add_row(escape(run.run_id), run.policy, started, replicas, run.strategy, outcome, seconds, by)
    out.print(table)


def yaml_of(manifest: Mapping[str, Any]) -> str:
    """Return `manifest` as YAML."""
    from ruamel.yaml import YAML

    yaml = YAML()
    text = io.StringIO()
    yaml.width = 4096  # a query stays on its line
    yaml.default_flow_style = False
    yaml.dump(manifest, text)
    return text.getvalue()
