"""What must hold before anything is written, beyond the workload itself."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from springtide.policy.part import Contradiction, Part
from springtide.policy.units import Duration, Factor, Name, Percent, between

PreflightCheck = Literal[
    "quota",
    "nodes",
    "disruption_budget",
    "autoscaler_maximum",
    "image",
    "grace",
    "rights",
    "gitops",
    "downstream",
    "database",
]


class Preflight(Part):
    """How the findings of the preflight are taken."""

    only_warn: Annotated[tuple[PreflightCheck, ...], Field(strict=False)] = ()
    """Checks whose findings are told but stop no run: `quota`, `nodes`, `disruption_budget`, `autoscaler_maximum`,
    `image`, `grace`, `rights`, `gitops`, `downstream` or `database`. Default none. `nodes` where a cluster autoscaler
    brings more of them; `gitops` where the tool is known to ignore the field."""


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
            yield Contradiction(("reserve",), f"reserve {self.reserve} leaves nothing of limit {self.limit}")


class Approval(Part):
    """When a person must approve a plan before it is applied."""

    always: bool = False
    """Every plan that changes something. Default false."""

    above: Factor | None = None
    """Plans to more than this multiple of the replicas of now, such as `2x`. Default none."""

    below: Percent | None = None
    """Plans to less than this share of the replicas of now, such as `50%`. Default none."""

    within: Annotated[Duration, between("1m", "7d")] = Duration("1d")
    """How long a run of Airflow waits for the answer; then it ends failed, and nothing was written. Default 1d."""

    def is_needed(self, current: int, replicas: int) -> bool:
        """Say whether a plan from `current` to `replicas` needs a person."""
        if self.always:
            return True
        too_high = self.above is not None and replicas > current * self.above
        return too_high or (self.below is not None and replicas < current * self.below)
