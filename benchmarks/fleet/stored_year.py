"""What a row of the store takes, and so what a year of services comes to.

One run, one decision and one day as they are kept are copied by the library into an empty store, so often that a
table's first page does not count. Every copy has a name and a time of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg

from benchmarks.fleet.history import Steady
from benchmarks.fleet.services import STEADY
from benchmarks.fleet.table_sizes import TableSize, sizes_of
from springtide.demand.days import Maxima
from springtide.demand.model import DemandSeries
from springtide.plan.recent import SweepDecision
from springtide.policy.scaling.demand import PrometheusDemand
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.memory import MemoryStore
from springtide.record.model import RunOutcome, ScalingRun
from springtide.record.moments import RunMoment
from springtide.record.sql import SqlStore, open_store
from springtide.training.days import Learning
from springtide.training.whole_days import learn_whole_day

RUNS: Final = 300
SERVICES: Final = 1000
SWEEPS: Final = 10
DAYS: Final = 100
DAILY: Final = 10
LATELY: Final = 8
"""Days that a look reads."""

QUARTER: Final = timedelta(minutes=15)
_MOST_MOMENTS: Final = 500
_STEP: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PastDemand:
    """A past that is read as demand is."""

    past: Steady

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        """Return its points."""
        return self.past.samples(start, end, step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What is copied: a run with its moments, and the decisions of one sweep, as a real one kept them."""

    run: ScalingRun
    moments: Sequence[RunMoment]
    decisions: Sequence[SweepDecision]
    policy: ScalingPolicy


def samples_of(store_url: str, policy: ScalingPolicy) -> Samples:
    """Return the newest run that succeeded, and what was decided last about each service.

    Raises:
        LookupError: no run has succeeded.
    """
    with open_store(store_url) as store:
        runs = [run for run in store.latest(limit=1000) if run.outcome is RunOutcome.SUCCEEDED]
        if not runs:
            raise LookupError("no run has succeeded, so there is none to copy")
        run = max(runs, key=lambda each: len(store.moments(each.run_id)))
        decisions = store.last_decisions(datetime.now(UTC) - timedelta(days=1))
        return Samples(run=run, moments=store.moments(run.run_id), decisions=tuple(decisions.values()), policy=policy)


def rows_filled(store_url: str, samples: Samples, now: datetime) -> Mapping[str, TableSize]:
    """Fill an empty database beside that of `store_url`, and return what its tables hold."""
    name = "filled"
    with psycopg.connect(store_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = store_url.replace("/springtide?", f"/{name}?")
    with open_store(url) as store:
        _fill_runs(store, samples)
        _fill_decisions(store, samples, now)
        names = [f"service-{number:04d}" for number in range(DAILY)]
        keep_learned(store, samples.policy, names, now, days=DAYS)
    return sizes_of(url).tables


def _fill_runs(store: SqlStore, samples: Samples) -> None:
    for number in range(RUNS):
        run = replace(samples.run, run_id=f"{samples.run.run_id}-{number}")
        store.save(run)
        store.save_moments(run.run_id, samples.moments, at_most=_MOST_MOMENTS)


def _fill_decisions(store: SqlStore, samples: Samples, now: datetime) -> None:
    for sweep in range(SWEEPS):
        at = now - sweep * QUARTER
        store.save_decisions(list(_decisions(samples.decisions, at)), now=now)


def _decisions(like: Sequence[SweepDecision], at: datetime) -> Iterator[SweepDecision]:
    for number in range(SERVICES):
        yield replace(like[number % len(like)], policy=f"service-{number:04d}", at=at)


def keep_learned(
    store: SqlStore, policy: ScalingPolicy, services: Sequence[str], now: datetime, *, days: int = LATELY
) -> None:
    """Learn yesterday once, as `capacity_history` does, and keep it for the last days of each of these services."""
    demand = policy.spec.demand
    assert isinstance(demand, PrometheusDemand)
    kept = MemoryStore()
    past = PastDemand(Steady(STEADY))
    learning = Learning(policy=policy, demand=demand, store=kept, recent=past, maxima=Maxima(past, _STEP))
    yesterday = now.date() - timedelta(days=1)
    learn_whole_day(learning, yesterday, now)
    (day,) = kept.days(policy.name, yesterday, yesterday)
    for name in services:
        store.save_learned(name, kept.learned(policy.name))
        for back in range(days):
            store.save_day(replace(day, policy=name, day=yesterday - timedelta(days=back)))
