"""Whether somebody can stop a run now, by its Lease."""

from __future__ import annotations

from springtide.errors import SpringtideError
from springtide.overview.run_view import AbortView
from springtide.record.model import ScalingRun
from springtide.run.abort import abort_of
from springtide.run.aborting import require_way_back
from springtide.run.lease import Lease
from springtide.run.ports import RunRef
from springtide.run.state import Phase


def abort_view(run: ScalingRun, lease: Lease | None) -> AbortView:
    """Return whether the run can be stopped; `lease` is its workload's, None where there is none, or nobody looked."""
    asked = None if lease is None else abort_of(lease, run.run_id)
    why_not = "it has ended" if run.is_ended else _why_not(run, lease)
    if not why_not and asked is not None:
        why_not = "it was asked to stop"
    return AbortView(is_possible=not why_not, why_not=why_not, asked="" if asked is None else str(asked))


def _why_not(run: ScalingRun, lease: Lease | None) -> str:
    if lease is None or not lease.holder:
        return "it has written nothing yet, so there is nothing to undo; an approval is rejected in Airflow"
    if RunRef.of_holder(run.target, lease.holder).run_id != run.run_id:
        return f"run {lease.holder} owns the service"
    try:
        state = lease.required_state()
        require_way_back(state, run.policy)
    except SpringtideError as error:
        return error.message
    return "it is being rolled back" if any(entry.phase is Phase.ROLL_BACK for entry in state.journal) else ""
