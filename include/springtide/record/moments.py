"""What a run saw and wrote from one moment to the next: how many pods were ready, who had traffic, and each write.

For people who look at a run, and for nothing else: no run goes by it, and one without any is as good as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from springtide.stored import Stored

MOMENTS: Final = 500
"""How many moments of one run are kept at most, unless somebody says otherwise."""

WRITE_LIMIT: Final = 300
"""Characters that are kept of what a write was for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodCounts(Stored):
    """Ready pods of those that served before the run, and of those that it brings; and how many of each get traffic.

    Where the run changes a number alone, those beyond the number of before are the new ones.
    """

    stable: int
    new: int
    stable_serving: int
    new_serving: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMoment(Stored):
    """One moment of a run: what it saw, or what it wrote (`write`, in the words of its step); the other is None."""

    at: datetime
    counts: PodCounts | None = None
    write: str | None = None


class MomentStore(Protocol):
    """Keeps the moments of runs, as long as the runs. Raises `TemporaryError` where the store does not answer."""

    def save_moments(self, run_id: str, moments: Sequence[RunMoment], *, at_most: int) -> None:
        """Keep the moments of the run, `at_most` so many of all: what comes later than that is left out.

        Raises:
            NotFound: there is no such run (`run_unknown`).
        """
        ...

    def moments(self, run_id: str) -> tuple[RunMoment, ...]:
        """Return the moments of the run, oldest first; none where none were kept, or no such run is known."""
        ...
