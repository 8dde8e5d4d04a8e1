"""Files of demand as people have them, each with what is right: its samples, or the error with its line and cure."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from springtide.demand.file import FileSource
from springtide.errors import DemandUnusable

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
FOLDER = Path(__file__).parents[2] / "golden" / "demand"
RIGHT: dict[str, Any] = json.loads((FOLDER / "right.json").read_text(encoding="utf-8"))


def read(path: Path) -> Any:
    """Return how many samples the last three hours have, the largest and the last one; or why there are none."""
    source = FileSource(path=path, unit="requests/s", name="file")
    try:
        series = source.read(NOW - timedelta(hours=3), NOW, timedelta(minutes=1))
    except DemandUnusable as error:
        return error.message
    last = datetime.fromtimestamp(series.times[-1], UTC).isoformat() if len(series) else None
    return {"samples": len(series), "largest": float(series.values.max(initial=0)), "last": last}


@pytest.mark.parametrize("name", RIGHT)
def test_it_is_read_whole_or_refused_with_its_cure(name: str) -> None:
    assert read(FOLDER / name) == RIGHT[name]


def test_every_file_has_what_is_right() -> None:
    assert {path.name for path in FOLDER.iterdir()} - {"right.json"} == set(RIGHT)
