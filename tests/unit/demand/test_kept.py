"""What is kept of demand is what a whole reading would say, whatever becomes of the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.demand.cached import CachedSource
from springtide.demand.model import DemandSeries
from springtide.demand.registry import demand_source
from springtide.errors import DemandUnusable
from springtide.policy.scaling.demand import PrometheusDemand
from unit.demand.prometheus_server import serve

NOW = datetime(2026, 11, 11, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass(kw_only=True)
class Source:
    """Demand is the minute's number; `gone` minutes have no sample, `broken` refuses."""

    gone: set[int] = field(default_factory=set)
    asked: list[tuple[float, float]] = field(default_factory=list)
    broken: bool = False
    unit: str = "requests/s"
    name: str = "test"

    def samples(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        if self.broken:
            raise DemandUnusable("NaN", code="capacity_unusable")
        seconds = step.total_seconds()
        first = -(-start.timestamp() // seconds)
        last = end.timestamp() // seconds
        self.asked.append(((start - NOW) / MINUTE, (end - NOW) / MINUTE))
        minutes = np.array([minute for minute in np.arange(first, last + 1) if int(minute) not in self.gone])
        return DemandSeries(times=minutes * seconds, values=minutes % 1000, unit=self.unit, source=self.name)


def ago(minutes: float) -> datetime:
    return NOW - minutes * MINUTE


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def kept(source: Source, tmp_path: Path) -> CachedSource:
    return CachedSource(source, tmp_path, key="x")


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 500)), min_size=1, max_size=8))
@settings(deadline=None, max_examples=40)
def test_any_readings_in_any_order_are_whole(
    tmp_path_factory: pytest.TempPathFactory, readings: list[tuple[int, int]]
) -> None:
    source = Source(gone={int(NOW.timestamp()) // 60 - back for back in (30, 31, 200)})
    kept = CachedSource(source, tmp_path_factory.mktemp("kept"), key="x")
    for end, length in readings:
        start = ago(end + length)
        expected = Source(gone=source.gone).samples(start, ago(end), MINUTE)

        if not len(expected):
            continue
        known = kept.read(start, ago(end), MINUTE)

        assert np.array_equal(known.times, expected.times)
        assert np.array_equal(known.values, expected.values)


def test_no_more_is_kept_than_twice_what_somebody_wants_of_it(kept: CachedSource, tmp_path: Path) -> None:
    for days in range(0, 60, 10):
        kept.read(ago(0) + timedelta(days=days - 20), ago(0) + timedelta(days=days), MINUTE)

    assert days_in(tmp_path) == pytest.approx(40, abs=0.1)


def test_who_asks_for_less_takes_nothing_from_who_asks_for_more(
    kept: CachedSource, source: Source, tmp_path: Path
) -> None:
    for days in range(3):
        end = ago(0) + timedelta(days=days)
        kept.read(end - timedelta(days=60), end, MINUTE)
        kept.read(end - timedelta(days=1), end + MINUTE, MINUTE)

    assert days_in(tmp_path) > 60
    assert len([first for first, last in source.asked if last - first > 2 * 24 * 60]) == 1


def days_in(folder: Path) -> float:
    """Return how many days of minutes the one file holds."""
    (file,) = folder.glob("*.npz")
    with np.load(file) as data:
        return float(data["times"][-1] - data["times"][0]) / 86400


def test_only_what_is_new_is_asked_for(kept: CachedSource, source: Source) -> None:
    kept.read(ago(300), ago(60), MINUTE)
    kept.read(ago(240), ago(0), MINUTE)

    assert source.asked == [(-300, -60), (-75, 0)]


def test_what_is_known_is_not_asked_for(kept: CachedSource, source: Source) -> None:
    kept.read(ago(300), ago(0), MINUTE)

    assert len(kept.read(ago(200), ago(100), MINUTE)) == 101
    assert len(source.asked) == 1


def test_what_lies_before_is_read_whole(kept: CachedSource, source: Source) -> None:
    kept.read(ago(60), ago(0), MINUTE)
    kept.read(ago(300), ago(0), MINUTE)

    assert source.asked[1] == (-300, 0)


def test_what_came_late_fills_the_gap(kept: CachedSource, source: Source) -> None:
    minute = int(NOW.timestamp()) // 60
    source.gone = {minute - back for back in range(100, 130)}
    assert len(kept.read(ago(300), ago(60), MINUTE)) == 241 - 30

    source.gone = set()

    assert len(kept.read(ago(300), ago(0), MINUTE)) == 301
    assert source.asked[1] == (-135, 0)  # the quarter in which the gap begins


def test_an_answer_that_is_refused_leaves_what_was_known(kept: CachedSource, source: Source) -> None:
    kept.read(ago(300), ago(60), MINUTE)
    source.broken = True
    with pytest.raises(DemandUnusable):
        kept.read(ago(300), ago(0), MINUTE)

    source.broken = False

    assert len(kept.read(ago(300), ago(0), MINUTE)) == 301


@pytest.mark.parametrize("minutes", [0, 1, 14, 16, 75, 400])
def test_what_would_be_asked_is_known_beforehand(tmp_path: Path, minutes: int) -> None:
    """By the edges of the file alone, and by all of it where an earlier version wrote it."""
    with serve() as server:
        spec = PrometheusDemand(query="x", unit="jobs")
        source = demand_source(spec, prometheus_url=server.url, base=tmp_path, kept=tmp_path)
        assert isinstance(source, CachedSource)
        source.read(ago(300 + minutes), ago(minutes), MINUTE)
        file = next(tmp_path.glob("*.npz"))
        question = source.question(ago(300), ago(0), MINUTE)
        with np.load(file) as whole:
            np.savez(file, **{name: whole[name] for name in whole.files if name != "edges"})
        earlier = source.question(ago(300), ago(0), MINUTE)
        source.read(ago(300), ago(0), MINUTE)

    assert question is not None
    assert question == earlier
    assert question.form == server.asked[-1]
    assert source.question(ago(300), ago(100), MINUTE) is None


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_damaged_file_costs_one_reading(kept: CachedSource, source: Source, tmp_path: Path, content: bytes) -> None:
    kept.read(ago(300), ago(60), MINUTE)
    next(tmp_path.glob("*.npz")).write_bytes(content)

    assert len(kept.read(ago(300), ago(0), MINUTE)) == 301
    assert source.asked[1] == (-300, 0)


def test_a_folder_that_cannot_be_written_is_no_trouble(source: Source, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    assert len(CachedSource(source, tmp_path / "file", key="x").read(ago(60), ago(0), MINUTE)) == 61


def test_another_query_or_step_is_another_file(source: Source, tmp_path: Path) -> None:
    for key, step in (("x", MINUTE), ("y", MINUTE), ("x", 5 * MINUTE)):
        CachedSource(source, tmp_path, key=key).read(ago(60), ago(0), step)

    assert len(list(tmp_path.glob("*.npz"))) == 3
    assert [asked for asked in source.asked if asked != (-60, 0)] == []


def test_nothing_at_all_is_refused_as_ever(kept: CachedSource, source: Source) -> None:
    source.gone = set(range(int(NOW.timestamp()) // 60 - 100, int(NOW.timestamp()) // 60 + 1))

    with pytest.raises(DemandUnusable, match="returns nothing between"):
        kept.read(ago(60), ago(0), MINUTE)


def always(level: float) -> Callable[[float], float]:
    """Return demand that never changes."""
    return lambda _moment: level


def test_another_tenant_or_login_has_a_file_of_its_own(tmp_path: Path) -> None:
    """A connection that moves to another tenant must not be answered with the first one's numbers."""
    with serve() as server:
        spec = PrometheusDemand(query="x", unit="jobs")
        for tenant in ("shop", "bank", "shop"):
            level = {"shop": 5.0, "bank": 70.0}[tenant]
            server.value = always(level)
            source = demand_source(
                spec, prometheus_url=server.url, base=tmp_path, headers={"X-Scope-OrgID": tenant}, kept=tmp_path
            )

            assert set(source.read(ago(300), ago(0), MINUTE).values) == {level}

    assert len(list(tmp_path.glob("*.npz"))) == 2
