"""A month from a real Prometheus: in chunks, only what is new, and as days that teach."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prometheus.conftest import wave
from springtide.demand.cached import CachedSource
from springtide.demand.connection import PrometheusAddress
from springtide.demand.model import DemandSeries
from springtide.demand.prometheus import PrometheusSource
from springtide.record.memory import MemoryStore
from springtide.run.assembly import Metrics
from springtide.training.assembly import learning
from springtide.training.days import learn_day, learn_models
from support.builders import policy
from support.prometheus_process import Server

pytestmark = [
    pytest.mark.xdist_group("prometheus"),
    # great-expectations asks the standard library for modules that it calls deprecated
    pytest.mark.filterwarnings("ignore:module 'sre_[a-z]+' is deprecated:DeprecationWarning"),
]

MINUTE = timedelta(minutes=1)


@dataclass
class Watched:
    """A source that remembers how much it was asked for."""

    source: PrometheusSource
    asked: list[timedelta] = field(default_factory=list)

    @property
    def unit(self) -> str:
        return self.source.unit

    @property
    def name(self) -> str:
        return self.source.name

    def samples(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        self.asked.append(end - start)
        return self.source.samples(start, end, step)


def source(server: Server, query: str) -> PrometheusSource:
    return PrometheusSource(query, "requests/s", address=PrometheusAddress.parse(server.url))


def test_a_month_of_minutes_is_every_one_of_them(server: Server, now: datetime) -> None:
    demand = source(server, "month").read(now - timedelta(days=30), now, MINUTE)

    assert len(demand) == 43_201
    assert set(np.diff(demand.times)) == {60.0}
    assert demand.values[::997] == pytest.approx([wave(moment) for moment in demand.times[::997]])


def test_the_second_reading_asks_for_what_is_new(server: Server, now: datetime, tmp_path: Path) -> None:
    watched = Watched(source(server, "month"))
    kept = CachedSource(watched, tmp_path, key="month")
    month = timedelta(days=30)
    earlier = now - timedelta(minutes=30)

    first = kept.read(earlier - month, earlier, MINUTE)
    second = kept.read(now - month, now, MINUTE)
    whole = source(server, "month").read(now - month, now, MINUTE)

    assert watched.asked[0] == month
    assert timedelta(minutes=45) <= watched.asked[1] < timedelta(minutes=60)  # from a whole quarter on
    assert len(first) == len(second) == 43_201
    assert np.array_equal(second.times, whole.times)
    assert np.array_equal(second.values, whole.values)


def test_a_gap_is_looked_at_again(server: Server, now: datetime, tmp_path: Path) -> None:
    watched = Watched(source(server, "gap"))
    kept = CachedSource(watched, tmp_path, key="gap")

    for _ in range(2):
        kept.read(now - timedelta(hours=5), now, MINUTE)

    assert watched.asked[0] == timedelta(hours=5)
    assert timedelta(hours=2, minutes=50) < watched.asked[1] < timedelta(hours=3, minutes=10)


def of(**history: Any) -> Any:
    """Return a policy that learns from the month."""
    demand = {
        "source": "prometheus", "query": "month", "unit": "requests/s", "lookback": "14d", "history": history,
    }  # fmt: skip
    models = [
        {"model": "target_utilization", "per_replica": 20},
        {"model": "seasonal", "per_replica": 20, "season": "day"},
        {"model": "forecast", "per_replica": 20},
    ]
    return policy(demand=demand, capacity={"models": models})


def test_a_day_is_learned_and_learned_again_the_same(server: Server, now: datetime, tmp_path: Path) -> None:
    store = MemoryStore()
    taught = learning(of(), store, Metrics(url=server.url), pages=tmp_path)
    day = now.astimezone(UTC).date() - timedelta(days=3)

    once = learn_day(taught, day)
    again = learn_day(taught, day)

    assert once == again
    assert store.days("web", day, day) == (once,)
    assert once.quality == {"outcome": "pass", "findings": []}
    assert (once.peak, once.required, once.actual) == (140.0, 7, 10.0)
    assert once.peak_at is not None
    assert abs(once.peak_at.hour - 12) <= 1
    assert once.saturation == pytest.approx(140 / (10 * 20))
    assert once.mean == pytest.approx(100, abs=0.5)
    assert once.pages is not None
    assert Path(once.pages).read_text().startswith("<!DOCTYPE html>")


def test_a_recording_rule_takes_the_place_of_the_maxima(server: Server, now: datetime) -> None:
    taught = learning(of(query="steady * 2", replicas="steady / 25"), MemoryStore(), Metrics(url=server.url))
    day = (now - timedelta(hours=1)).astimezone(UTC).date()  # what is known of it

    learned = learn_day(taught, day)

    assert {value for value in learned.profile if value is not None} == {200.0}
    assert (learned.peak, learned.actual, learned.required) == (200.0, 4.0, 10)


def test_models_are_fitted_and_judged(server: Server, now: datetime) -> None:
    store = MemoryStore()
    taught = learning(of(), store, Metrics(url=server.url))

    learned = learn_models(taught, now)
    again = learn_models(taught, now)

    assert store.learned("web") == again
    assert learned.forecasts == again.forecasts
    assert {name.partition("-")[0] for name in learned.errors} == {"seasonal"}  # no forecast was in force yet
    assert max(learned.errors.values()) < 0.1
