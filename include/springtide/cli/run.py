"""`springtide run`: a whole run in this process."""

from __future__ import annotations

from dataclasses import asdict

import structlog

from springtide.cli.answers import answering
from springtide.cli.asked import RunOptions, requested_run
from springtide.cli.cluster_note import ClusterNote
from springtide.cli.display import PhaseDisplay, err
from springtide.cli.groups import grouped
from springtide.cli.options import (
    CliContext,
    Output,
    OutputOption,
    ServiceArgument,
    current_user,
    new_run_id,
)
from springtide.cli.status import show_one
from springtide.clock import SystemClock
from springtide.errors import SpringtideError
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run import pipeline
from springtide.run.ports import RunRequest
from springtide.run.refusals import refusals_kept
from springtide.run.request_parameters import RequestOrigin

log = structlog.get_logger(__name__)


@grouped
def run(
    service: ServiceArgument,
    *,
    asked: RunOptions,
    place: CliContext,
    output: OutputOption = Output.TABLE,
) -> None:
    """Scale SERVICE: the whole run, in this process.

    A failure rolls back and exits with 1, or with 75 when it is worth trying again. A plan that must be approved is
    asked about on a terminal; elsewhere it takes --approve.
    """
    display = PhaseDisplay(is_shown=output is Output.TABLE and err.is_terminal)
    note = ClusterNote(output)
    with answering(output):
        policy = place.policy(service)
        request = _requested(place, policy, asked)
        with place.only_at(policy).ports(display.wait) as ports:
            note.say(ports, policy.spec.target.namespace)
            try:
                with display:
                    pipeline.run(ports, request, display.phase, approve=display.approve)
            finally:
                _show_if_kept(place, request.run_id, output, note)


def _requested(place: CliContext, policy: ScalingPolicy, asked: RunOptions) -> RunRequest:
    """Return the request; one that is refused stands in the history, with who asked and for what."""
    clock = SystemClock()
    run_id = new_run_id(clock)
    origin = RequestOrigin(run_id=run_id, requested_by=current_user(), trigger="manual", due=clock.now())
    values = {"service": policy.name} | asdict(asked)
    with place.open_store() as store, refusals_kept(store, values, place.folder, origin, clock):
        return requested_run(policy, asked)


def _show_if_kept(place: CliContext, run_id: str, output: Output, note: ClusterNote) -> None:
    """Show the run at its end; a store that does not answer must not hide how the run ended."""
    try:
        show_one(place, run_id, output, note, with_error=False)  # the error itself is shown last, by `answering`
    except SpringtideError as error:
        log.warning("record_not_shown", run=run_id, code=error.code, message=error.message)
