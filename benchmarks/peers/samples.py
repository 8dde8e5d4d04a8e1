"""What is seen of a workload while its replicas change, and what that came to: pure arithmetic on samples."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: at how many seconds, how many pods there were (those that end included), and which were endpoints."""

    at: float
    pods: int
    endpoints: frozenset[str]


@dataclass(frozen=True, slots=True)
class Move:
    """One change of the replicas; `fresh` when none of the pods that there were before may serve afterwards."""

    before: int
    after: int
    fresh: bool = True

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"

    def has_switched(self, sample: Sample, old: frozenset[str]) -> bool:
        """Tell whether the Service reaches what it is to reach: enough pods, and with `fresh` no old one.

        A set that is switched to may be larger than the target, and shrink afterwards.
        """
        if self.fresh:
            return len(sample.endpoints) >= self.after and not sample.endpoints & old
        return len(sample.endpoints) == self.after

    def has_settled(self, sample: Sample, old: frozenset[str]) -> bool:
        """Tell whether nothing is left to change: the pods are the target's, and all of them are endpoints."""
        return self.has_switched(sample, old) and sample.pods == len(sample.endpoints) == self.after


def switched_at(samples: Sequence[Sample], move: Move, old: frozenset[str]) -> float | None:
    """Return from when on the Service reached what it was to reach, and went on doing so; None when it did not."""
    return _since([(sample.at, move.has_switched(sample, old)) for sample in samples])


def settled_at(samples: Sequence[Sample], move: Move, old: frozenset[str]) -> float | None:
    """Return from when on nothing was left to change; None when something was."""
    return _since([(sample.at, move.has_settled(sample, old)) for sample in samples])


def pod_seconds(samples: Sequence[Sample], until: float, *, above: int = 0) -> float:
    """Return pods x seconds from the first sample until `until`, counting only what is above `above` pods.

    Each sample holds until the next one; the last one holds until `until`.
    """
    ends = [later.at for _, later in pairwise(samples)] + [until]
    held = zip(samples, ends, strict=True)
    return sum(max(sample.pods - above, 0) * max(min(end, until) - sample.at, 0) for sample, end in held)


def _since(seen: Sequence[tuple[float, bool]]) -> float | None:
    since = None
    for at, holds in seen:
        if not holds:
            since = None
        elif since is None:
            since = at
    return since
