"""Giving back what nobody gave back: one run for each floor whose time is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from springtide.errors import PermanentError, SpringtideError, TemporaryError, Violation
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run import pipeline
from springtide.run.clusters import OpenCluster, away, by_cluster, told
from springtide.run.ports import Ports
from springtide.run.release import HeldFloor, expired_floors, release_request


@dataclass(frozen=True, slots=True)
class ReleasedFloor:
    """What became of one floor that was over: the outcome of its run."""

    service: str
    run_id: str
    outcome: str

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return asdict(self)


def release_everywhere(
    open_cluster: OpenCluster,
    policies: Sequence[ScalingPolicy],
    unread: Sequence[Violation],
    *,
    parent: str,
    requested_by: str,
) -> list[ReleasedFloor]:
    """Give back every floor whose time is over in every cluster; one that does not answer keeps no other from it.

    Raises:
        PermanentError: as `release_expired`; the message says all of every cluster.
        TemporaryError: a cluster or the store does not answer, and nothing else is wrong.
    """
    released: list[ReleasedFloor] = []
    problems = [str(violation) for violation in unread]
    unanswered: list[TemporaryError] = []
    for cluster, theirs in by_cluster(policies).items():
        try:
            with open_cluster(theirs[0]) as ports:
                released += release_expired(ports, theirs, (), parent=parent, requested_by=requested_by)
        except TemporaryError as error:
            unanswered.append(away(error, cluster))
        except SpringtideError as error:
            problems.append(told(error, cluster).message)
    if problems:
        lines = [*problems, *(error.message for error in unanswered)]
        raise PermanentError("\n".join(lines), code="floors_not_released")
    if unanswered:
        raise unanswered[0]
    return released


def release_expired(
    ports: Ports, policies: Sequence[ScalingPolicy], unread: Sequence[Violation], *, parent: str, requested_by: str
) -> list[ReleasedFloor]:
    """Give back every floor whose time is over; a run that fails keeps no other from its own.

    `parent` is in the names of the runs; `unread` are the errors of policies that cannot be read.

    Raises:
        PermanentError: a floor could not be given back, or a policy cannot be read; the message says all.
        TemporaryError: the cluster or the store does not answer.
    """
    floors = [policy for policy in policies if policy.spec.strategy.type == "floor"]
    released: list[ReleasedFloor] = []
    problems: list[str] = []
    for held in list(expired_floors(ports, floors)):
        run_id = f"{parent}__{held.policy.name}"
        try:
            released.append(_release(ports, held, run_id, requested_by))
        except PermanentError as error:
            problems.append(f"{held.policy.name}: {error.message}")
    problems += map(str, unread)
    if problems:
        raise PermanentError("\n".join(problems), code="floors_not_released")
    return released


def _release(ports: Ports, held: HeldFloor, run_id: str, requested_by: str) -> ReleasedFloor:
    reason = f"over since {held.hold.until.isoformat()}"
    request = release_request(held.policy, run_id=run_id, requested_by=requested_by, reason=reason)
    return ReleasedFloor(held.policy.name, run_id, pipeline.run(ports, request).value)
