"""`springtide prune`: the store forgets what is old."""

from __future__ import annotations

from typing import Annotated

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.display import answer
from springtide.cli.options import DEFAULT_STORE, CliContext, Output, OutputOption, StoreOption, settings_now
from springtide.clock import SystemClock
from springtide.record.retention import Ages


def prune(
    *,
    older_than: Annotated[str, typer.Option("--older-than", metavar="AGE", help="From 30d to 3650d, such as 180d.")],
    apply: Annotated[bool, typer.Option("--apply", help="Remove it; without this, only say what would go.")] = False,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TABLE,
) -> None:
    """Remove records of runs, decisions, preparations and rehearsals that are older than AGE, and days of two years.

    Decisions and the moments of runs go as soon as SPRINGTIDE_KEEP_DECISIONS and SPRINGTIDE_KEEP_MOMENTS say. Never a
    run that is under way or waits for a person, nor a policy's newest. Changes no cluster.
    """
    with answering(output):
        now = SystemClock().now()
        ages = Ages.of(settings_now(), older_than)
        with CliContext(store=store).open_store() as opened:
            told = opened.prune(ages, now=now, is_dry=not apply)
        if output.is_for_programs:
            print_record(told.to_record(), output)
        else:
            answer(str(told))
            if told.is_dry:
                answer("nothing was removed: add --apply")
