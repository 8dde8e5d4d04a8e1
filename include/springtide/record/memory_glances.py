"""The reads over many services, of the store in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from threading import Lock
from typing import TYPE_CHECKING

from springtide.record.glances import CoursePoint, RunGlance, by_policy, point_of
from springtide.record.model import RunOutcome
from springtide.record.run_search import RunFilter, fitting
from springtide.record.samples import Total
from springtide.record.store import require_limit, unknown_run

if TYPE_CHECKING:
    from springtide.plan.recent import SweepDecision
    from springtide.record.metrics import Metric
    from springtide.record.model import ScalingRun
    from springtide.record.moments import RunMoment
    from springtide.record.samples import Key


class MemoryGlances:
    """Answers from what a `MemoryStore` holds."""

    _lock: Lock
    _runs: dict[str, ScalingRun]
    _decisions: dict[tuple[str, datetime], SweepDecision]
    _totals: dict[Key, float]
    _moments: dict[str, tuple[RunMoment, ...]]

    def last_runs(self, since: datetime, *, each: int = 2) -> dict[str, tuple[RunGlance, ...]]:
        """Return the latest runs of each policy."""
        told = [run for run in self._since(since) if run.outcome is not RunOutcome.REFUSED]
        grouped = groupby(sorted(told, key=lambda run: run.policy), key=lambda run: run.policy)
        return {name: _going_on_first(_newest(runs))[:each] for name, runs in grouped}

    def runs_of(self, policy: str, since: datetime, *, limit: int) -> tuple[RunGlance, ...]:
        """Return the latest runs of one policy."""
        require_limit(limit)
        return _newest(run for run in self._since(since) if run.policy == policy)[:limit]

    def find_runs(self, wanted: RunFilter, *, limit: int) -> tuple[RunGlance, ...]:
        """Return the runs that fit, newest first."""
        with self._lock:
            runs = list(map(RunGlance.of, self._runs.values()))
        return fitting(runs, wanted, require_limit(limit))

    def save_moments(self, run_id: str, moments: Sequence[RunMoment], *, at_most: int) -> None:
        """Keep the moments of the run."""
        with self._lock:
            if run_id not in self._runs:
                raise unknown_run(run_id)
            self._moments[run_id] = (*self._moments.get(run_id, ()), *moments)[:at_most]

    def moments(self, run_id: str) -> tuple[RunMoment, ...]:
        """Return the moments of the run, oldest first."""
        with self._lock:
            return tuple(sorted(self._moments.get(run_id, ()), key=lambda moment: moment.at))

    def last_decisions(self, since: datetime) -> dict[str, SweepDecision]:
        """Return the latest decision about each policy."""
        with self._lock:
            kept = sorted(self._decisions.items(), key=lambda item: item[0][1])
        return {name: decision for (name, at), decision in kept if at > since}

    def courses(self, policies: Collection[str], first: datetime, last: datetime) -> dict[str, tuple[CoursePoint, ...]]:
        """Return what was decided about each of `policies`."""
        with self._lock:
            kept = sorted(self._decisions.items(), key=lambda item: item[0][1])
        mine = (point_of(decision) for (name, at), decision in kept if name in policies and first <= at <= last)
        return by_policy(mine, policies)

    def samples(self, metrics: Collection[Metric]) -> tuple[Total, ...]:
        """Return the present values of `metrics`."""
        names = {metric.name for metric in metrics}
        with self._lock:
            return tuple(Total(name, labels, value) for (name, labels), value in self._totals.items() if name in names)

    def kept_in(self) -> str:
        """Return that it is kept in memory."""
        return "memory"

    def _since(self, since: datetime) -> list[ScalingRun]:
        with self._lock:
            return [run for run in self._runs.values() if run.started_at > since]


def _going_on_first(runs: Sequence[RunGlance]) -> tuple[RunGlance, ...]:
    return tuple(sorted(runs, key=lambda run: run.outcome is not RunOutcome.RUNNING))


def _newest(runs: Iterable[ScalingRun]) -> tuple[RunGlance, ...]:
    ordered = sorted(runs, key=lambda run: (run.started_at, run.run_id), reverse=True)
    return tuple(map(RunGlance.of, ordered))
