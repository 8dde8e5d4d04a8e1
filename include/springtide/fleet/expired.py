"""Giving back what nobody gave back: one run for each floor whose time is over."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any, Final

from springtide.errors import PermanentError, SpringtideError, TemporaryError, Violation
from springtide.fleet.notices import floor_fact
from springtide.notify.facts import Fact
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.looks import floors_seen, keep_look
from springtide.record.model import RunOutcome
from springtide.run import clusters, freezes, halt, pipeline
from springtide.run.ports import Ports
from springtide.run.release import HeldFloor, held_floors, release_request

_GIVEN_BACK: Final = frozenset({RunOutcome.SUCCEEDED.value, RunOutcome.NOTHING_TO_DO.value})

_WAITING: Final = frozenset({freezes.CODE, halt.CODE})
"""Why a floor is kept for a while longer without anything being wrong."""


@dataclass(frozen=True, slots=True)
class ReleasedFloor:
    """What became of one floor that was over: the outcome of its run; `frozen` or `halted` where it has to wait."""

    service: str
    run_id: str
    outcome: str

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return asdict(self)


def release_everywhere(
    open_cluster: clusters.OpenCluster,
    policies: Sequence[ScalingPolicy],
    unread: Sequence[Violation],
    *,
    parent: str,
    requested_by: str,
    told: list[Fact] | None = None,
) -> list[ReleasedFloor]:
    """Give back every floor whose time is over in every cluster; one that does not answer keeps no other from it.

    Raises:
        PermanentError: as `release_expired`; the message says all of every cluster.
        TemporaryError: a cluster or the store does not answer, and nothing else is wrong.
    """
    released: list[ReleasedFloor] = []
    problems = [str(violation) for violation in unread]
    unanswered: list[TemporaryError] = []
    for cluster, theirs in clusters.by_cluster(policies).items():
        try:
            with open_cluster(theirs[0]) as ports:
                released += release_expired(ports, theirs, parent=parent, requested_by=requested_by, told=told)
        except TemporaryError as error:
            unanswered.append(clusters.away(error, cluster))
        except SpringtideError as error:
            problems.append(clusters.told(error, cluster).message)
    if problems:
        lines = [*problems, *(error.message for error in unanswered)]
        raise PermanentError("\n".join(lines), code="floors_not_released")
    if unanswered:
        raise unanswered[0]
    return released


def release_expired(
    ports: Ports,
    policies: Sequence[ScalingPolicy],
    *,
    parent: str,
    requested_by: str,
    told: list[Fact] | None = None,
) -> list[ReleasedFloor]:
    """Give back every floor of one cluster whose time is over; a run that fails keeps no other from its own.

    `parent` is in the names of the runs. What people are told of each floor is added to `told`.

    Raises:
        PermanentError: a floor could not be given back; the message says all.
        TemporaryError: the cluster or the store does not answer.
    """
    told = [] if told is None else told
    floors = [policy for policy in policies if policy.spec.strategy.type == "floor"]
    held = list(held_floors(ports, floors))
    now = ports.clock.now()
    released: list[ReleasedFloor] = []
    problems: list[str] = []
    for floor in (each for each in held if each.hold.until <= now):
        run_id = f"{parent}__{floor.policy.name}"
        try:
            released.append(_release(ports, floor, run_id, requested_by))
        except PermanentError as error:
            if error.code in _WAITING:
                released.append(ReleasedFloor(floor.policy.name, run_id, error.code))
                continue
            problems.append(f"{floor.policy.name}: {error.message}")
            told.append(floor_fact(floor, error.message))
        else:
            told += [floor_fact(floor, None)] if released[-1].outcome in _GIVEN_BACK else []
    given_back = {each.service for each in released if each.outcome == RunOutcome.SUCCEEDED}
    left = {floor.policy.name: floor.hold.until for floor in held if floor.policy.name not in given_back}
    look = floors_seen(left, of=[policy.name for policy in floors], now=ports.clock.now())
    keep_look(lambda: nullcontext(ports.store), look)
    if problems:
        raise PermanentError("\n".join(problems), code="floors_not_released")
    return released


def _release(ports: Ports, held: HeldFloor, run_id: str, requested_by: str) -> ReleasedFloor:
    reason = f"over since {held.hold.until.isoformat()}"
    request = release_request(held.policy, run_id=run_id, requested_by=requested_by, reason=reason)
    return ReleasedFloor(held.policy.name, run_id, pipeline.run(ports, request).value)
