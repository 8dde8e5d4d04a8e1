"""What a load saw: every request is counted, the figures are drawn up at the end."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from springtide.load.windows import LoadWindow
from springtide.percentiles import nearest_rank

_MOST_FAILURES = 100  # listed one by one; all are counted
_MOST_WORDS = 1000  # different errors, and different pods; the rest is counted as one
_OTHERS = "(others)"


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds of many requests; None when there were none."""

    p50: float | None
    p99: float | None
    max: float | None

    @classmethod
    def of(cls, seconds: array[float]) -> Percentiles:
        """Return the spread by nearest rank."""
        ranks = (nearest_rank(seconds, share) for share in (0.5, 0.99, 1.0))
        return cls(*(None if rank is None else round(1000 * rank, 3) for rank in ranks))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """A load from its start to its last answer. Times are seconds since `started_at`."""

    url: str
    keepalive: bool
    started_at: datetime
    rate_asked: float  # requests a second
    rate_achieved: float
    seconds: float  # how long it sent
    requests: int
    failed: int
    resent: int  # sent once more because a kept connection had been closed; no failures by themselves
    errors: dict[str, int]
    first_error: float | None
    last_error: float | None
    longest_gap: float  # without a successful answer, the time before the first and after the last one included
    latency_ms: Percentiles  # of the successful requests, from when each was really sent
    lateness_ms: Percentiles  # of the generator itself: how much later than planned it sent
    answers: dict[str, int]  # successful answers by the first word of the body
    answered: dict[str, tuple[float, float]]  # by the same word: the first and the last time
    failures: tuple[tuple[float, str], ...]  # when and what, of the first hundred
    stopped: str | None = None  # why it ended before its time; None when it did not
    is_late: bool = False  # whether it ended because answers came too late
    windows: tuple[LoadWindow, ...] = ()  # second by second

    def to_record(self) -> dict[str, Any]:
        """Return the form in JSON: on purpose without the seconds one by one, which are for judging."""
        whole = asdict(replace(self, windows=()))
        del whole["windows"]
        return {**whole, "started_at": self.started_at.isoformat(timespec="milliseconds")}


@dataclass(kw_only=True)
class LoadRecorder:
    """Counts the requests of one load. Times are seconds since its start."""

    requests: int = 0
    failed: int = 0
    resent: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[float, str]] = field(default_factory=list)
    last_error: float | None = None
    answers: Counter[str] = field(default_factory=Counter)
    answered: dict[str, tuple[float, float]] = field(default_factory=dict)
    latencies: array[float] = field(default_factory=lambda: array("d"))
    lateness: array[float] = field(default_factory=lambda: array("d"))
    last_success: float = 0.0
    longest_gap: float = 0.0
    windows: list[LoadWindow] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        """How many requests have no answer yet."""
        return self.requests - self.failed - len(self.latencies)

    def sent(self, late: float) -> None:
        """Count a request that is sent now, `late` seconds after its planned time."""
        self.requests += 1
        self.lateness.append(late)

    def succeeded(self, now: float, latency: float, word: str) -> None:
        """Count a good answer."""
        # A body that is different each time (a clock, a token) must not fill the memory.
        if word not in self.answers and len(self.answers) >= _MOST_WORDS:
            word = _OTHERS
        self.latencies.append(latency)
        window = self._window(now)
        window.good += 1
        window.latencies.append(latency)
        self.answers[word] += 1
        self.answered[word] = (self.answered.get(word, (round(now, 3), 0.0))[0], round(now, 3))
        self.longest_gap = max(self.longest_gap, now - self.last_success)
        self.last_success = now

    def failure(self, now: float, error: str) -> None:
        """Count a failed request."""
        self.failed += 1
        self._window(now).failed += 1
        self.last_error = round(now, 3)
        if len(self.failures) < _MOST_FAILURES:
            self.failures.append((round(now, 3), error))
        self.errors[error if error in self.errors or len(self.errors) < _MOST_WORDS else _OTHERS] += 1

    def _window(self, now: float) -> LoadWindow:
        while len(self.windows) <= int(now):
            self.windows.append(LoadWindow())
        return self.windows[int(now)]

    def gap(self, now: float) -> float:
        """Return the longest time without a good answer up to now."""
        return round(max(self.longest_gap, now - self.last_success), 3)
