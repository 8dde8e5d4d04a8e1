"""Every write of a run goes through here: owned, compared, stamped (I-2, I-4).

A Lease alone keeps nobody out: an owner that froze between its look at the Lease and its write still sends the write
when it wakes. So a new owner stamps every object before it decides anything; the stamp moves the resourceVersion, and
the write of the one that woke names an old one.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

from springtide import labels
from springtide.clock import Clock
from springtide.errors import Fenced, TemporaryError
from springtide.kube.client import KubeClient
from springtide.kube.objects import Json
from springtide.kube.write_pace import PacesWrites
from springtide.run.halt import HaltSwitch
from springtide.run.lease import Lease, fenced, read_lease
from springtide.strategy.model import Delete, Patch, Scale, Step
from springtide.workload import Workload


def _heed_nothing(_lease: Lease) -> None:
    """Let every write pass that the Lease allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Applies steps for one run in one generation of its Lease, or refuses to.

    `keeps_serving` says that whoever decides lets through only what keeps requests answered: a halt does not stop that.
    `heed` is given the Lease as it was read before a write, and raises where what stands there is a reason not to.
    """

    kube: KubeClient
    clock: Clock
    workload: Workload
    run_id: str
    holder: str
    generation: int
    halt: HaltSwitch = field(default_factory=HaltSwitch)
    keeps_serving: bool = False
    heed: Callable[[Lease], None] = _heed_nothing

    def apply(self, step: Step) -> None:
        """Do `step`, if this run still owns the workload.

        Raises:
            Fenced: it does not.
            Halted: somebody has stopped all writes.
            PermanentError: as `heed` says.
            Conflict: the object is not the one that was judged.
            ClusterRefused, ClusterUnavailable, UnknownOutcome, NotFound: as the client says.
        """
        if isinstance(self.kube, PacesWrites):
            self.kube.await_turn()  # first: what is asked below would be old after a wait
        self._require_running(step)
        # Between this read and the write the Lease may pass on: the write's own compare-and-swap closes that gap.
        self.heed(self.check())
        namespace = self.workload.namespace
        match step:
            case Patch(kind=kind, name=name, version=version, change=change, reason=_):
                self.kube.patch(kind, namespace, name, self._stamped(change), version=version)
            case Scale(kind=kind, name=name, version=version, replicas=replicas, reason=_):
                # The `scale` subresource takes no annotations, and needs none: its resourceVersion is the object's.
                self.kube.scale(kind, namespace, name, replicas, version=version)
            case Delete(kind=kind, name=name, version=version, reason=_):
                self.kube.delete(kind, namespace, name, version=version)

    def check(self) -> Lease:
        """Return the Lease, by a quorum read just now, when this run owns the workload in this generation.

        Raises:
            Fenced: it does not.
            TemporaryError: the answer is older than the run itself.
        """
        lease = read_lease(self.kube, self.workload)
        if lease is not None and lease.holder == self.holder and lease.generation > self.generation:
            raise Fenced(
                f"run {self.run_id!r} is being rolled back in generation {lease.generation}; this is generation "
                f"{self.generation} of it, and writes nothing any more.",
                code="rolling_back",
            )
        if lease is not None and lease.generation < self.generation:
            # Generations only rise: this answer is older than what this run has written itself.
            raise TemporaryError(
                f"Lease {lease.name}: it was read in generation {lease.generation}, and this run has "
                f"{self.generation}. Read it again.",
                code="lease_stale",
            )
        if lease is None or lease.holder != self.holder or lease.generation != self.generation:
            raise fenced(lease, self.workload, self.holder)
        return lease

    def _require_running(self, step: Step) -> None:
        if not self.keeps_serving:
            self.halt.require_running(self.kube, self.clock, self.workload.namespace, step.reason)

    def check_stamp(self, stamp: int, what: str) -> None:
        """Raise `Fenced` when `what` was written by a later generation than this run's."""
        if stamp > self.generation:
            raise Fenced(
                f"{what}: generation {stamp} wrote it last, run {self.run_id!r} has generation {self.generation}. "
                "This run is over.",
                code="service_busy",
            )

    def _stamped(self, change: Json) -> Json:
        stamped = deepcopy(change)
        annotations = stamped.setdefault("metadata", {}).setdefault("annotations", {})
        annotations[labels.RUN] = self.run_id
        annotations[labels.GENERATION] = str(self.generation)
        if annotations.get(labels.SWITCHED_AT):
            # Waits count from it, and between the look and this write a slow call may have lain.
            annotations[labels.SWITCHED_AT] = self.clock.now().isoformat()
        return stamped
