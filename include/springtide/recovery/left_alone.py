"""What a round says of runs that it leaves to somebody else."""

from __future__ import annotations

from springtide.errors import PermanentError
from springtide.kube.objects import ReplicaSet
from springtide.run.state import RunState
from springtide.strategy.model import AsideRecord


def of_another_installation(state: RunState, mine: str) -> str:
    """Return why a run of another Airflow is left alone, and who ends it."""
    return (
        f"it is a run of another Airflow (installation {state.installation}; this is {mine}), whose own reconcile_runs "
        f"ends it. Where that Airflow is gone for good: `springtide reconcile --run {state.run_id}`"
    )


def of_its_owner(state: RunState, mine: str) -> str:
    """Return why a run is left alone of which only its owner knows whether it lives."""
    if mine or not state.installation:
        return "left to its owner"
    return (
        f"left to its owner: only Airflow (installation {state.installation}) knows whether it lives, and its DAG "
        f"reconcile_runs ends it when not. Where there is no such Airflow any more, add --run {state.run_id}"
    )


def aside_of_another_installation(replica_set: ReplicaSet, record: AsideRecord, mine: str) -> PermanentError:
    """Return the error for a set that another Airflow's run has set aside, and that no Lease tells of."""
    return PermanentError(
        f"{replica_set.title} is set aside by run {record.run_id!r} of another Airflow (installation "
        f"{record.installation}; this is {mine}), and no Lease tells of that run. It is left alone: the reconcile_runs "
        f"of that Airflow undoes it, or `springtide reconcile --run {record.run_id}`.",
        code="other_installation",
        field=replica_set.name,
    )


def aside_of_released(replica_set: ReplicaSet, state: RunState) -> PermanentError:
    """Return the error for a set that a run left aside whose Lease somebody released by hand."""
    return PermanentError(
        f"{replica_set.title} is still set aside by run {state.run_id!r}, which was released by hand "
        f"({state.released_by}). It is left alone, and no run begins beside it. See which pods the Service selects; "
        "then give the set the labels of its template back, or delete it.",
        code="aside_released",
        field=replica_set.name,
    )
