"""Keeps what a run sees and writes over its seconds, for whoever looks at it: beside the run, never in its way.

Counts are kept where they change, and now and then where they do not; writes always. They go to the store together,
every few seconds at most and at the end of a phase. The longer a run lasts, the further apart they are. A store that
does not answer costs moments, and nothing else: it is not asked again for a while.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

import structlog

from springtide.errors import SpringtideError
from springtide.policy.scaling.strategy import BlueGreen
from springtide.record.moments import MOMENTS, WRITE_LIMIT, PodCounts, RunMoment
from springtide.strategy.aside import new_set, stable_set

if TYPE_CHECKING:
    from springtide.clock import Clock
    from springtide.kube.observation import Observation
    from springtide.record.store import RunStore
    from springtide.strategy.model import RunOrder

log = structlog.get_logger(__name__)

EVERY_SECONDS: Final = 3.0
"""How often moments go to the store at most, and how far apart those are at first that say nothing new."""

AWAY_SECONDS: Final = 60.0
"""How long a store that did not answer is left alone."""

_PARTS: Final = 60
"""Moments that say nothing new come no more often than so many in the time that the run has taken until then."""


@dataclass(slots=True, kw_only=True)
class _Course:
    """What is known of one run in this process, by the monotonic clock."""

    began: float
    flushed: float
    seen: PodCounts | None = None
    seen_at: float = float("-inf")
    waiting: list[RunMoment] = field(default_factory=list)


class Moments:
    """Keeps the moments of runs, `at_most` so many of each; 0 keeps none. Safe to use from several threads."""

    def __init__(self, at_most: int = MOMENTS) -> None:
        self._at_most = at_most
        self._courses: dict[str, _Course] = {}
        self._away_until = float("-inf")
        self._lock = Lock()

    def saw(
        self,
        store: RunStore,
        clock: Clock,
        order: RunOrder,
        observation: Observation,
        *,
        only_news: bool = False,
    ) -> None:
        """Keep what one look saw, where it is due; with `only_news` where the counts have changed. Raises nothing."""
        counts = None if self._at_most == 0 else counts_of(observation, order)
        if counts is None:
            return
        now = clock.monotonic()
        with self._lock:
            course = self._course(order.run_id, now)
            apart = max(EVERY_SECONDS, (now - course.began) / _PARTS)
            is_due = not only_news and now - course.seen_at >= apart
            if counts != course.seen or is_due:
                course.seen = counts
                course.seen_at = now
                course.waiting.append(RunMoment(at=clock.now(), counts=counts))
        self._flush(store, clock, order.run_id)

    def wrote(self, clock: Clock, run_id: str, write: str) -> None:
        """Keep what was written. Raises nothing."""
        if self._at_most == 0:
            return
        with self._lock:
            moment = RunMoment(at=clock.now(), write=write[:WRITE_LIMIT])
            self._course(run_id, clock.monotonic()).waiting.append(moment)

    def flush(self, store: RunStore, clock: Clock, run_id: str) -> None:
        """Let the store have what is kept here of the run, at the end of a phase. Raises nothing."""
        self._flush(store, clock, run_id, at_once=True)

    def _course(self, run_id: str, now: float) -> _Course:
        return self._courses.setdefault(run_id, _Course(began=now, flushed=now))

    def _flush(self, store: RunStore, clock: Clock, run_id: str, *, at_once: bool = False) -> None:
        now = clock.monotonic()
        with self._lock:
            course = self._courses.get(run_id)
            is_due = course is not None and (at_once or now - course.flushed >= EVERY_SECONDS)
            if course is None or not course.waiting or not is_due or now < self._away_until:
                return
            waiting = course.waiting[: self._at_most]
            course.waiting = []
            course.flushed = now
        try:
            store.save_moments(run_id, waiting, at_most=self._at_most)
        except SpringtideError as error:
            self._away_until = now + AWAY_SECONDS
            log.warning("moments_not_kept", run=run_id, code=error.code, message=error.message)


def counts_of(observation: Observation, order: RunOrder) -> PodCounts | None:
    """Return the ready pods of both sets and who has traffic; None where that cannot be told apart."""
    try:
        return (
            _of_two_sets(observation, order) if isinstance(order.settings, BlueGreen) else _of_one(observation, order)
        )
    except SpringtideError:
        return None  # what stands in a run's way is the run's to say


def _of_two_sets(observation: Observation, order: RunOrder) -> PodCounts:
    stable = stable_set(observation, order)
    new = new_set(observation, order)
    return PodCounts(
        stable=0 if stable is None else len(stable.ready_pods),
        new=len(new.ready_pods),
        stable_serving=0 if stable is None else len(observation.ready_endpoints(stable)),
        new_serving=len(observation.ready_endpoints(new)),
    )


def _of_one(observation: Observation, order: RunOrder) -> PodCounts:
    ready = len(observation.pod_set.ready_pods)
    serving = len(observation.ready_endpoints(observation.pod_set)) if observation.service else ready
    before = order.snapshot.replicas if order.snapshot.autoscaler is None else order.snapshot.ready
    return PodCounts(
        stable=min(ready, before),
        new=max(0, ready - before),
        stable_serving=min(serving, before),
        new_serving=max(0, serving - before),
    )
