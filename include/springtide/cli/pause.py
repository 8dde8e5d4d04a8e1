"""`springtide pause`: no sweep and no event starts runs of one service; `springtide resume SERVICE` takes it back."""

from __future__ import annotations

from typing import Annotated

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.display import answer, tell
from springtide.cli.groups import Offers, grouped
from springtide.cli.options import (
    CliContext,
    Output,
    OutputOption,
    ServiceArgument,
    current_user,
    halt_by_environment,
)
from springtide.clock import SystemClock
from springtide.errors import SpringtideError
from springtide.fleet.pausing import Paused, pause_service, resume_service
from springtide.run.pauses import parse_pause

Stored = Annotated[CliContext, Offers("policies", "store")]
"""Where a pause is kept: it needs no cluster."""

UntilOption = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="2h, 1d, or an instant with its zone. Default: until somebody resumes it."),
]
WhyOption = Annotated[str, typer.Option("--reason", help="Why; every run that is not started repeats it.")]


@grouped
def pause(
    service: ServiceArgument,
    *,
    reason: WhyOption,
    until: UntilOption = None,
    place: Stored,
    output: OutputOption = Output.TABLE,
) -> None:
    """Keep sweeps and events from starting runs of SERVICE, until somebody resumes it or the time is up.

    A run by hand is refused unless --override says who lifts the pause and why. Runs that are under way go on, and
    giving back, rolling back and reconciling do too. `springtide halt` is another thing: it stops every write at once.
    """
    with answering(output):
        now = SystemClock().now()
        asked = {"reason": reason, "until": until}
        request = parse_pause(asked, place.policy(service), by=current_user(), now=now)
        _show(pause_service(place.open_store, request, now), output)


def resume_paused(place: CliContext, service: str, reason: str, output: Output) -> None:
    """Take the pause of one service back; a halt stays as it is.

    Raises:
        InputError: the service is not paused.
    """
    now = SystemClock().now()
    _show(resume_service(place.open_store, service, by=current_user(), reason=reason, now=now), output)
    halt = halt_by_environment()
    if halt is not None and output is Output.TABLE:
        answer(f"{halt.banner}; this command does not change that: `springtide resume` without a service does")


def say_pauses(place: CliContext, output: Output) -> None:
    """Tell people on stderr which services are paused, until when, by whom and why; or that nobody knows."""
    if output is not Output.TABLE:
        return
    try:
        with place.open_store() as store:
            pauses = store.pauses(now=SystemClock().now())
    except SpringtideError as error:
        tell(f"whether services are paused is not known: {error.message}")
        return
    for name, held in sorted(pauses.items()):
        tell(f"{held}. `springtide resume {name}` ends that")


def _show(done: Paused, output: Output) -> None:
    if output.is_for_programs:
        print_record(done.to_record(), output)
    else:
        answer(done.message)
