"""`springtide release`: give raised minimums back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from springtide.cli.answers import answering, print_json
from springtide.cli.display import PhaseDisplay, err
from springtide.cli.groups import grouped
from springtide.cli.options import (
    Ending,
    Output,
    OutputOption,
    Place,
    ReasonOption,
    current_user,
    new_run_id,
)
from springtide.clock import SystemClock
from springtide.errors import InputError, SpringtideError
from springtide.run import pipeline
from springtide.run.release import expired_floors, release_request

if TYPE_CHECKING:
    from springtide.policy.model import ScalingPolicy
    from springtide.run.ports import Ports

ServiceOption = Annotated[str | None, typer.Argument(metavar="[SERVICE]", help="The policy whose floor is given back.")]
ExpiredOption = Annotated[bool, typer.Option("--expired", help="Every floor whose time is over, of all policies.")]


@grouped
def release(
    service: ServiceOption = None,
    *,
    expired: ExpiredOption = False,
    reason: ReasonOption = "released by hand",
    place: Ending,
    output: OutputOption = Output.TABLE,
) -> None:
    """Give the minimum of SERVICE's autoscaler back to what its owner set, once the smoke test has passed."""
    display = PhaseDisplay(is_shown=output is Output.TABLE and err.is_terminal)
    with answering(output), place.ports(display.wait) as ports, display:
        failed: list[SpringtideError] = []
        for policy in _chosen(place, ports, service, expired=expired):
            request = release_request(
                policy, run_id=new_run_id(SystemClock()), requested_by=current_user(), reason=reason
            )
            try:
                outcome = pipeline.run(ports, request, display.phase).value
            except SpringtideError as error:  # one that cannot be released does not keep the others held
                outcome = "failed"
                failed.append(error)
            print_json({"service": policy.name, "run_id": request.run_id, "outcome": outcome})
        if failed:
            raise failed[0]


def _chosen(place: Place, ports: Ports, service: str | None, *, expired: bool) -> Iterator[ScalingPolicy]:
    if (service is None) is not expired:
        raise InputError("service: name one, or pass --expired for all that are over.", code="name_required")
    if service is not None:
        yield place.policy(service)
        return
    for held in list(expired_floors(ports, place.all_policies())):
        yield held.policy
