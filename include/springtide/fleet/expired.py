"""Giving back what nobody gave back: one run for each floor whose time is over."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

from springtide.errors import PermanentError, Violation
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.looks import floors_seen, keep_look
from springtide.record.model import RunOutcome
from springtide.run import pipeline
from springtide.run.ports import Ports
from springtide.run.release import HeldFloor, held_floors, release_request


@dataclass(frozen=True, slots=True)
class ReleasedFloor:
    """What became of one floor that was over: the outcome of its run."""

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
    held = list(held_floors(ports, floors))
    now = ports.clock.now()
    released: list[ReleasedFloor] = []
    problems: list[str] = []
    for floor in (each for each in held if each.hold.until <= now):
        run_id = f"{parent}__{floor.policy.name}"
        try:
            released.append(_release(ports, floor, run_id, requested_by))
        except PermanentError as error:
            problems.append(f"{floor.policy.name}: {error.message}")
    problems += map(str, unread)
    given_back = {each.service for each in released if each.outcome == RunOutcome.SUCCEEDED}
    left = {floor.policy.name: floor.hold.until for floor in held if floor.policy.name not in given_back}
    look = floors_seen(left, is_whole=not unread, now=ports.clock.now())
    keep_look(lambda: nullcontext(ports.store), look)
    if problems:
        raise PermanentError("\n".join(problems), code="floors_not_released")
    return released


def _release(ports: Ports, held: HeldFloor, run_id: str, requested_by: str) -> ReleasedFloor:
    reason = f"over since {held.hold.until.isoformat()}"
    request = release_request(held.policy, run_id=run_id, requested_by=requested_by, reason=reason)
    return ReleasedFloor(held.policy.name, run_id, pipeline.run(ports, request).value)
