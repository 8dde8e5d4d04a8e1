"""`springtide release-lease`: give a workload free whose run waits for a person, once that person has looked."""

from __future__ import annotations

from typing import Annotated

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.cluster_note import ClusterNote
from springtide.cli.display import PhaseDisplay, answer, err
from springtide.cli.groups import grouped
from springtide.cli.options import Ending, Output, OutputOption, ServiceArgument, current_user
from springtide.recovery.by_hand import held_lease
from springtide.recovery.by_hand import release_lease as give_free

LookedOption = Annotated[
    bool, typer.Option("--i-have-looked", help="Somebody has looked at what the run left, and it may stay as it is.")
]


@grouped
def release_lease(
    service: ServiceArgument,
    *,
    i_have_looked: LookedOption = False,
    run: Annotated[
        list[str] | None,
        typer.Option(help="Treat this run's owner as dead, although it waits for nobody (repeatable)."),
    ] = None,
    place: Ending,
    output: OutputOption = Output.TABLE,
) -> None:
    """Give SERVICE free from a run that ended as needs_attention. Changes nothing else: what the run left stays.

    Without --i-have-looked it prints what that is, and refuses. It waits until the Lease has stood still for a minute,
    and refuses while somebody works on the run.
    """
    display = PhaseDisplay(is_shown=output is Output.TABLE and err.is_terminal)
    note = ClusterNote(output)
    with answering(output):
        policy = place.policy(service)
        workload = policy.spec.target.workload
        with place.only_at(policy).ports(display.wait) as ports:
            note.say(ports)
            with display:
                lease = held_lease(ports, workload, service)
                released = give_free(
                    ports, workload, lease, by=current_user(), named=run or (), has_looked=i_have_looked
                )
        if output.is_for_programs:
            print_record(released.to_record() | note.record, output)
            return
        answer(f"{service} is free; {released.run_id} ended as {released.outcome}, and left:")
        for line in released.left or ("nothing",):
            answer(f"  {line}")
