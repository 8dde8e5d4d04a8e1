"""The history that is replayed: demand per minute, from when on it is scored, and what one pod carries."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from springtide.capacity.clock_grid import ClockGrid
from springtide.capacity.minutes import DAY, HOUR, MINUTE, on_grid
from springtide.demand.local_time import STEADY, LocalClock
from springtide.errors import DemandUnusable, InputError
from springtide.unpacking import PackingError, gathered, unpacked

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from springtide.capacity.event import KnownOccurrence
    from springtide.demand.model import DemandSeries

MAX_BYTES = 256 * 1024 * 1024
"""Of a recording, counted unpacked."""
PODS_AT_PEAK = 40
"""Enough that rounding to whole pods decides nothing, few enough that one pod matters."""
PEAK = 0.995
"""Not the maximum: one odd minute of a recording would make every other one look idle."""
FEWEST = 2
"""Replicas below which no controller goes, where nothing else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One service's history. `demand` is per minute from second `start`; minutes before `scored` are history only.

    `per_replica` is the demand that one pod carries. `occasions` are the known events. No controller goes below
    `fewest` replicas. Customers go by `clock`.
    """

    name: str
    start: float
    demand: NDArray[np.float64]
    scored: int
    per_replica: float
    occasions: tuple[KnownOccurrence, ...] = ()
    fewest: int = FEWEST
    clock: LocalClock = STEADY

    def __post_init__(self) -> None:
        if not 0 <= self.scored < len(self.demand) or not self.per_replica > 0:
            raise InputError(
                f"trace {self.name}: minute {self.scored} of {len(self.demand)} is scored first and a pod carries "
                f"{self.per_replica}: there must be a scored minute, and a pod must carry more than 0",
                code="out_of_range",
                field="trace",
            )

    @property
    def grid(self) -> ClockGrid:
        """Its minutes, and the clocks by which they are days apart."""
        return ClockGrid(self.start, self.clock)

    @property
    def offset(self) -> int:
        """Minutes by which the first day is cut short: days begin at the time of day at which scoring starts."""
        return -self.scored % DAY

    @property
    def day_count(self) -> int:
        """Days that the trace touches."""
        return -(-(len(self.demand) + self.offset) // DAY)

    @property
    def first_day(self) -> int:
        """The first day that is scored."""
        return (self.scored + self.offset) // DAY

    def from_scored(self) -> Trace:
        """Return the scored part alone: what a controller that keeps no history is run on."""
        moved = self.start + self.scored * MINUTE
        return replace(self, start=moved, demand=self.demand[self.scored :], scored=0)

    def aligned(self, interval: int) -> Trace:
        """Return the trace without the first minutes that would keep decisions from falling on the start of scoring."""
        cut = self.scored % interval
        return replace(self, start=self.start + cut * MINUTE, demand=self.demand[cut:], scored=self.scored - cut)


def pod_capacity(scored: NDArray[np.float64]) -> float:
    """Return what a pod carries if 40 of them carry the 99.5 % quantile of demand: makes traces comparable."""
    return float(np.quantile(scored, PEAK)) / PODS_AT_PEAK


def history_of(
    series: DemandSeries, first: datetime, *, per_replica: float, fewest: int = FEWEST, clock: LocalClock = STEADY
) -> Trace:
    """Return recorded demand as a trace that is scored from `first` on.

    Raises:
        DemandUnusable: less than an hour lies after `first`.
    """
    minutes = on_grid(series.times, series.values)
    # The first whole minute after `first`: one that is cut would be scored with demand from before it.
    scored = max(0, int(np.ceil((first.timestamp() - minutes.start) / MINUTE)))
    if len(minutes) - scored < HOUR:
        raise DemandUnusable(
            f"demand from {series.source} has {max(0, len(minutes) - scored)} minutes after {first.isoformat()}: a "
            "replay needs at least an hour. Choose another range.",
            code="demand_too_short",
            field="demand",
        )
    return Trace(
        name=series.source,
        start=minutes.start,
        demand=minutes.values,
        scored=scored,
        per_replica=per_replica,
        fewest=fewest,
        clock=clock,
    )


def read_traces(folder: Path) -> list[Trace]:
    """Return every trace of a folder: `traces.json`, `<name>.csv[.gz]` (timestamp,value), `events.json` if there.

    Raises:
        InputError: a file is missing or not of this shape; the message names it.
    """
    described = json.loads(_required(folder / "traces.json").read_text(encoding="utf-8"))
    events = folder / "events.json"
    known = json.loads(events.read_text(encoding="utf-8")) if events.exists() else {}
    return [_read_trace(folder, name, meta, known.get(name, [])) for name, meta in described.items()]


def _read_trace(folder: Path, name: str, meta: dict[str, str], events: list[dict[str, str]]) -> Trace:
    from springtide.capacity.event import KnownOccurrence

    packed = folder / f"{name}.csv.gz"
    path = packed if packed.exists() else _required(folder / f"{name}.csv")
    try:
        times, values = _read_samples(path)
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"{path.name}: expected columns timestamp (ISO 8601) and value (a number): {error}",
            code="trace_unreadable",
            field="traces",
        ) from error
    minutes = on_grid(times, values)
    scored = int(np.ceil((_moment(meta["score_from"]) - minutes.start) / MINUTE))
    scored = min(max(scored, 0), len(minutes) - 1)  # a recording that begins late is scored from its beginning
    occasions = tuple(
        KnownOccurrence(
            kind=event.get("kind", ""),
            start=_moment(event["start"]),
            end=_moment(event["end"]),
            known_at=_moment(event["known_at"]),
        )
        for event in events
        if {"start", "end", "known_at"} <= event.keys()
    )
    return Trace(
        name=name,
        start=minutes.start,
        demand=minutes.values,
        scored=scored,
        per_replica=pod_capacity(minutes.values[scored:]),
        occasions=occasions,
    )


def _read_samples(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    try:
        raw = gathered(unpacked((path.read_bytes(),), "gzip" if path.suffix == ".gz" else ""), MAX_BYTES)
    except PackingError as error:
        raise InputError(f"{path.name}: {error}.", code="trace_unreadable", field="traces") from error
    text = raw.decode()
    rows = [(_moment(row["timestamp"]), float(row["value"])) for row in csv.DictReader(text.splitlines())]
    table = np.asarray(rows, dtype=np.float64)
    return table[:, 0], table[:, 1]


def _moment(text: str) -> float:
    # A time without a zone is UTC, as traces are published: the reader's own zone must not move them.
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _required(path: Path) -> Path:
    if not path.exists():
        raise InputError(f"{path.name} is missing in {path.parent.name}", code="trace_missing", field="traces")
    return path
