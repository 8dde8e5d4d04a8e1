"""Demand from a file: CSV, gzip CSV or Parquet with the columns `timestamp` and `value`, by what it holds."""

from __future__ import annotations

import csv
import re
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from springtide.demand.model import DemandSeries
from springtide.demand.opening import Content, content_of, text_of
from springtide.demand.quality import unusable
from springtide.demand.steps import steps_of
from springtide.extras import requires_extra
from springtide.policy.language.units import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MAX_ROWS = 2_000_000
"""The most rows that are read: nearly four years of minutes."""

MAX_TEXT = 256 * 1024 * 1024
"""The most characters of a CSV file, and bytes of a Parquet file's columns, that are read, counted unpacked."""

_LONGEST_LINE = 4096
_COLUMNS = ("timestamp", "value")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """A file's content; for messages, `number` names the line or row of a sample, and `others` the other columns."""

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    number: Sequence[int]
    noun: str
    others: tuple[str, ...] = ()


class FileSource:
    """Reads a file anew each time.

    `name` is what people know the file as. With `as_of` the file's own moment `as_of` is taken for the end of every
    range: a recorded day is replayed as if it were today.
    """

    def __init__(self, path: Path, unit: str, *, name: str, as_of: datetime | None = None) -> None:
        self._path = path
        self._unit = unit
        self._name = name if as_of is None else f"{name} as of {as_of.isoformat()}"
        self._as_of = as_of

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        """Return the samples in [start, end]; where several fall into one `step`, their mean at the time of the last.

        Raises:
            DemandUnusable: there is no such file, it is damaged, or a row is not a time with its zone and a finite
                number, at least 0, in the order of time; the message names the line.
        """
        rows = self._load()
        self._check(rows)
        last = self._as_of or end
        first = last - (end - start)
        inside = (rows.times >= first.timestamp()) & (rows.times <= last.timestamp())
        times, values = _thin(rows.times[inside], rows.values[inside], step.total_seconds())
        # exact in this order; in another one the newest sample may lie a moment after `end`, and would not count
        return DemandSeries(
            times=(times - last.timestamp()) + end.timestamp(), values=values, unit=self._unit, source=self._name
        )

    def _load(self) -> _Rows:
        try:
            if self._path.exists() and not self._path.is_file():  # a pipe would be waited for
                raise unusable(self._name, "it is not a file.")
            content = content_of(self._path)
            if content is Content.PARQUET:
                return self._parquet()
            if content not in {Content.TEXT, Content.GZIP}:
                raise unusable(self._name, f"{content.value}.")
            with text_of(self._path, is_packed=content is Content.GZIP) as file:
                return self._csv(file)
        except FileNotFoundError:
            raise unusable(self._name, "there is no such file.") from None
        except UnicodeDecodeError as error:
            raise unusable(self._name, "it is not UTF-8: save it as CSV in UTF-8.") from error
        except (OSError, EOFError, zlib.error) as error:
            raise unusable(self._name, f"it is damaged or cannot be read ({type(error).__name__}).") from error

    def _csv(self, file: IO[str]) -> _Rows:
        reader = csv.reader(self._lines(file), strict=True)
        try:
            header = next(reader, [])
            if not set(_COLUMNS) <= set(header):
                raise unusable(self._name, f"line 1: its columns are timestamp,value, got {shown(','.join(header))}.")
            self._require_once(header, "line 1: ")
            time_at, value_at = (header.index(column) for column in _COLUMNS)
            rows: list[tuple[float, float, int]] = []
            for row in filter(None, reader):  # empty lines: editors and exports leave them at the end
                if len(row) != len(header):
                    raise self._wrong(reader.line_num, f"{len(header)} columns expected, got {len(row)}")
                where = reader.line_num
                rows.append((self._time(row[time_at], where), self._number(row[value_at], where), where))
                if len(rows) > MAX_ROWS:
                    raise unusable(self._name, f"it has more than {MAX_ROWS} rows.")
        except csv.Error as error:
            raise self._wrong(reader.line_num, str(error)) from error
        times, values, numbers = zip(*rows, strict=True) if rows else ((), (), ())
        return _Rows(
            times=np.array(times, np.float64),
            values=np.array(values, np.float64),
            number=numbers,
            noun="line",
            others=tuple(column for column in header if column not in _COLUMNS),
        )

    def _require_once(self, columns: Sequence[str], where: str) -> None:
        for column in _COLUMNS:
            if columns.count(column) > 1:
                problem = f"{where}{columns.count(column)} columns are called {column}: which one is it?"
                raise unusable(self._name, f"{problem} Keep one of them.")

    def _lines(self, file: IO[str]) -> Iterator[str]:
        """Yield lines, never more than `_LONGEST_LINE` characters of one: a small gzip file can hold endless ones."""
        size = 0
        while line := file.readline(_LONGEST_LINE):
            size += len(line)
            if size > MAX_TEXT:
                problem = f"it has {size} characters or more once unpacked, at most {MAX_TEXT} are read"
                raise unusable(self._name, f"{problem}. Keep fewer days or columns.")
            yield line

    def _time(self, text: str, line: int) -> float:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            problem = f"timestamp: expected ISO 8601 with its zone such as 1998-06-23T14:00:00Z, got {shown(text)}"
            raise self._wrong(line, problem)
        return moment.timestamp()

    def _number(self, text: str, line: int) -> float:
        try:
            return float(text)
        except ValueError:
            problem = f"value: expected a number, got {shown(text)}"
            if re.fullmatch(r"\s*[-+]?[0-9][0-9 .,'\u00a0\u202f]*\s*", text):
                problem += ": write a point before the decimals, and nothing between thousands"
            raise self._wrong(line, problem) from None

    def _parquet(self) -> _Rows:
        with requires_extra("parquet"):
            import pyarrow as pa
            from pyarrow import compute, parquet

        number = None
        try:
            with parquet.ParquetFile(self._path) as file:
                if file.metadata.num_rows > MAX_ROWS:
                    raise unusable(self._name, f"it has more than {MAX_ROWS} rows.")
                if not set(_COLUMNS) <= set(file.schema_arrow.names):
                    names = shown(",".join(file.schema_arrow.names))
                    raise unusable(self._name, f"its columns are timestamp,value, got {names}.")
                self._require_once(file.schema_arrow.names, "")
                others = tuple(name for name in file.schema_arrow.names if name not in _COLUMNS)
                kind = file.schema_arrow.field("timestamp").type
                if not pa.types.is_timestamp(kind) or kind.tz is None:
                    raise unusable(self._name, f"column timestamp: expected times with their zone, got {kind}.")
                number = file.schema_arrow.field("value").type
                self._require_small(file.metadata)
                table = file.read(columns=list(_COLUMNS))
            times = table["timestamp"]
            values = table["value"]
            # What is finer than a microsecond may be cut off; a time beyond the calendar may not.
            whole = compute.cast(times, pa.timestamp("us", "UTC"), safe=kind.unit != "ns")
            seconds = whole.cast(pa.int64()).to_numpy() / 1e6
            numbers = compute.cast(values, pa.float64()).to_numpy()
        except pa.ArrowException as error:
            got = "" if number is None else f": value is {number}; write it as a double"
            raise unusable(
                self._name, f"it is not a Parquet file of times and numbers ({type(error).__name__}){got}."
            ) from error
        return _Rows(
            times=seconds.astype(np.float64),
            values=numbers.astype(np.float64),
            number=range(1, len(seconds) + 1),
            noun="row",
            others=others,
        )

    def _require_small(self, metadata: Any) -> None:
        """Refuse columns that hold more than two million times and numbers can, before they are unpacked."""
        groups = map(metadata.row_group, range(metadata.num_row_groups))
        columns = (group.column(index) for group in groups for index in range(group.num_columns))
        size = sum(each.total_uncompressed_size for each in columns if each.path_in_schema in _COLUMNS)
        if size > MAX_TEXT:
            raise unusable(self._name, f"it has {size} bytes once unpacked, at most {MAX_TEXT} are read.")

    def _wrong(self, number: int, problem: str, noun: str = "line") -> Exception:
        return unusable(self._name, f"{noun} {number}: {problem}.")

    def _check(self, rows: _Rows) -> None:
        # The whole file, not what is asked for: a damaged export is found on the first day, not on the one it damages.
        wrong = ~np.isfinite(rows.values) | (rows.values < 0)
        if wrong.any():
            first = int(np.argmax(wrong))
            value = rows.values[first]
            raise self._wrong(rows.number[first], f"value: a finite number, at least 0, got {value:g}", rows.noun)
        unordered = ~(np.diff(rows.times) > 0)  # not a number is in no order
        if unordered.any():
            first = int(np.argmax(unordered)) + 1
            problem = "timestamp: not later than the one before; sort the file and keep one row a time"
            if rows.times[first] == rows.times[first - 1] and rows.others:
                names = shown(",".join(rows.others))
                problem += f". Where the rows of one time are several series (by {names}), sum the series"
            raise self._wrong(rows.number[first], problem, rows.noun)


def _thin(
    times: NDArray[np.float64], values: NDArray[np.float64], step: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not len(times):
        return times, values
    starts = np.flatnonzero(np.diff(steps_of(times, step), prepend=np.iinfo(np.int64).min))
    counts = np.diff(starts, append=len(times))
    return times[starts + counts - 1], np.add.reduceat(values, starts) / counts
