"""`springtide reconcile`: finishes or undoes the runs whose owner is gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.cluster_note import ClusterNote
from springtide.cli.display import answer, out, show_error
from springtide.cli.exit_codes import ExitCode
from springtide.cli.groups import grouped
from springtide.cli.options import (
    CliContext,
    Ending,
    Output,
    OutputOption,
    settings_now,
)
from springtide.cli.plain_text import PlainTable, plain
from springtide.clock import SystemClock
from springtide.errors import InputError, SpringtideError
from springtide.policy.reading.folder import PolicyFolder
from springtide.recovery.limits import RoundLimits
from springtide.recovery.report import ReconcileReport, ReconcileStatus
from springtide.recovery.rounds import Scope, keep_round, known_by, reconcile_everywhere, reconcile_round, scopes_of
from springtide.run.clusters import OpenCluster

if TYPE_CHECKING:
    from springtide.policy.scaling.model import ScalingPolicy
    from springtide.run.ports import Ports

_STYLES = {
    ReconcileStatus.ENDED: "green",
    ReconcileStatus.ALIVE: "cyan",
    ReconcileStatus.ELSEWHERE: "cyan",
    ReconcileStatus.STALLED: "bold yellow",
    ReconcileStatus.RETRY_LATER: "yellow",
    ReconcileStatus.HALTED: "bold yellow",
    ReconcileStatus.NEEDS_ATTENTION: "bold red",
}


@grouped
def reconcile(
    *,
    namespace: Annotated[
        list[str] | None,
        typer.Option(
            "--namespace",
            "-n",
            help="Namespace of the context to scan (repeatable). Default: those of all policies, in their clusters.",
        ),
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
        note = ClusterNote(output)
        limits = RoundLimits.of(settings_now())
        is_alive = known_by(lambda run_id: run_id not in (run or ()))
        if namespace:
            with place.ports(_quietly) as ports:
                note.say(ports, *namespace)
                swept = reconcile_round(ports, namespace, is_alive, limits=limits)
        else:
            scopes, unread = _required_scopes(place.folder)
            swept = reconcile_everywhere(_opening(place, note, scopes), scopes, is_alive, unread, limits=limits)
            keep_round(place.open_store, swept, SystemClock().now())
        _show(swept, output, note)
        code = _exit_code(swept)
    if code:
        raise typer.Exit(code)


def _quietly(_message: str) -> None:
    """Show nothing of a wait."""


def _opening(place: CliContext, note: ClusterNote, scopes: Sequence[Scope]) -> OpenCluster:
    """Return what opens the cluster of a policy, and tells which it is and who has halted the writes there."""
    looked_into = {scope.cluster: scope.namespaces for scope in scopes}

    @contextmanager
    def opened(policy: ScalingPolicy) -> Iterator[Ports]:
        with place.at(policy).ports(_quietly) as ports:
            note.say(ports, *looked_into[policy.spec.target.workload.cluster])
            yield ports

    return opened


def _required_scopes(folder: PolicyFolder) -> tuple[tuple[Scope, ...], tuple[SpringtideError, ...]]:
    scopes, unread = scopes_of(folder)
    if not scopes and not unread:
        raise InputError(
            f"namespace: {folder.path} holds no policy that would say where to look; pass --namespace NAME.",
            code="namespace_required",
            field="namespace",
        )
    return scopes, unread


def _exit_code(swept: ReconcileReport) -> int:
    for error in swept.refused:
        show_error(error)
    if swept.problems:
        return ExitCode.FAILED
    later = swept.with_status(ReconcileStatus.RETRY_LATER, ReconcileStatus.HALTED)
    return ExitCode.TRY_AGAIN if swept.unanswered or later else ExitCode.DONE


def _show(swept: ReconcileReport, output: Output, note: ClusterNote) -> None:
    if output.is_for_programs:
        print_record([run.to_record() | note.record for run in swept.runs], output)
        return
    if not swept.runs:
        answer("no run owns a workload: there is nothing to reconcile")
        return
    table = PlainTable("run", "workload", "status", "outcome", "what was found")
    for run in swept.runs:
        status = plain(run.status.value, _STYLES[run.status])
        table.add_row(run.run_id, run.workload, status, run.outcome.value, run.message)
    out.print(table)
