"""What the demonstration shows: one line per phase while the run goes on, and the result."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from springtide.cli.plain_text import plain
from springtide.record.model import PhaseRecord, ScalingRun

console = Console(width=None if sys.stdout.isatty() else 120)

_MARKS: Final = {
    "success": "[green]✓",
    "failed": "[red]✗",
    "skipped": "[dim]-",
    "upstream_failed": "[dim]-",
    "running": "[cyan]▶",
    "deferred": "[cyan]⏸",
    "up_for_retry": "[yellow]↻",
}


def phase_table(order: Sequence[str], tasks: Sequence[Mapping[str, Any]], run: ScalingRun | None) -> Table:
    """Return the phases as they stand: Airflow's state and seconds, and what springtide found."""
    by_name = {task["task_id"]: task for task in tasks}
    recorded = {phase.phase: phase for phase in run.phases} if run else {}
    table = Table("", "task", "seconds", "what it found", box=None, pad_edge=False)
    for name in order:
        task = by_name.get(name, {})
        state = task.get("state") or "waiting"
        table.add_row(_MARKS.get(state, " "), name, _seconds(task), plain(_words(state, recorded.get(name))))
    return table


def plan_table(plan: Mapping[str, Any]) -> Table:
    """Return why the plan is what it is: each model's answer, and each clamp with both numbers."""
    table = Table("step", "replicas", "why", title=plain(plan["reason"]), title_justify="left", title_style="")
    for answer in plan["estimate"]["answers"]:
        table.add_row(f"model {answer['model']}", f"{answer['replicas']:g}", plain(answer["reason"]))
    for clamp in plan["clamps"]:
        table.add_row(f"guard {clamp['guard']}", f"{clamp['was']} → {clamp['replicas']}", plain(clamp["reason"]))
    return table


def load_table(reports: Sequence[Mapping[str, Any]]) -> Table:
    """Return what the live load saw."""
    table = Table("live load", "requests/s", "sent", "failed", "p50 ms", "p99 ms", "pods that answered")
    for report in reports:
        latency = report["latency_ms"]
        failed = f"[red]{report['failed']}" if report["failed"] else "[green]0"
        table.add_row(
            "kept connections" if report["keepalive"] else "fresh connections",
            f"{report['rate_achieved']:g}",
            str(report["requests"]),
            failed,
            f"{latency['p50']}",
            f"{latency['p99']}",
            str(len(report["answers"])),
        )
    return table


def result(state: str, before: int, after: int, reports: Sequence[Mapping[str, Any]], seconds: float) -> str:
    """Return the demonstration in one line."""
    sent, failed = (sum(report[key] for report in reports) for key in ("requests", "failed"))
    colour = "green" if state == "success" and not failed else "red"
    return f"[{colour}]{state}[/]: {before} → {after} replicas in {seconds:.1f} s; {sent} requests, {failed} failed"


def next_table(airflow: str, sale: datetime) -> Table:
    """Return three pages of the Airflow at `airflow` to try next; the sale begins at `sale`."""
    table = Table("try next", "where", box=None, pad_edge=False)
    table.add_row("Every service on one screen", f"{airflow}/springtide/pages/services")
    ready = f"Is the sale of {sale.astimezone():%H:%M} ready? It is prepared three minutes before"
    table.add_row(ready, f"{airflow}/springtide/pages/events")
    table.add_row("Scale it yourself: Trigger opens the form", f"{airflow}/dags/scale_service")
    return table


def _seconds(task: Mapping[str, Any]) -> str:
    start = task.get("start_date")
    end = task.get("end_date")
    if not start:
        return ""
    until = datetime.fromisoformat(end) if end else datetime.now(datetime.fromisoformat(start).tzinfo)
    return f"{(until - datetime.fromisoformat(start)).total_seconds():.1f}"


def _words(state: str, phase: PhaseRecord | None) -> str:
    if phase is not None and phase.message:
        return phase.message
    return {"waiting": "", "success": "", "upstream_failed": "not begun"}.get(state, state)
