"""`springtide roll-back`: undoes a run whose process is gone."""

from __future__ import annotations

from typing import Annotated

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.cluster_note import ClusterNote
from springtide.cli.display import PhaseDisplay, answer, err
from springtide.cli.groups import grouped
from springtide.cli.options import Ending, Output, OutputOption, ServiceArgument
from springtide.errors import NotFound
from springtide.record.model import RunOutcome
from springtide.recovery.by_hand import held_lease, is_left_to_a_person, silent_lease
from springtide.run import phases
from springtide.run.ports import Ports, RunRef


@grouped
def roll_back(
    service: ServiceArgument,
    *,
    force: Annotated[bool, typer.Option("--force", help="Do not wait until the run's Lease stands still.")] = False,
    place: Ending,
    output: OutputOption = Output.TABLE,
) -> None:
    """Undo the run that owns SERVICE, from what stands in its Lease.

    It waits until that has stood still for a minute, so that nobody works on the run any more; not for a run that
    waits for a person, and not with --force. Where no run owns SERVICE there is nothing to do, which is no failure.
    """
    display = PhaseDisplay(is_shown=output is Output.TABLE and err.is_terminal)
    note = ClusterNote(output)
    with answering(output):
        policy = place.policy(service)
        workload = policy.spec.target.workload
        with place.only_at(policy).ports(display.wait) as ports:
            note.say(ports, workload.namespace)
            try:
                with display:
                    lease = held_lease(ports, workload, service)
                    if not force and not is_left_to_a_person(lease):
                        silent_lease(ports, workload, lease)
            except NotFound as nothing:
                ended = {"run_id": "", "outcome": RunOutcome.NOTHING_TO_DO.value, "message": nothing.message}
            else:
                ref = RunRef.of_holder(workload, lease.holder)
                with display:
                    ended = _undone(ports, ref)
        if output.is_for_programs:
            print_record(ended | note.record, output)
        else:
            answer(": ".join(filter(None, ended.values())))


def _undone(ports: Ports, ref: RunRef) -> dict[str, str]:
    progress = phases.roll_back(ports, ref, is_decided=True)
    outcome = phases.report(ports, ref)
    return {"run_id": ref.run_id, "outcome": outcome.value, "message": progress.message}
