"""Phases that follow one that is done, in its process: what waits for nothing costs no process of its own.

Each is the phase that it always is: by the journal in the Lease, with its own looks, its own record and its own
deadline. It only goes ahead of the task that has its name. That task finds in the journal that it is done, does it
itself where it is not, and fails by the words of the attempt that went ahead where that failed for good: so no phase
is judged twice because of who did it, and no task shows what its phase is not.

A phase that is not done within the patience is left to its task, as one that failed for a reason that passes, and a
smoke test that watches for a while: what takes long is seen under its own name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import structlog

from springtide.errors import PermanentError
from springtide.plan.model import PlanOutcome, ScalingPlan
from springtide.run.acquisition import ref_of
from springtide.run.approval import needs_approval
from springtide.run.engine import Progress
from springtide.run.handover import Handover
from springtide.run.ownership import lease_of
from springtide.run.phase_table import FORWARD, phase_behind
from springtide.run.phases import create_instances, run_phase
from springtide.run.ports import Ports, RunRef, RunRequest
from springtide.run.state import JournalStatus, Phase
from springtide.run.work import Work

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WentAhead:
    """What became of one phase that went ahead: what it came to, or the error that ended it for good."""

    phase: Phase
    progress: Progress | None = None
    error: PermanentError | None = None


def begin_ahead(
    ports: Ports, request: RunRequest, plan: ScalingPlan, *, patience: timedelta, handover: Handover | None = None
) -> Iterator[WentAhead]:
    """Create the instances of `plan` in the process that made it, then go on as `go_ahead` does.

    `handover` has what the plan was made by.

    Yields nothing where a person is asked first, where nodes come first, and where nothing is to be changed. Whoever
    is killed on the way and plans again is given the plan in the run's Lease, and goes on with that.
    """
    if not _may_begin(request, plan):
        return
    handover = handover or Handover()
    handover.following = phase_behind(Phase.CREATE_INSTANCES)
    created = _went(Phase.CREATE_INSTANCES, lambda: create_instances(ports, request, plan, handover=handover))
    if created is None:
        return
    yield created
    if created.error is None:
        ref = ref_of(request, plan, 1)
        yield from go_ahead(ports, ref, Phase.CREATE_INSTANCES, patience=patience, handover=handover)


def go_ahead(
    ports: Ports, ref: RunRef, after: Phase, *, patience: timedelta, handover: Handover | None = None
) -> Iterator[WentAhead]:
    """Do the phases behind `after`, which is done, and yield each; end before the first that its own task has to do.

    `patience` is how long each of them may take, `handover` what `after` has left in this process. Raises nothing: what
    failed for good is yielded as the last.
    """
    first_attempt = replace(ref, attempt=1)
    handover = handover or Handover()
    for phase in FORWARD[FORWARD.index(after) + 1 :]:
        went = _went(phase, partial(_followed, ports, first_attempt, phase, patience, handover))
        if went is None:
            return
        yield went
        if went.error is not None:
            return


def done_ahead(ports: Ports, ref: RunRef, phase: Phase) -> str | None:
    """Return what `phase` came to where the run's Lease says that it is done; None where it is not.

    Raises:
        Fenced: another run holds the Lease, none does, or it is gone.
        PermanentError, TemporaryError: as the cluster says.
    """
    entry = Work.of(ports, ref).state.entry(phase, JournalStatus.DONE)
    return None if entry is None else entry.message


def is_begun(ports: Ports, ref: RunRef, phase: Phase) -> bool:
    """Tell whether somebody has begun `phase`: whoever went ahead has waited for it already.

    Raises:
        Fenced, PermanentError, TemporaryError: as `done_ahead`.
    """
    return Work.of(ports, ref).state.entry(phase, JournalStatus.STARTED) is not None


def _may_begin(request: RunRequest, plan: ScalingPlan) -> bool:
    is_to_change = plan.outcome is PlanOutcome.SCALE and not request.dry_run
    return is_to_change and request.settings.warm_nodes is None and not needs_approval(request, plan)


def _went(phase: Phase, do: Callable[[], Progress | None]) -> WentAhead | None:
    """Return what `do` made of `phase`; None where it is left to its own task."""
    try:
        progress = do()
    except PermanentError as error:
        return WentAhead(phase, error=error)
    except Exception as error:  # noqa: BLE001  its own task meets it again, with its retries and its words
        log.warning("left_to_its_task", phase=phase.value, error=repr(error))
        return None
    return WentAhead(phase, progress) if progress is not None and progress.is_done else None


def _followed(ports: Ports, ref: RunRef, phase: Phase, patience: timedelta, handover: Handover) -> Progress | None:
    if _has_to_be_seen(ports, ref, phase, handover):
        return None
    behind = phase_behind(phase)
    is_next = behind is not None and not _has_to_be_seen(ports, ref, behind, handover)
    handover.following = behind if is_next else None
    return run_phase(ports, ref, phase, patience=patience, handover=handover)


def _has_to_be_seen(ports: Ports, ref: RunRef, phase: Phase, handover: Handover) -> bool:
    """Tell whether `phase` takes long by its very nature."""
    if phase is not Phase.SMOKE_TEST:
        return False
    lease = handover.handed(ref.holder, ports.clock.monotonic()) or lease_of(ports, ref)
    return lease.required_state().stability is not None
