"""What a finished simulation leaves to be judged: every call, what every write found, what the endpoints were."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from invariants.objects import LEASE, Objects, ObjectsAt, moments
from invariants.writes import LeaseAt, Write, body_of, lease_after, lease_of, leases_of
from springtide.sandbox.history import Call, EndpointsAt, Loss
from springtide.sandbox.world import World
from support.simulation import NAMESPACE

OK = 300
"""Below this status the API server did what it was asked."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a run was to keep: its numbers, as the test ordered them. Times are seconds.

    `batch` is how many pods a batched run may have above full size; 0 where the new set is made whole at once.
    """

    start: int
    target: int
    propagation: float = 2.0
    drain: float = 1.0
    step: int = 1
    batch: int = 0


@dataclass(frozen=True)
class Begin:
    """Where in a world's history a run begins."""

    time: float
    calls: int
    revision: int

    @classmethod
    def now(cls, world: World) -> Begin:
        """Return the present moment."""
        return cls(world.elapsed, len(world.history.calls), world.store.revision)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A finished simulation. `calls` are springtide's own; `moments` are everybody's, from its beginning on."""

    terms: Terms
    calls: tuple[Call, ...]
    slices: tuple[EndpointsAt, ...]
    losses: tuple[Loss, ...]
    moments: tuple[ObjectsAt, ...]
    after: Objects

    @classmethod
    def of(cls, world: World, begin: Begin, terms: Terms) -> Evidence:
        """Return what has happened in `world` since `begin`."""
        history = world.history
        mine = [e for e in history.written if (e.namespace, e.service) == (NAMESPACE, "web")]
        before = [e for e in mine if e.time <= begin.time][-1:]
        return cls(
            terms=terms,
            calls=tuple(_timed(world, call) for call in history.calls[begin.calls :] if _counts(call)),
            slices=(*before, *(e for e in mine if e.time > begin.time)),
            losses=tuple(loss for loss in history.losses if loss.since >= begin.time),
            moments=tuple(moments(world, begin.revision)),
            after=Objects.of(world),
        )

    @property
    def before(self) -> Objects:
        """The workload as the run found it."""
        return self.moments[0].objects

    @cached_property
    def writes(self) -> tuple[Write, ...]:
        """The writes that took effect, in that order, those to the Lease included."""
        done = [call for call in self.calls if call.write and call.status is not None and call.status < OK]
        return tuple(self._folded(sorted(done, key=lambda call: call.revisions[1])))

    def _folded(self, calls: list[Call]) -> Iterator[Write]:
        lease = lease_of(self.before.lease)
        for call in calls:
            write = Write(
                at=call.time,
                method=call.method,
                path=call.path,
                body=body_of(call),
                query=dict(call.query),
                agent=call.user_agent,
                manager=call.manager,
                lease=lease,
                found=self._found(call),
            )
            yield write
            lease = lease_after(lease, write)

    def _found(self, call: Call) -> Objects:
        # The write itself is the last of what was written while its call was under way.
        first_after = call.revisions[1] + (not call.applied)
        number = bisect_left(self.moments, first_after, key=lambda each: each.revision)
        return self.moments[max(0, number - 1)].objects

    @cached_property
    def workload_writes(self) -> tuple[Write, ...]:
        """The writes to anything but the Lease."""
        return tuple(write for write in self.writes if not write.is_of_lease)

    @cached_property
    def leases(self) -> tuple[LeaseAt, ...]:
        """The Lease after each write to it, as the next write found it."""
        return tuple(leases_of(self.writes))

    @property
    def floor(self) -> int:
        """The ready endpoints that the Service always has to have."""
        return max(1, min(self.terms.start, self.terms.target))

    @property
    def peak(self) -> int:
        """The pods of the larger of the two sizes."""
        return max(self.terms.start, self.terms.target)

    def ready_at(self, time: float) -> frozenset[str]:
        """Return the ready endpoints at a time."""
        return frozenset(next((e.ready for e in reversed(self.slices) if e.time <= time), ()))

    def calls_of(self, agent: str) -> list[Call]:
        """Return the calls of one process, in their order."""
        return [call for call in self.calls if call.user_agent == agent]

    @property
    def agents(self) -> list[str]:
        """The processes that called."""
        return sorted({call.user_agent for call in self.calls})


def _counts(call: Call) -> bool:
    """Say whether a call is springtide's, and not a mere question in the form of a write: may I, what would happen."""
    asks = call.path.startswith("/apis/authorization.k8s.io/") or call.query.get("dryRun") == "All"
    return bool(call.user_agent) and not asks


def _timed(world: World, call: Call) -> Call:
    """Return the call with the time at which it took effect: later than it was sent where its sender stood still."""
    return replace(call, time=world.history.time_of(call.revisions[1])) if call.applied else call


def pairs(evidence: Evidence) -> Iterator[tuple[LeaseAt, LeaseAt]]:
    """Yield each state of the Lease with the next one."""
    yield from pairwise(evidence.leases)


__all__ = ["LEASE", "OK", "Begin", "Evidence", "LeaseAt", "Objects", "Terms", "Write", "body_of", "pairs"]
