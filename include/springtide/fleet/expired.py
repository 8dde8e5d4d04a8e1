"""Giving back what nobody gave back: one run for each floor whose time is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from springtide.errors import PermanentError, Violation
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run import freezes, halt, pipeline
from springtide.run.ports import Ports
from springtide.run.release import HeldFloor, expired_floors, release_request

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
            if error.code in _WAITING:
                released.append(ReleasedFloor(held.policy.name, run_id, error.code))
                continue
            problems.append(f"{held.policy.name}: {error.message}")
    problems += map(str, unread)
    if problems:
        raise PermanentError("\n".join(problems), code="floors_not_released")
    return released


def _release(ports: Ports, held: HeldFloor, run_id: str, requested_by: str) -> ReleasedFloor:
    reason = f"over since {held.hold.until.isoformat()}"
    request = release_request(held.policy, run_id=run_id, requested_by=requested_by, reason=reason)
    return ReleasedFloor(held.policy.name, run_id, pipeline.run(ports, request).value)
