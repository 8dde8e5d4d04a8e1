"""The trace that the examples replay is the one that its README describes."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from springtide.demand.file import FileSource

TRACES = Path(__file__).parents[3] / "examples" / "traces"
README = (TRACES / "README.md").read_text()


def test_it_is_small_and_has_its_provenance() -> None:
    raw = (TRACES / "wc98-match-day.csv.gz").read_bytes()

    assert len(raw) < 60_000
    assert f"`{hashlib.sha256(raw).hexdigest()}`" in README
    assert re.search(r"commit [0-9a-f]{40}", README)
    assert "Hewlett-Packard" in (TRACES / "COPYRIGHT.worldcup98").read_text()


def test_it_is_what_is_said_of_it() -> None:
    start = datetime(1998, 6, 21, tzinfo=UTC)
    source = FileSource(TRACES / "wc98-match-day.csv.gz", "requests/s", name="trace")

    demand = source.read(start, start + timedelta(days=4), timedelta(minutes=1))

    at = {datetime.fromtimestamp(time, UTC): value for time, value in zip(demand.times, demand.values, strict=True)}
    assert f"{len(demand):,} minutes" in README
    assert set(np.diff(demand.times)) == {60.0}
    for hour, minute in ((13, 45), (14, 15)):
        assert f"{at[datetime(1998, 6, 23, hour, minute, tzinfo=UTC)]:,.0f} " in README
    assert f"peaks at {demand.values.max():,.2f} " in README
