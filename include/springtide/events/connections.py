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
        """What each of its replicas takes of what is shared."""


def connection_conflict(
    starting: ConnectionUser, replicas: int, others: Iterable[tuple[ConnectionUser, int, bool]], *, more: bool
) -> str | None:
    """Return why `starting` should wait with a run that has so many `replicas` at its peak; None when it may begin.

    `others` are all other services with the most replicas that each has now, and whether a run of it goes on; `more`
    says whether the run adds replicas at all.
    """
    users = list(others)
    # A run that adds nothing takes nothing from anybody: it must not wait for those that do.
    for use in starting.connection_uses if more else ():
        same = [
            (other, most, going, other_use)
            for other, most, going in users
            for other_use in other.connection_uses
            if other_use.name == use.name
        ]
        total = replicas * use.per_replica + sum(most * other_use.per_replica for _, most, _, other_use in same)
        usable = min([use.usable, *(other_use.usable for *_, other_use in same)])
        going_on = ", ".join(sorted(other.service for other, _, going, _ in same if going))
        # Nothing that goes on, nothing to wait for: waiting would never end, so the preflight refuses it with figures.
        if total > usable and going_on:
            return f"waits for {going_on}: {use.name} may give {usable} connections, together they take {total}"
    return None
