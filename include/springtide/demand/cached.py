"""Demand that is read once and kept in a local file: what a run asks for is only what is new.

A month of minutes is 1.2 MB as Prometheus' JSON, and a run every quarter of an hour needs 15 points of it. Kept is a
cache: a file that is damaged, missing or of another query costs one whole reading. Read again are always the newest
points (they were not complete when they were read), and the last day from its first gap on, since agents that were cut
off deliver later. Nothing is kept of an answer that was refused.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol, Self

import numpy as np

from springtide.demand.asking import Asking, RangeQuestion, Shareable
from springtide.demand.model import DemandSeries
from springtide.demand.prometheus import not_empty

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FRESH: Final = timedelta(minutes=15)
"""How long points may still change: scrapes that come late, and rates over a window."""

GAPS: Final = timedelta(days=1)
"""How far back a gap is looked at again."""

LONGEST: Final = timedelta(days=400)
"""How much is kept at most: a year, for yearly events, and some weeks before it."""

LEAST: Final = timedelta(days=35)
"""How much is kept at least: tuning asks for four weeks."""


class Samples(Protocol):
    """A source that answers with an empty series where there are no points."""

    @property
    def unit(self) -> str:
        """What the numbers count."""
        ...

    @property
    def name(self) -> str:
        """What people know it as."""
        ...

    def samples(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        """Return the points in [start, end]."""
        ...


_MAX_BYTES = 256 * 1024 * 1024  # of a file, counted unpacked: years of minutes
_EDGES_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """Everything known of [start, end], in POSIX seconds; `asked` is the longest range that somebody wanted of it."""

    start: float
    end: float
    times: NDArray[np.float64]
    values: NDArray[np.float64]
    left_out: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    asked: float = 0.0

    def between(self, start: float, end: float) -> _Kept:
        inside = (self.times >= start) & (self.times <= end)
        return _Kept(
            start=max(start, self.start),
            end=min(end, self.end),
            times=self.times[inside],
            values=self.values[inside],
            left_out=self.left_out[(self.left_out >= start) & (self.left_out <= end)],
        )

    def with_new(self, new: _Kept) -> _Kept:
        """Return everything, where both know something what `new` says."""
        before = self.times < new.start
        after = self.times > new.end
        times = np.concatenate((self.times[before], new.times, self.times[after]))
        values = np.concatenate((self.values[before], new.values, self.values[after]))
        outside = (self.left_out < new.start) | (self.left_out > new.end)
        return _Kept(
            start=min(self.start, new.start),
            end=max(self.end, new.end),
            times=times,
            values=values,
            left_out=np.sort(np.concatenate((self.left_out[outside], new.left_out))),
        )

    def settled(self, step: float) -> float:
        """Return the moment up to which nothing needs to be read again."""
        edges = np.append(self.times[self.times >= self.end - GAPS.total_seconds()], self.end)
        holes = np.flatnonzero(np.diff(edges) > 1.5 * step)
        settled = self.end - FRESH.total_seconds()
        # An agent that was cut off delivers later, into the gap: from there on everything is asked for again.
        return settled if not len(holes) else min(settled, float(edges[holes[0]]))

    def edges(self, step: float) -> _Edges:
        """Return between which moments all is known, and up to which it is settled."""
        return _Edges(start=self.start, end=self.end, settled=self.settled(step))


class CachedSource:
    """Reads `source` through a file in `folder`; `key` says what is read, and from where."""

    def __init__(self, source: Samples, folder: Path, *, key: str) -> None:
        self._source = source
        self._folder = folder
        self._key = key

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        """Return the points in [start, end] at multiples of `step`.

        Raises:
            DemandUnavailable, DemandUnusable: as the source says of what it was asked for.
        """
        file = self._file(step)
        low = start.timestamp()
        high = end.timestamp()
        kept, first = _continued(file, low, step)
        if kept is not None and high <= first:
            known = kept.between(low, high)
            return self._series(known, start, end)
        new = self._source.samples(datetime.fromtimestamp(first, UTC), end, step)
        read = _Kept(start=first, end=high, times=new.times, values=new.values, left_out=new.left_out)
        asked = max(high - low, 0.0 if kept is None else kept.asked)
        whole = read if kept is None else kept.between(high - _worth_keeping(asked), np.inf).with_new(read)
        _save(file, replace(whole, asked=asked), step)
        return self._series(whole.between(low, high), start, end)

    def question(self, start: datetime, end: datetime, step: timedelta) -> RangeQuestion | None:
        """Return the one question that `read` would ask; None where it would ask none, or several."""
        if not isinstance(self._source, Shareable):
            return None
        file = self._file(step)
        edges = _load_edges(file)
        if edges is None:
            _, first = _continued(file, start.timestamp(), step)
        else:
            first = edges.continued(start.timestamp()) or start.timestamp()
        if end.timestamp() <= first:
            return None
        return self._source.question(datetime.fromtimestamp(first, UTC), end, step)

    def asked_by(self, asking: Asking) -> Self:
        """Return a source of the same, in the same file, whose questions go by `asking`."""
        source = self._source.asked_by(asking) if isinstance(self._source, Shareable) else self._source
        return type(self)(source, self._folder, key=self._key)

    def _series(self, points: _Kept, start: datetime, end: datetime) -> DemandSeries:
        series = DemandSeries(
            times=points.times,
            values=points.values,
            unit=self._source.unit,
            source=self._source.name,
            left_out=points.left_out,
        )
        return not_empty(series, start, end)

    def _file(self, step: timedelta) -> Path:
        # The step belongs to the name: points at another step are other numbers, not more of the same.
        name = hashlib.sha256(f"{self._key} {step.total_seconds():g}".encode()).hexdigest()[:32]
        return self._folder / f"{name}.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edges:
    """From when to when everything is known, and up to when nothing needs to be read again, in POSIX seconds."""

    start: float
    end: float
    settled: float

    def continued(self, low: float) -> float | None:
        """Return from when on a reading from `low` on is asked for; None where all of it is."""
        # What is kept has no hole in it, so it can only be continued: a range that begins elsewhere is read whole.
        if low < self.start or low > self.end:
            return None
        # Whole quarters: services that were read at different moments ask for the same, so they may ask together.
        return max(low, self.settled // FRESH.total_seconds() * FRESH.total_seconds())


def _continued(file: Path, low: float, step: timedelta) -> tuple[_Kept | None, float]:
    """Return what of a reading from `low` on is kept, and from when on it is asked for: all of it where none is."""
    kept = _load(file)
    first = None if kept is None else kept.edges(step.total_seconds()).continued(low)
    return (None, low) if first is None else (kept, first)


def _load_edges(file: Path) -> _Edges | None:
    """Return the edges of what is kept, without reading it; None where the file does not tell them."""
    try:
        with zipfile.ZipFile(file) as packed, packed.open("edges.npy") as member:
            told = np.frombuffer(member.read(_EDGES_BYTES)[-3 * 8 :], dtype="<f8")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    if told.shape != (3,) or not np.isfinite(told).all():
        return None
    return _Edges(start=float(told[0]), end=float(told[1]), settled=float(told[2]))


def _worth_keeping(asked: float) -> float:
    """Return how many seconds are kept where so many are asked for at most.

    Every look reads and writes all that is kept, and of 400 days that took eight times as long as of three weeks.
    """
    return min(LONGEST.total_seconds(), max(LEAST.total_seconds(), 2 * asked))


def _load(file: Path) -> _Kept | None:
    try:
        with zipfile.ZipFile(file) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > _MAX_BYTES:
                return None
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as data:
            kept = _Kept(
                start=float(data["start"]),
                end=float(data["end"]),
                times=data["times"],
                values=data["values"],
                left_out=data["left_out"],
                asked=float(data["asked"]) if "asked" in data else 0.0,
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    whole = len(kept.times) == len(kept.values) and np.isfinite(kept.values).all() and (np.diff(kept.times) > 0).all()
    return kept if whole else None


def _save(file: Path, kept: _Kept, step: timedelta) -> None:
    """Write the file in one step: another process reads the old or the new one. A full disk costs a reading."""
    # A name of this process: two that write at once must not write into one file.
    edges = kept.edges(step.total_seconds())
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as output:
            np.savez(
                output,
                start=kept.start,
                end=kept.end,
                times=kept.times,
                values=kept.values,
                left_out=kept.left_out,
                edges=np.array([edges.start, edges.end, edges.settled], dtype="<f8"),
                asked=kept.asked,
            )
        temporary.replace(file)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
