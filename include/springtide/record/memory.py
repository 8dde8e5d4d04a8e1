"""Runs in this process's memory: for tests, and for runs that are not to be remembered."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Self

from springtide.record.metrics import Total, applied, changes
from springtide.record.model import PhaseRecord, ScalingRun, merged
from springtide.record.store import PAGE, require_limit, unknown_run

if TYPE_CHECKING:
    from springtide.record.metrics import Key


class MemoryStore:
    """A `RunStore` that forgets everything when it goes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._runs: dict[str, ScalingRun] = {}
        self._totals: dict[Key, float] = {}

    def save(self, run: ScalingRun) -> None:
        """Keep the run."""
        with self._lock:
            self._keep(merged(self._runs.get(run.run_id), run))

    def save_phase(self, run_id: str, phase: PhaseRecord) -> None:
        """Keep one attempt at one phase."""
        with self._lock:
            self._keep(self._found(run_id).with_phase(phase))

    def get(self, run_id: str) -> ScalingRun:
        """Return the run."""
        with self._lock:
            return self._found(run_id)

    def latest(self, policy: str | None = None, *, limit: int = PAGE) -> tuple[ScalingRun, ...]:
        """Return the runs that started last, newest first."""
        require_limit(limit)
        with self._lock:
            runs = [run for run in self._runs.values() if policy is None or run.policy == policy]
        return tuple(sorted(runs, key=lambda run: (run.started_at, run.run_id), reverse=True)[:limit])

    def totals(self) -> tuple[Total, ...]:
        """Return every metric's present value."""
        with self._lock:
            return tuple(Total(name, labels, value) for (name, labels), value in sorted(self._totals.items()))

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _found(self, run_id: str) -> ScalingRun:
        try:
            return self._runs[run_id]
        except KeyError:
            raise unknown_run(run_id) from None

    def _keep(self, run: ScalingRun) -> None:
        for change in changes(self._runs.get(run.run_id), run):
            self._totals[change.key] = applied(change, self._totals.get(change.key))
        self._runs[run.run_id] = run
