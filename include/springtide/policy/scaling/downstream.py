"""What all replicas connect to, and how many connections it accepts."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from springtide.policy.language.parts import Contradiction, Part
from springtide.policy.language.units import Name


class Downstream(Part):
    """Something that all replicas connect to, and that has only so many connections: a database, a broker."""

    name: Name
    """What it is called. Required: policies that name the same one share its connections."""

    connections_per_replica: Annotated[int, Field(ge=1, le=10_000)]
    """The most connections that one replica opens: the size of its pool. Required."""

    limit: Annotated[int, Field(ge=1, le=1_000_000)]
    """The most connections that it accepts (PostgreSQL: `max_connections`). Required."""

    reserve: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """How many of them are kept free for others: administrators, jobs, backups. Default 0."""

    @property
    def usable(self) -> int:
        """What replicas may use together."""
        return self.limit - self.reserve

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        if self.reserve >= self.limit:
            yield Contradiction(("reserve",), f"reserve {self.reserve} leaves no connection of limit {self.limit}")
