"""What one change of the replicas came to, and what several of them come to in one row of the table."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.peers.samples import Move, Sample, pod_seconds, settled_at, switched_at

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS: Final = (
    "who",
    "settings",
    "move",
    "good rounds",
    "switched, s",
    "finished, s",
    "pods x s",
    "of these above the target",
    "most pods",
    "requests/s",
    "requests",
    "failed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the load came to: requests, those of them that failed, how many were sent a second, and what failed."""

    requests: int
    failed: int
    rate: float
    errors: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One move of one contender. `problem` says why the figures are not to be used; it is empty when they are."""

    move: Move
    switched: float
    finished: float
    pod_seconds: float
    above: float
    peak: int
    load: Answered
    problem: str = ""

    def cells(self) -> list[str]:
        """Return the figures for a file of raw results, in the order of the fields."""
        seconds = (self.switched, self.finished, self.pod_seconds, self.above)
        counts = (self.peak, self.load.requests, self.load.failed)
        numbers = [*(f"{each:.2f}" for each in seconds), *map(str, counts), f"{self.load.rate:.1f}"]
        errors = "; ".join(f"{count} x {error}" for error, count in self.load.errors)
        return [f"{self.move.before} to {self.move.after}", *numbers, errors, self.problem]


RAW_COLUMNS: Final = (
    "move",
    "switched",
    "finished",
    "pod_seconds",
    "above",
    "peak",
    "requests",
    "failed",
    "requests_per_second",
    "errors",
    "problem",
)


def measured(samples: Sequence[Sample], move: Move, *, old: frozenset[str], done: float, load: Answered) -> Measured:
    """Return what the samples show. `done` is when the tool said so.

    A move is finished when the tool has said so and nothing is left to change, whichever is later.
    """
    switched = switched_at(samples, move, old)
    settled = settled_at(samples, move, old)
    finished = max(done, settled or 0.0)
    return Measured(
        move=move,
        switched=switched or 0.0,
        finished=finished,
        pod_seconds=pod_seconds(samples, finished),
        above=pod_seconds(samples, finished, above=move.after),
        peak=max(sample.pods for sample in samples),
        load=load,
        problem="the workload did not settle" if settled is None or switched is None else "",
    )


def failure(move: Move, problem: str, load: Answered) -> Measured:
    """Return a move that did not come to its end."""
    return Measured(
        move=move,
        switched=0,
        finished=0,
        pod_seconds=0,
        above=0,
        peak=0,
        load=load,
        problem=problem,
    )


def row(who: str, settings: str, rounds: Sequence[Measured], *, asked: int) -> list[str]:
    """Return the row of some rounds of one move: seconds of the good ones, requests of all."""
    good = [each for each in rounds if not each.problem]
    figures = [
        [each.switched for each in good],
        [each.finished for each in good],
        [each.pod_seconds for each in good],
        [each.above for each in good],
    ]
    return [
        who,
        settings,
        str(rounds[0].move),
        f"{len(good)} of {asked}",
        *(_cell(values) for values in figures),
        str(max((each.peak for each in good), default="-")),
        f"{min(each.load.rate for each in rounds):.0f}",
        f"{sum(each.load.requests for each in rounds):,}",
        f"{sum(each.load.failed for each in rounds):,}",
    ]


def _cell(values: Sequence[float]) -> str:
    """Return the median, and the range behind it where there is one."""
    if not values:
        return "-"
    digits = 0 if max(values) >= 100 else 1  # noqa: PLR2004  (three digits are enough)
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
