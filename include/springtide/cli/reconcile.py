"""`springtide reconcile`: finishes or undoes the runs whose owner is gone."""

from __future__ import annotations

from typing import Annotated

import typer

from springtide.cli.answers import FAILED, TRY_AGAIN, answering, print_json
from springtide.cli.cluster_note import ClusterNote
from springtide.cli.display import answer, out, show_error
from springtide.cli.groups import grouped
from springtide.cli.options import (
    Ending,
    Output,
    OutputOption,
    settings_now,
)
from springtide.cli.plain_text import PlainTable, plain
from springtide.errors import InputError, SpringtideError
from springtide.policy.reading.folder import PolicyFolder
from springtide.recovery.limits import RoundLimits
from springtide.recovery.report import ReconcileReport, ReconcileStatus
from springtide.recovery.rounds import keep_round, known_by, namespaces_of, reconcile_round

_STYLES = {
    ReconcileStatus.ENDED: "green",
    ReconcileStatus.ALIVE: "cyan",
    ReconcileStatus.ELSEWHERE: "cyan",
    ReconcileStatus.STALLED: "bold yellow",
    ReconcileStatus.RETRY_LATER: "yellow",
    ReconcileStatus.NEEDS_ATTENTION: "bold red",
}


@grouped
def reconcile(
    *,
    namespace: Annotated[
        list[str] | None,
        typer.Option("--namespace", "-n", help="Namespace to scan (repeatable). Default: those of all policies."),
    ] = None,
    run: Annotated[
        list[str] | None, typer.Option(help="Treat this run's owner as dead, even if Airflow started it (repeatable).")
    ] = None,
    place: Ending,
    output: OutputOption = Output.TABLE,
) -> None:
    """Finish or undo every run whose owner is gone, from what stands in its Lease.

    A run of `springtide run` is gone when its Lease stands still for a minute. Whether a run of Airflow is gone only
    Airflow knows: the DAG reconcile_runs asks it, and this command leaves such a run alone unless --run names it.

    Exits with 0 when no run is left that waits for anybody, with 1 when one needs a person or claims to be alive and
    stands still, 75 when one is to be looked at again.
    """
    with answering(output):
        namespaces, unread = (namespace, ()) if namespace else _required_namespaces(place.folder)
        limits = RoundLimits.of(settings_now())
        is_alive = known_by(lambda run_id: run_id not in (run or ()))
        with place.ports(lambda _message: None) as ports:
            note = ClusterNote(output)
            note.say(ports)
            swept = reconcile_round(ports, namespaces, is_alive, unread, limits=limits)
            if not namespace:
                keep_round(ports, swept)
        _show(swept, output, note)
        code = _exit_code(swept)
    if code:
        raise typer.Exit(code)


def _required_namespaces(folder: PolicyFolder) -> tuple[list[str], tuple[SpringtideError, ...]]:
    namespaces, unread = namespaces_of(folder)
    if not namespaces and not unread:
        raise InputError(
            f"namespace: {folder.path} holds no policy that would say where to look; pass --namespace NAME.",
            code="namespace_required",
            field="namespace",
        )
    return namespaces, unread


def _exit_code(swept: ReconcileReport) -> int:
    for error in swept.refused:
        show_error(error)
    if swept.problems:
        return FAILED
    return TRY_AGAIN if swept.unanswered or swept.with_status(ReconcileStatus.RETRY_LATER) else 0


def _show(swept: ReconcileReport, output: Output, note: ClusterNote) -> None:
    if output is Output.JSON:
        print_json([run.to_record() | note.record for run in swept.runs])
        return
    if not swept.runs:
        answer("no run owns a workload: there is nothing to reconcile")
        return
    table = PlainTable("run", "workload", "status", "outcome", "what was found")
    for run in swept.runs:
        status = plain(run.status.value, _STYLES[run.status])
        table.add_row(run.run_id, f"{run.namespace}/{run.deployment}", status, run.outcome.value, run.message)
    out.print(table)
