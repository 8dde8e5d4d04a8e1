"""`springtide release`: give raised minimums back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.cluster_note import ClusterNote
from springtide.cli.display import PhaseDisplay, answer, err
from springtide.cli.groups import grouped
from springtide.cli.options import (
    CliContext,
    Ending,
    Output,
    OutputOption,
    OverrideOption,
    ReasonOption,
    current_user,
    new_run_id,
)
from springtide.clock import SystemClock
from springtide.errors import InputError, SpringtideError
from springtide.run import pipeline
from springtide.run.clusters import by_cluster, told
from springtide.run.freezes import parse_override
from springtide.run.release import expired_floors, release_request

if TYPE_CHECKING:
    from springtide.policy.scaling.model import ScalingPolicy
    from springtide.run.ports import Ports

ServiceOption = Annotated[str | None, typer.Argument(metavar="[SERVICE]", help="The policy whose floor is released.")]
ExpiredOption = Annotated[bool, typer.Option("--expired", help="Release every expired floor, of all policies.")]


@grouped
def release(
    service: ServiceOption = None,
    *,
    expired: ExpiredOption = False,
    reason: ReasonOption = "released by hand",
    override: OverrideOption = "",
    place: Ending,
    output: OutputOption = Output.TABLE,
) -> None:
    """Give the minimum of SERVICE's autoscaler back to what its owner set, once the smoke test has passed."""
    display = PhaseDisplay(is_shown=output is Output.TABLE and err.is_terminal)
    with answering(output):
        lifted = parse_override(override)
        note = ClusterNote(output)
        why = {"reason": reason, "override": lifted}
        failed: list[SpringtideError] = []
        for theirs in by_cluster(_asked_for(place, service, expired=expired)).values():
            there = place.at(theirs[0]) if expired else place.only_at(theirs[0])
            try:
                with there.ports(display.wait) as ports:
                    note.say(ports)
                    with display:
                        policies = _held(ports, theirs) if expired else theirs
                        ended, errors = _release_each(ports, policies, display, why)
                    failed += errors
                    for one in ended:
                        _show(one, output, note)
            except SpringtideError as error:  # a cluster that is away does not keep the others' floors held
                failed.append(told(error, theirs[0].spec.target.workload.cluster))
        if failed:
            raise failed[0]


def _release_each(
    ports: Ports, policies: Sequence[ScalingPolicy], display: PhaseDisplay, why: dict[str, str]
) -> tuple[list[dict[str, str]], list[SpringtideError]]:
    """Return how the release of each ended, and the errors among them: one that fails does not keep the others held."""
    ended: list[dict[str, str]] = []
    failed: list[SpringtideError] = []
    for policy in policies:
        run_id = new_run_id(SystemClock())
        request = release_request(policy, run_id=run_id, requested_by=current_user(), **why)
        try:
            outcome = pipeline.run(ports, request, display.phase).value
        except SpringtideError as error:
            outcome = "failed"
            failed.append(error)
        ended.append({"service": policy.name, "run_id": run_id, "outcome": outcome})
    return ended, failed


def _show(ended: dict[str, str], output: Output, note: ClusterNote) -> None:
    if output.is_for_programs:
        print_record(ended | note.record, output)
    else:
        answer(f"{ended['service']}: {ended['outcome']} by {ended['run_id']}")


def _asked_for(place: CliContext, service: str | None, *, expired: bool) -> list[ScalingPolicy]:
    if (service is None) is not expired:
        raise InputError("service: give one, or pass --expired for all expired floors.", code="name_required")
    return list(place.folder.all().values()) if service is None else [place.policy(service)]


def _held(ports: Ports, policies: Sequence[ScalingPolicy]) -> list[ScalingPolicy]:
    return [held.policy for held in expired_floors(ports, policies)]
