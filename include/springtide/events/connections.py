"""What services of one preparation or sweep take together of what they share: databases with so many connections. Pure.

A run that would find no connections beside the runs that go on waits for them here, instead of being refused by its
own preflight. Where no run goes on that could give any back, it starts: then the preflight has the last word.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ConnectionUse:
    """What each replica of a service takes of `name`, and how many connections all may use together."""

    name: str
    per_replica: int
    usable: int


class ConnectionUser(Protocol):
    """A service, what its replicas draw on, and the most replicas that it has until the next turn."""

    @property
    def service(self) -> str:
        """Its name."""

    @property
    def connection_uses(self) -> tuple[ConnectionUse, ...]:
        """What it connection_uses on."""


def connection_conflict(
    starting: ConnectionUser, replicas: int, others: Iterable[tuple[ConnectionUser, int, bool]], *, more: bool
) -> str | None:
    """Return why `starting` should wait with a run that has so many `replicas` at its peak; None when it may begin.

    `others` are all other services with the most replicas that each has now, and whether a run of it goes on; `more`
    says whether the run adds replicas at all.
    """
    found = list(others)
    for draw in starting.connection_uses if more else ():
        same = [
            (other, most, going, one)
            for other, most, going in found
            for one in other.connection_uses
            if one.name == draw.name
        ]
        total = replicas * draw.per_replica + sum(most * one.per_replica for _, most, _, one in same)
        usable = min([draw.usable, *(one.usable for *_, one in same)])
        going_on = ", ".join(sorted(other.service for other, _, going, _ in same if going))
        if total > usable and going_on:
            return f"waits for {going_on}: {draw.name} may give {usable} connections, together they take {total}"
    return None
