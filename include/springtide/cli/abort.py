"""`springtide abort`: ask the run of a service to stop and to roll back, and wait until it has."""

from __future__ import annotations

from typing import Annotated

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.cluster_note import ClusterNote
from springtide.cli.display import PhaseDisplay, answer, err
from springtide.cli.groups import grouped
from springtide.cli.options import Ending, Output, OutputOption, ServiceArgument, current_user, settings_now
from springtide.run.abort_parameters import longest_wait
from springtide.run.aborting import await_abort, request_abort


@grouped
def abort(
    service: ServiceArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why the run is to stop; everybody reads it.")],
    run: Annotated[
        str | None, typer.Option(help="The run that is meant. Default: whichever scales SERVICE now.")
    ] = None,
    place: Ending,
    output: OutputOption = Output.TABLE,
) -> None:
    """Stop the run that scales SERVICE, whoever started it, and let it roll back.

    It asks on the service's Lease, and the run undoes itself between two writes. Exits with 1 when the run did not roll
    back: it was past its way back, or has not ended within SPRINGTIDE_ABORT_WAIT.
    """
    display = PhaseDisplay(is_shown=output is Output.TABLE and err.is_terminal)
    note = ClusterNote(output)
    with answering(output):
        policy = place.policy(service)
        workload = policy.spec.target.workload
        wait = longest_wait(settings_now())
        with place.only_at(policy).ports(display.wait) as ports:
            note.say(ports)
            asked = request_abort(ports, workload, service, by=current_user(), reason=reason, run_id=run)
            with display:
                end = await_abort(ports, workload, asked.run_id, at_most=wait)
        end.require_rolled_back()
        if output.is_for_programs:
            print_record(end.to_record() | note.record, output)
        else:
            answer(end.message)
