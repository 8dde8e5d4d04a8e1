"""A real Prometheus with one series for each thing that can be wrong with metrics."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.prometheus_process import Series, Server, is_wanted, make_blocks, running

collect_ignore_glob = [] if is_wanted() else ["test_*.py"]

MINUTE = 60
HOUR = 3600
DAY = 86400


@pytest.fixture(scope="session")
def now() -> datetime:
    """Return this minute: what the server and we both call now."""
    return datetime.fromtimestamp(time.time() // MINUTE * MINUTE, UTC)


def wave(moment: float) -> float:
    """Return a demand of 60 to 140 that is lowest at midnight UTC."""
    return round(100 - 40 * math.cos(2 * math.pi * moment / DAY), 6)


def counter(end: int) -> Iterator[tuple[float, float]]:
    """Yield a counter that grows by 100 a second and starts anew twenty minutes before `end`."""
    for moment in range(end - 2 * HOUR, end + 1, 15):
        since = end - 20 * MINUTE if moment >= end - 20 * MINUTE else end - 2 * HOUR
        yield moment, 100.0 * (moment - since)


def series(end: int) -> Iterator[Series]:
    """Yield every series, ending at `end`."""
    hours = range(end - 6 * HOUR, end + 1, MINUTE)
    yield "steady", ((moment, 100.0) for moment in hours)
    yield "ended", ((moment, 100.0) for moment in hours if moment <= end - 40 * MINUTE)
    gap = range(end - 3 * HOUR, end - HOUR)
    yield "gap", ((moment, 100.0) for moment in hours if moment not in gap)
    yield "grown", ((moment, 100.0 if moment < end - HOUR else 400.0) for moment in hours if moment not in gap)
    yield "vanished", ((moment, 100.0 if moment < end - 30 * MINUTE else 0.0) for moment in hours)
    yield "numerator", ((moment, 0.0) for moment in hours)
    yield "requests_total", counter(end)
    yield 'twice{replica="a"}', ((moment, 100.0) for moment in hours)
    yield 'twice{replica="b"}', ((moment, 100.0) for moment in hours)
    month = range(end - 31 * DAY, end + 1, MINUTE)
    yield "month", ((moment, wave(moment)) for moment in month)
    served = 'kube_deployment_status_replicas_available{namespace="shop",deployment="%s"}'
    yield served % "web", ((moment, 10.0) for moment in range(end - 31 * DAY, end + 1, 5 * MINUTE))
    yield served % "web-other", ((moment, 2.0) for moment in range(end - 31 * DAY, end + 1, 5 * MINUTE))


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory, now: datetime) -> Path:
    """Return a data folder with every series."""
    folder = tmp_path_factory.mktemp("prometheus") / "data"
    make_blocks(folder, series(int(now.timestamp())))
    return folder


@pytest.fixture(scope="session")
def server(data: Path) -> Iterator[Server]:
    """Yield a Prometheus that nobody kills."""
    with running(data) as started:
        yield started
