"""Files of demand: what they say, and every line that says something else."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from springtide.demand.file import FileSource
from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnusable

NOW = datetime(2026, 11, 11, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HEADER = "timestamp,value\n"


def csv_of(*values: float, start: datetime = NOW, step: timedelta = MINUTE) -> str:
    """Return a CSV file with one value a step."""
    return HEADER + "".join(f"{(start + step * at).isoformat()},{value}\n" for at, value in enumerate(values))


def read(path: Path, *, last: datetime = NOW + timedelta(hours=1), step: timedelta = MINUTE) -> DemandSeries:
    """Return what the file says from NOW to `last`."""
    return FileSource(path, "requests/s", name="day").read(NOW, last, step)


def written(place: Path, text: str, name: str = "day.csv") -> Path:
    """Return a file with this text."""
    (place / name).write_text(text)
    return place / name


def table(place: Path, timestamps: pa.Array, values: pa.Array) -> Path:
    """Return a Parquet file with these columns."""
    parquet.write_table(pa.table({"timestamp": timestamps, "value": values}), place / "day.parquet")
    return place / "day.parquet"


def utc(*moments: datetime | None) -> pa.Array:
    """Return a column of times with their zone."""
    return pa.array(moments, pa.timestamp("ms", "UTC"))


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_every_kind_of_file_says_the_same(kind: str, tmp_path: Path) -> None:
    text = csv_of(5, 0, 7.5)
    match kind:
        case "csv":
            path = written(tmp_path, text)
        case "csv.gz":
            path = tmp_path / "day.csv.gz"
            path.write_bytes(gzip.compress(text.encode()))
        case _:
            path = table(tmp_path, utc(NOW, NOW + MINUTE, NOW + 2 * MINUTE), pa.array([5, 0, 7.5]))

    demand = read(path)

    assert list(demand.times) == [NOW.timestamp() + 60 * at for at in range(3)]
    assert list(demand.values) == [5, 0, 7.5]
    assert (demand.unit, demand.source) == ("requests/s", "day")


@pytest.mark.parametrize(
    "row", ["2026-11-11T00:00:00Z", "2026-11-11T08:00:00+08:00", "2026-11-11T00:00:00.000+00:00", "20261111T000000Z"]
)
def test_every_notation_of_iso_8601_with_a_zone_is_read(row: str, tmp_path: Path) -> None:
    assert list(read(written(tmp_path, f"{HEADER}{row},1\n")).times) == [NOW.timestamp()]


def test_a_spreadsheet_s_mark_other_columns_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    text = "\ufeffvalue,host,timestamp\r\n5,a,2026-11-11T00:00:00Z\r\n\r\n6,b,2026-11-11T00:01:00Z\r\n"

    assert list(read(written(tmp_path, text)).values) == [5, 6]


def test_only_the_range_is_returned_with_both_ends(tmp_path: Path) -> None:
    path = written(tmp_path, csv_of(*range(10), start=NOW - 5 * MINUTE))

    assert list(read(path, last=NOW + 2 * MINUTE).values) == [5, 6, 7]


def test_finer_samples_become_means_of_each_step(tmp_path: Path) -> None:
    path = written(tmp_path, csv_of(1, 2, 3, 4, 5, 6, step=timedelta(seconds=20)))

    demand = read(path)

    assert list(demand.values) == [2, 5]
    assert list(demand.times - NOW.timestamp()) == [40, 100]


def test_a_range_without_samples_is_empty(tmp_path: Path) -> None:
    assert len(read(written(tmp_path, csv_of(1, start=NOW - timedelta(days=1))))) == 0


def test_a_recorded_day_is_replayed_as_if_it_were_today(tmp_path: Path) -> None:
    recorded = datetime(1998, 6, 23, 14, tzinfo=UTC)
    path = written(tmp_path, csv_of(*range(100), start=recorded))
    source = FileSource(path, "requests/s", name="day", as_of=recorded + 30 * MINUTE)

    for end in (NOW, NOW + timedelta(microseconds=123_457)):
        demand = source.read(end - 10 * MINUTE, end, MINUTE)

        assert list(demand.values) == list(range(20, 31))
        assert demand.times[-1] == pytest.approx(end.timestamp(), abs=1e-6)
    assert demand.source == "day as of 1998-06-23T14:30:00+00:00"


def test_a_replayed_sample_never_lies_a_moment_after_now(tmp_path: Path) -> None:
    """Times of today have 0.2 microseconds to themselves, so a sum in the wrong order is off by as much."""
    recorded = datetime(1998, 6, 23, 14, tzinfo=UTC)
    source = FileSource(
        written(tmp_path, csv_of(*range(31), start=recorded)), "x", name="day", as_of=recorded + 30 * MINUTE
    )

    for microseconds in range(1, 400):
        now = NOW + timedelta(seconds=17, microseconds=997 * microseconds)
        ages = now.timestamp() - source.read(now - timedelta(hours=1), now, MINUTE).times
        assert list(ages) == [60.0 * back for back in range(30, -1, -1)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: its columns are timestamp,value"),
        ("time,value\n", "line 1: its columns are timestamp,value, got the text 'time,value'"),
        ("2026-11-11T00:00:00Z,5\n", "line 1: its columns"),
        (csv_of(1) + "2026-11-11T00:01:00Z\n", "line 3: 2 columns expected, got 1"),
        (csv_of(1) + "2026-11-11T00:01:00Z,1,2\n", "line 3: 2 columns expected, got 3"),
        (HEADER + "2026-11-11T00:00:00,5\n", "line 2: timestamp: expected ISO 8601 with its zone"),
        (HEADER + "yesterday,5\n", "line 2: timestamp: expected ISO 8601 with its zone such as"),
        (HEADER + "1794355200,5\n", "line 2: timestamp"),
        (HEADER + "2026-11-11T00:00:00Z,\n", "line 2: value: expected a number, got the text ''"),
        (HEADER + "2026-11-11T00:00:00Z,many\n", "line 2: value: expected a number, got the text 'many'"),
        (csv_of(1, 2, float("nan")), "line 4: value: a finite number, at least 0, got nan"),
        (csv_of(1, float("inf")), "line 3: value: a finite number, at least 0, got inf"),
        (csv_of(1, -0.5), "line 3: value: a finite number, at least 0, got -0.5"),
        (csv_of(1, 2) + csv_of(3).removeprefix(HEADER), "line 4: timestamp: not later than the one before"),
        (csv_of(1) + csv_of(2).removeprefix(HEADER), "line 3: timestamp: not later than the one before"),
        (HEADER + "x" * 10_000, "line"),
        (HEADER + '"2026-11-11T00:00:00Z,5\n', "line 2: unexpected end of data"),
        (csv_of(1) + "root:x:0:0:root\n", "line 3: 2 columns expected, got 1"),
    ],
)
def test_a_wrong_line_is_told_with_its_number(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DemandUnusable) as caught:
        read(written(tmp_path, text))

    assert caught.value.code == "capacity_unusable"
    assert f"demand of day: {problem}" in caught.value.message
    assert len(caught.value.message) < 400


@pytest.mark.parametrize(
    ("timestamps", "values", "problem"),
    [
        (utc(NOW, NOW), pa.array([1.0, 2.0]), "row 2: timestamp: not later than the one before"),
        (utc(NOW, None), pa.array([1.0, 2.0]), "row 2: timestamp"),
        (utc(NOW, NOW + MINUTE), pa.array([1.0, None]), "row 2: value: a finite number"),
        (utc(NOW), pa.array([-1.0]), "row 1: value: a finite number, at least 0, got -1"),
        (pa.array([NOW], pa.timestamp("s")), pa.array([1.0]), "expected times with their zone, got timestamp[ms]"),
        (pa.array(["2026-11-11"]), pa.array([1.0]), "expected times with their zone, got string"),
        (utc(NOW), pa.array(["five"]), "it is not a Parquet file of times and numbers"),
    ],
)
def test_a_wrong_row_of_a_table_is_told(timestamps: pa.Array, values: pa.Array, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DemandUnusable) as caught:
        read(table(tmp_path, timestamps, values))

    assert problem in caught.value.message


def test_a_table_without_the_columns_is_told(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"time": [1]}), tmp_path / "day.parquet")

    with pytest.raises(DemandUnusable, match="its columns are timestamp,value, got the text 'time'"):
        read(tmp_path / "day.parquet")


@pytest.mark.parametrize("name", ["day.csv", "day.csv.gz", "day.parquet"])
def test_a_file_that_is_missing_or_damaged_is_told_by_its_name_alone(name: str, tmp_path: Path) -> None:
    with pytest.raises(DemandUnusable, match="there is no such file"):
        read(tmp_path / name)

    (tmp_path / name).write_bytes(gzip.compress(csv_of(*range(1000)).encode())[:-20])
    with pytest.raises(DemandUnusable) as caught:
        read(tmp_path / name)
    assert str(tmp_path) not in caught.value.message


def test_an_endless_line_in_a_small_file_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "day.csv.gz"
    path.write_bytes(gzip.compress(HEADER.encode() + b"1" * 50_000_000))

    with pytest.raises(DemandUnusable):
        read(path)


class TestWhatPeopleExport:
    def test_two_columns_of_one_name_are_refused(self, tmp_path: Path) -> None:
        path = written(tmp_path, "timestamp,value,value\n2026-11-11T00:00:00Z,30,170\n")

        with pytest.raises(DemandUnusable, match="line 1: 2 columns are called value: which"):
            read(path)

    def test_a_table_with_two_of_them_too(self, tmp_path: Path) -> None:
        arrays = [utc(NOW), pa.array([30.0]), pa.array([170.0])]
        parquet.write_table(pa.table(arrays, names=["timestamp", "value", "value"]), tmp_path / "day.parquet")

        with pytest.raises(DemandUnusable, match="2 columns are called value: which"):
            read(tmp_path / "day.parquet")

    def test_the_long_format_is_told_to_sum_its_series(self, tmp_path: Path) -> None:
        text = "timestamp,instance,value\n2026-11-11T00:00:00Z,a,1\n2026-11-11T00:00:00Z,b,2\n"

        with pytest.raises(DemandUnusable) as caught:
            read(written(tmp_path, text))

        assert "line 3: timestamp: not later than the one before" in caught.value.message
        assert "are several series (by the text 'instance'), sum the series" in caught.value.message

    def test_the_long_format_of_a_table_too(self, tmp_path: Path) -> None:
        rows = pa.table({"timestamp": utc(NOW, NOW), "pod": ["a", "b"], "value": [1.0, 2.0]})
        parquet.write_table(rows, tmp_path / "day.parquet")

        with pytest.raises(DemandUnusable, match=r"row 2: .*sum the series"):
            read(tmp_path / "day.parquet")

    def test_nanoseconds_are_read(self, tmp_path: Path) -> None:
        first = round(NOW.timestamp()) * 1_000_000_000
        times = pa.array([first + 1, first + 60_000_000_999], pa.timestamp("ns", "UTC"))

        demand = read(table(tmp_path, times, pa.array([5.0, 6.0])))

        assert list(demand.times) == [NOW.timestamp(), NOW.timestamp() + 60]
        assert list(demand.values) == [5, 6]

    def test_a_time_beyond_the_calendar_is_not_read_as_another(self, tmp_path: Path) -> None:
        times = pa.array([2**62], pa.timestamp("ms", "UTC"))

        with pytest.raises(DemandUnusable, match="not a Parquet file of times and numbers"):
            read(table(tmp_path, times, pa.array([5.0])))

    @pytest.mark.parametrize("name", ["day.csv", "day.csv.gz"])
    @pytest.mark.parametrize("packing", ["text", "gzip", "parquet"])
    def test_a_file_is_what_it_holds_whatever_it_is_called(self, tmp_path: Path, name: str, packing: str) -> None:
        text = csv_of(5, 6).encode()
        if packing == "parquet":
            content = table(tmp_path, utc(NOW, NOW + MINUTE), pa.array([5.0, 6.0])).read_bytes()
        else:
            content = gzip.compress(text) if packing == "gzip" else text
        (tmp_path / name).write_bytes(content)

        assert list(read(tmp_path / name).values) == [5, 6]

    @pytest.mark.parametrize(
        ("content", "cure"),
        [
            (b"PK\x03\x04" + b"\x00" * 60, "it is a ZIP archive: take the CSV out of it"),
            (csv_of(1).encode("utf-16"), "it is UTF-16.*save it as CSV in UTF-8"),
            (csv_of(1).encode() + b"\xfc", "it is not UTF-8: save it as CSV in UTF-8"),
            (b"\x28\xb5\x2f\xfd" + b"\x00" * 60, "packed by zstd, xz or bzip2: pack it with gzip"),
        ],
        ids=["zip", "utf-16", "latin-1", "zstd"],
    )
    def test_what_cannot_be_read_is_told_with_its_cure(self, tmp_path: Path, content: bytes, cure: str) -> None:
        (tmp_path / "day.csv").write_bytes(content)

        with pytest.raises(DemandUnusable, match=cure):
            read(tmp_path / "day.csv")

    @pytest.mark.parametrize("value", ['"100,5"', '"1.000,5"', "1 000", "1'000"])
    def test_decimals_of_another_country_are_told(self, tmp_path: Path, value: str) -> None:
        with pytest.raises(DemandUnusable, match=r"line 2: value: .* write a point before the decimals"):
            read(written(tmp_path, f"{HEADER}2026-11-11T00:00:00Z,{value}\n"))

    def test_a_table_of_texts_is_told_their_type(self, tmp_path: Path) -> None:
        with pytest.raises(DemandUnusable, match="value is string; write it as a double"):
            read(table(tmp_path, utc(NOW), pa.array(["100,5"])))
