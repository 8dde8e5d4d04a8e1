"""What people see: tables on stdout, progress on stderr."""

from __future__ import annotations

import io
import sys
from types import TracebackType
from typing import Any, Final, Self, TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.prompt import Confirm
from rich.table import Column
from rich.text import Text

from springtide.cli.plain_text import PlainTable, plain
from springtide.errors import SpringtideError
from springtide.plan.findings import FindingStatus
from springtide.plan.model import PlanOutcome, ScalingPlan
from springtide.record.model import PhaseStatus, RunOutcome, ScalingRun
from springtide.run.refusals import NOWHERE, asked_of
from springtide.run.state import Phase
from springtide.workload import in_cluster

PIPE_WIDTH: Final = 4096
"""Of a pipe, where nothing may be cut off or wrapped."""

ROOMY: Final = 120
"""Columns from which on a table may hold what is nice to know."""


def _console(stream: TextIO, *, stderr: bool) -> Console:
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


out = _console(sys.stdout, stderr=False)
err = _console(sys.stderr, stderr=True)

_STYLES = {
    RunOutcome.SUCCEEDED: "green",
    RunOutcome.NOTHING_TO_DO: "green",
    RunOutcome.PLANNED_ONLY: "cyan",
    RunOutcome.HALTED: "bold yellow",
    RunOutcome.REFUSED: "red",
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

_PHASE_MARKS = {PhaseStatus.SUCCEEDED: Text("✓", style="green"), PhaseStatus.FAILED: Text("✗", style="red")}


class PhaseDisplay:
    """One line per phase with its time, and what it waits for; silent where nobody looks."""

    def __init__(self, *, is_shown: bool) -> None:
        done = SpinnerColumn(finished_text=Text("✓", style="green"))
        name = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True))
        detail = TextColumn("{task.fields[detail]}", style="dim", markup=False)
        self._progress = Progress(done, name, TimeElapsedColumn(), detail, console=err, disable=not is_shown)
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
            self._progress.update(self._current, detail=plain(message).plain)

    def approve(self, plan: ScalingPlan) -> bool:
        """Ask about a plan, where somebody can answer."""
        if self._progress.disable or not sys.stdin.isatty():
            return False
        self._progress.stop()
        show_plan(plan)
        is_agreed = Confirm.ask(plain(f"Apply plan {plan.fingerprint}?"), console=err, default=False)
        self._progress.start()
        return is_agreed

    def _finish(self) -> None:
        if self._current is not None:
            self._progress.update(self._current, completed=1, detail="")


def tell(message: str, style: str = "") -> None:
    """Print one line for people on stderr, as it stands."""
    err.print(plain(message, style), soft_wrap=True)


def answer(text: str, style: str = "") -> None:
    """Print one line of the answer on stdout, as it stands."""
    out.print(plain(text, style), soft_wrap=True)


def show_error(error: SpringtideError) -> None:
    """Print an error on stderr: its code, and its message as it is."""
    err.print(_with_code(error.code, error.message))


def show_own_fault(error: Exception, advice: str) -> None:
    """Print on stderr what went wrong in springtide itself."""
    err.print(_with_code("internal_error", f"{error!r}. {advice}"))


def show_plan(plan: ScalingPlan) -> None:
    """Print a plan: what, from what, and every clamp with both numbers."""
    target = plan.target
    service = f"Service {target.service}" if target.service else "no Service: its pods' readiness is the proof"
    named = in_cluster(f"{target.kind.noun} {target.namespace}/{target.deployment}", target.cluster)
    head = f"{plan.policy}: {named}, {service}"
    out.print(plain(head, "bold"))
    out.print(plain(f"{_verb(plan)} by {plan.strategy}: {plan.reason}"))
    out.print(plain(f"plan {plan.fingerprint}"))
    if plan.estimate.demand is not None:
        out.print(plain(f"demand {plan.estimate.demand:g} {plan.estimate.unit}"))
    for finding in (plan.estimate.quality or {}).get("findings", ()):
        if finding["outcome"] == "pass":  # what holds a run is in its reason
            out.print(plain(f"demand: {finding['message']}"))
    table = PlainTable("step", "replicas", "why")
    for answered in plan.estimate.answers:
        table.add_row(f"model {answered.model}", f"{answered.replicas:g}", answered.reason)
    table.add_row(f"combine {plan.estimate.combine}", str(plan.estimate.replicas), "")
    for clamp in plan.clamps:
        table.add_row(f"guard {clamp.guard}", f"{clamp.was} → {clamp.replicas}", clamp.reason)
    out.print(table)
    _show_findings(plan)


def _verb(plan: ScalingPlan) -> str:
    if plan.outcome is PlanOutcome.NOTHING_TO_DO:
        return "nothing to do"
    change = f"{plan.current} → {plan.replicas} replicas"
    return f"planned only (mode advise): {change}" if plan.outcome is PlanOutcome.PLANNED_ONLY else change


def _show_findings(plan: ScalingPlan) -> None:
    if not plan.findings:
        return
    table = PlainTable("preflight", "", "what it found")
    for finding in plan.findings:
        style, mark = _MARKS[finding.status]
        table.add_row(finding.check, plain(mark, style), finding.message)
    out.print(table)


def outcome_of(run: ScalingRun) -> Text:
    """Return how a run stands or ended, in its colour."""
    is_silent = run.dry_run and run.outcome is not RunOutcome.PLANNED_ONLY
    return plain(f"{run.outcome} (dry run)" if is_silent else run.outcome, _STYLES[run.outcome])


def show_run(run: ScalingRun, *, with_error: bool = True) -> None:
    """Print one run: its outcome, its phases with their seconds, and why it failed."""
    way = f" by {run.strategy}" if run.strategy else ""
    out.print(Text.assemble(plain(run.run_id, "bold"), plain(f": {run.policy}{way}: "), outcome_of(run)))
    if run.target != NOWHERE:
        out.print(plain(str(run.target)))
    out.print(plain(f"asked for by {run.requested_by} ({run.trigger}): {run.reason}"))
    if run.plan is not None:
        change = f"{run.plan['current']} → {run.plan['replicas']} replicas"
        out.print(plain(f"{change}: {run.plan['reason']}"))
    table = PlainTable("phase", "seconds", "", "what it found")
    for phase in run.phases:
        seconds = "" if phase.seconds is None else f"{phase.seconds:.2f}"
        mark = _PHASE_MARKS.get(phase.status, plain(phase.status.value))
        table.add_row(phase.phase, seconds, mark, phase.message)
    if run.phases:
        out.print(table)
    for name, value in asked_of(run).items():
        out.print(plain(f"asked for: {name} {value}"))
    if with_error and run.error is not None:
        out.print(_with_code(str(run.error["code"]), str(run.error["message"])))


def _with_code(code: str, message: str) -> Text:
    return Text.assemble(plain(code, "red"), plain(f": {message}"))


def yaml_of(document: Any) -> str:
    """Return `document` as YAML."""
    from ruamel.yaml import YAML

    yaml = YAML()
    text = io.StringIO()
    yaml.width = 4096  # a query stays on its line
    yaml.default_flow_style = False
    yaml.dump(document, text)
    return text.getvalue()
