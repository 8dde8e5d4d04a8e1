"""What a run does that somebody asked to stop: it fails between two writes, and the ordinary way back follows.

    before every write, as the fence reads the Lease,
    and every few seconds of a wait                         its phase ends as `aborted`
    while the smoke test asks                               the same, between two requests
    once the stable pods are gone                           it goes on, and says that it was too late

The way back itself, and whatever a run does after its end, never looks: nobody can abort what undoes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import structlog

from springtide.kube.observation import Observation
from springtide.policy.scaling.strategy import BlueGreen
from springtide.run.abort import Abort, abort_of
from springtide.run.engine import Decide, Progress
from springtide.run.lease import Lease, read_lease
from springtide.run.ports import Ports, RunRef
from springtide.strategy.aside import stable_set
from springtide.strategy.model import Decision, Done, RunOrder

log = structlog.get_logger(__name__)

FRESH_SECONDS: Final = 3.0
"""How long one look at the Lease counts while nothing is to be written, by the monotonic clock."""


class AbortWatch:
    """Looks whether somebody asked that the run stops; `seen` is its Lease as it was read just now."""

    def __init__(self, ports: Ports, ref: RunRef, seen: Lease) -> None:
        self._ports = ports
        self._ref = ref
        self._at = ports.clock.monotonic()
        self._asked = abort_of(seen, ref.run_id)
        self._too_late: Abort | None = None
        self._judged: tuple[Observation, RunOrder] | None = None

    def asked(self) -> Abort | None:
        """Return who asked; None while nobody has. An answer counts for `FRESH_SECONDS`.

        Raises:
            ClusterUnavailable: no answer in time.
        """
        now = self._ports.clock.monotonic()
        if self._asked is None and now - self._at >= FRESH_SECONDS:
            lease = read_lease(self._ports.kube, self._ref.workload)
            self._asked = None if lease is None else abort_of(lease, self._ref.run_id)
            self._at = now
        return self._asked

    def require_wanted(self) -> None:
        """Return while nobody asked that the run stops.

        Raises:
            PermanentError: somebody did (`aborted`).
            ClusterUnavailable: no answer in time.
        """
        abort = self.asked()
        if abort is not None:
            raise abort.error

    def gate(self, decide: Decide) -> Decide:
        """Return `decide` that raises what `require_wanted` does; for a write, `heed` does the same behind it.

        Where nothing is left to roll back to both go on, and `told` says so.
        """

        def decide_while_wanted(observation: Observation, order: RunOrder) -> Decision:
            decision = decide(observation, order)
            if isinstance(decision, Done):
                return decision  # the phase is over: the next one looks before it writes
            self._judged = observation, order
            self._answer(self.asked())
            return decision

        return decide_while_wanted

    def heed(self, lease: Lease) -> None:
        """Return when nobody asked by `lease`, which the fence has read for a write that `gate` let through.

        Raises:
            PermanentError: somebody did (`aborted`).
        """
        self._answer(abort_of(lease, self._ref.run_id))

    def told(self, progress: Progress) -> Progress:
        """Return what the phase came to, with the words that an abort came too late where one did."""
        if self._too_late is None:
            return progress
        late = f"{self._too_late}, which was too late: the stable pods are gone"
        return replace(progress, message=f"{progress.message}; {late}")

    def between(self, heartbeat: Callable[[], None]) -> Callable[[], None]:
        """Return `heartbeat` that ends what lasts long where somebody asked that the run stops."""

        def beat() -> None:
            heartbeat()
            self.require_wanted()

        return beat

    def _answer(self, abort: Abort | None) -> None:
        if abort is None:
            return
        if self._judged is None or can_be_undone(*self._judged):
            raise abort.error
        if self._too_late is None:
            log.warning("abort_too_late", run=abort.run_id, by=abort.by)
        self._too_late = abort


def can_be_undone(observation: Observation, order: RunOrder) -> bool:
    """Say whether there is something to roll back to: a Service that was switched needs the stable set.

    Raises:
        Conflict: another run has set a ReplicaSet of this Deployment aside.
    """
    return not isinstance(order.settings, BlueGreen) or stable_set(observation, order) is not None
