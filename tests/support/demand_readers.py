"""Services whose demand is read from one Prometheus, each by itself or together: what comes of each, to be compared."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from springtide.clock import ManualClock
from springtide.demand.asking import Shareable
from springtide.demand.model import DemandSource
from springtide.demand.registry import demand_source
from springtide.demand.together import Together
from springtide.errors import SpringtideError
from springtide.policy.scaling.demand import PrometheusDemand

START: Final = datetime(2026, 11, 11, 12, 0, 20, tzinfo=UTC)
AT_ONCE: Final = 8


def spec_of(query: str, **settings: Any) -> PrometheusDemand:
    """Return how a service's demand is asked for."""
    return PrometheusDemand(query=query, unit="requests/s", **settings)


class Readers:
    """The services of `specs`: with `most` above 1 they are asked for together, with a folder `kept` continued."""

    def __init__(
        self,
        url: str,
        specs: Sequence[PrometheusDemand],
        *,
        most: int = 1,
        kept: Path | None = None,
        now: datetime = START,
    ) -> None:
        self.clock = ManualClock(now)
        self.specs = specs
        together = Together(self.clock, most=most)
        self.sources = [_source(spec, url, kept, together if most > 1 else None) for spec in specs]

    def read(self, number: int) -> tuple[Any, ...]:
        """Return what came of one: the series with its unit, or the error."""
        now = self.clock.now()
        spec = self.specs[number]
        try:
            series = self.sources[number].read(now - spec.lookback, now, spec.step)
        except SpringtideError as error:
            return (type(error), error.code, error.field, error.message)
        return (series.unit, series.source, list(series.times), list(series.values), list(series.left_out))

    def all(self) -> list[tuple[Any, ...]]:
        """Return what came of all, side by side."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self.read, range(len(self.specs))))


def _source(spec: PrometheusDemand, url: str, kept: Path | None, together: Together | None) -> DemandSource:
    source = demand_source(spec, prometheus_url=url, base=Path(), kept=kept)
    if together is None:
        return source
    assert isinstance(source, Shareable)
    return together.join(source, spec)
