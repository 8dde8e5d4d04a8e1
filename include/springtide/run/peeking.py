"""Whether a look is worth its reads while a run waits: by what watches show, and by nobody's decision.

The very decision of the phase is made over what the watches show. Where it would wait on, the look would find nothing
and is left out; whatever else it says, and whatever goes wrong, is a reason to look. So a watch that is behind, or
wrong, costs reads or a while, and never a step: the net below is how long a while.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from springtide.errors import SpringtideError
from springtide.kube.observation import Observation
from springtide.kube.watched import NotWatched, Watched
from springtide.run.abort import abort_of
from springtide.run.engine import Decide, Engine
from springtide.run.lease import read_lease
from springtide.run.ports import RunRef
from springtide.strategy.model import RunOrder, Wait

log = structlog.get_logger(__name__)

URGENT_SECONDS: Final = 5.0
"""How long an urgent wait goes by watches alone, at most: something may go wrong that has to be seen at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peeking:
    """Judges what watches show by `hint`, the part of a phase's decision that reads and writes nothing.

    `on_peek` is told what they show, for people who look; it may not raise.
    """

    watched: Watched
    ref: RunRef
    engine: Engine
    hint: Decide
    order: RunOrder
    on_peek: Callable[[Observation], None]
    heeds_abort: bool = True

    def __call__(self, wait: Wait, seconds: float) -> Wait | None:
        """Return what is waited for since; None where a look is worth it. Raises nothing of the cluster's."""
        watched = self.watched
        if seconds >= longest_seconds(watched, is_urgent=wait.is_urgent):
            return None
        try:
            lease = read_lease(watched, self.ref.workload)
            seen = self.engine.seen_by(watched)
            decision = self.hint(seen, self.order)
        except (NotWatched, SpringtideError):  # whatever it is, the look that follows tells it
            return None
        except Exception:
            # What is shown may be half of what is there; a run never ends by it, only by what a look finds.
            log.exception("peek_failed", run=self.ref.run_id)
            return None
        self.on_peek(seen)
        is_aborted = lease is not None and self.heeds_abort and abort_of(lease, self.ref.run_id) is not None
        return decision if isinstance(decision, Wait) and lease is not None and not is_aborted else None


def longest_seconds(watched: Watched, *, is_urgent: bool) -> float:
    """Return how long a wait may go by watches alone."""
    trusted = watched.trusted.total_seconds()
    return min(trusted, URGENT_SECONDS) if is_urgent else trusted
