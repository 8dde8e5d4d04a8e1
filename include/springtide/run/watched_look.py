"""The looks of a wait in another process: by what watches show, until they say that a look is worth its reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

from springtide.errors import SpringtideError
from springtide.kube.watched import NotWatched
from springtide.run.drain import drain_gates
from springtide.run.engine import Progress
from springtide.run.lease import read_lease
from springtide.run.ownership import is_owner
from springtide.run.peeking import longest_seconds
from springtide.run.phases import look
from springtide.run.ports import Ports, RunRef
from springtide.run.state import Phase
from springtide.run.work import Work
from springtide.strategy.model import Wait

_PARTS: Final = 1000


@dataclass(slots=True)
class WatchedLook:
    """Looks at a waiting phase, as `phases.look` does, where that is worth it; else it tells what watches show.

    Whoever waits elsewhere has looked just before: the first look is due when watches say so, and some time within the
    span for which they are trusted, so that a thousand waits do not look at one moment.
    """

    ports: Ports
    ref: RunRef
    phase: Phase
    _looked: float = field(init=False)
    _wait: Wait = field(default=Wait(""), init=False)
    _work: Work | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        watched = self.ports.watched
        span = 0.0 if watched is None else longest_seconds(watched, is_urgent=False)
        self._looked = self.ports.clock.monotonic() - span * (crc32(self.ref.run_id.encode()) % _PARTS) / _PARTS

    def __call__(self) -> Progress:
        """Return how far the phase is.

        Raises:
            WorkloadFailed, Conflict, Fenced, ClusterUnavailable: as `phases.look`.
        """
        shown = self._shown()
        if shown is not None:
            self._wait = shown
            return Progress(is_done=False, message=shown.message)
        progress = look(self.ports, self.ref, self.phase)
        self._looked = self.ports.clock.monotonic()
        return progress

    def _shown(self) -> Wait | None:
        watched = self.ports.watched
        if watched is None:
            return None
        try:
            lease = read_lease(watched, self.ref.workload)
            if lease is None or not is_owner(self.ports, self.ref.holder, lease):
                return None
            if self._work is None or self._work.lease.version != lease.version:
                self._work = Work.of_lease(self.ports, self.ref, lease)
            _, hint = drain_gates(self.ports, self._work, self.phase, self._work.decide(self.phase))
        except (NotWatched, SpringtideError):  # whatever it is, the look that follows tells it
            return None
        peek = self._work.peeking(self.phase, hint)
        return None if peek is None else peek(self._wait, self.ports.clock.monotonic() - self._looked)
