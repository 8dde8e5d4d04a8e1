"""`springtide status`: the latest runs, or one of them."""

from __future__ import annotations

from typing import Annotated

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.cluster_note import ClusterNote
from springtide.cli.display import show_run
from springtide.cli.exit_codes import ExitCode
from springtide.cli.halt_banner import say_halts
from springtide.cli.options import DEFAULT_STORE, CliContext, Output, OutputOption, StoreOption, settings_now
from springtide.cli.pause import say_pauses
from springtide.cli.run_list import show_runs
from springtide.cli.watch import watch
from springtide.clock import SystemClock


def status(
    service: Annotated[str | None, typer.Argument(help="Only runs of this policy.")] = None,
    *,
    run_id: Annotated[str | None, typer.Option("--run", help="One run, with its phases.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many runs, newest first.")] = 20,
    watched: Annotated[
        bool, typer.Option("--watch", help="Follow the latest run of SERVICE, or that of --run, until it ends.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print the latest runs, or one of them.

    With --watch it ends with the run, and exits with 1 where that did not do what it was asked to.
    """
    place = CliContext(store=store, policies=settings_now().policies)
    if watched:
        code = ExitCode.FAILED
        with answering(output):
            code = watch(place, service, run_id, output)
        raise typer.Exit(code)
    with answering(output):
        if run_id is not None:
            show_one(place, run_id, output, ClusterNote(output))
            return
        say_halts(place, output)
        say_pauses(place, output)
        with place.open_store() as opened:
            runs = opened.latest(service, limit=limit)
        if output.is_for_programs:
            print_record([each.to_record() for each in runs], output)
        else:
            show_runs(runs, SystemClock().now())


def show_one(place: CliContext, run_id: str, output: Output, note: ClusterNote, *, with_error: bool = True) -> None:
    """Show one run of the store; without its error where the caller shows that itself.

    Raises:
        NotFound: the store knows no such run (`run_unknown`).
    """
    with place.open_store() as store:
        run = store.get(run_id)
    if output.is_for_programs:
        print_record(run.to_record() | note.record, output)
    else:
        show_run(run, with_error=with_error)
