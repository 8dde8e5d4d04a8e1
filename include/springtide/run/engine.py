"""Look, decide, act, look again: what drives every phase that touches the cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from springtide.clock import Clock
from springtide.errors import ClusterRefused, Conflict, DeadlineExceeded, NotFound, TemporaryError, WorkloadFailed
from springtide.kube.client import KubeClient, KubeReader
from springtide.kube.objects import Kind, KubeObject, ReplicaSet
from springtide.kube.observation import Observation, observe
from springtide.plan.owners import REPLICAS
from springtide.run.fence import Fence
from springtide.strategy.model import Decision, Done, Patch, RunOrder, Scale, Step, Wait
from springtide.strategy.replicas import who_wrote
from springtide.workload import Workload

log = structlog.get_logger(__name__)

_FIRST_LOOKS_SECONDS: Final = 0.2
_LATER_LOOKS_SECONDS: Final = 2.0
_URGENT_LOOKS_SECONDS: Final = 1.0
"""While new pods have all the traffic, and what served before is one swap away."""
_LOST_SWAPS: Final = 20
"""Compare-and-swaps that may be lost in a row before the phase gives up: status updates alone lose a few."""

_SAME_STEP: Final = 3
"""How often one phase does the very same step before it believes that somebody keeps undoing it (I-19)."""

_AFTER_A_STEP: Final = timedelta(seconds=30)
"""How long a phase that is late waits behind a step that it did late: until the controllers have followed it."""

Decide = Callable[[Observation, RunOrder], Decision]

Peek = Callable[[Wait, float], Wait | None]
"""Takes what is waited for, and for how many seconds nobody has looked; returns what watches say is waited for since.
None: a look is worth it, or they do not know."""

_Numbers = Mapping[tuple[Kind, str], int]
"""The numbers of replicas that one phase has written, the last of each object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a phase has come. `is_done` False means that patience ended first, which is not an error."""

    is_done: bool
    message: str
    writes: tuple[str, ...] = ()
    is_restored: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Drives decisions against one workload for one run.

    `sets_aside` says that it may write to the Service and to ReplicaSets as well; `placeholders` names the Deployment
    by which it warms nodes. A look reads from `reader`. `on_look` and `on_step` are told what was seen and what was
    written; neither may raise. While it waits, `peek` says whether a look is worth its reads yet; without one it looks
    now and then. `seen` is a look of just before by which nothing is to be written: the first decision is made of it.
    """

    kube: KubeClient
    reader: KubeReader
    clock: Clock
    workload: Workload
    fence: Fence
    on_wait: Callable[[str], None] = lambda _message: None
    heartbeat: Callable[[], None] = lambda: None
    autoscaler: tuple[Kind, str] | None = None
    sets_aside: bool = False
    placeholders: str | None = None
    on_look: Callable[[Observation], None] = lambda _observation: None
    on_step: Callable[[str], None] = lambda _step: None
    peek: Peek | None = None
    seen: Observation | None = None

    def look(self) -> Observation:
        """Read what runs now."""
        seen = self.seen_by(self.reader)
        self.on_look(seen)
        return seen

    def seen_by(self, reader: KubeReader) -> Observation:
        """Return what `reader` shows of what a look reads."""
        return observe(reader, self.clock, self.workload, autoscaler=self.autoscaler, placeholders=self.placeholders)

    def drive(
        self, decide: Decide, order: RunOrder, *, deadline: timedelta, patience: timedelta | None = None
    ) -> Progress:
        """Follow `decide` until it is done, `patience` is over (a normal return) or `deadline` is (an error).

        Raises:
            DeadlineExceeded: the message says what was still missing.
            Conflict: somebody else keeps changing the objects, or changed what the run decides on.
            Halted: somebody has stopped all writes.
            Fenced, WorkloadFailed, ClusterRefused, ClusterUnavailable, UnknownOutcome: as decision and write say.
        """
        start = self.clock.monotonic()
        writes: list[str] = []
        scaled: dict[tuple[Kind, str], int] = {}
        lost = 0
        end = deadline
        seen = self.seen
        # Nothing but counts is remembered from one turn to the next: a write whose answer was lost, a crash, another
        # attempt of the same run at the same time, all are settled by the next look.
        while True:
            waited = timedelta(seconds=self.clock.monotonic() - start)
            decision = self._decided(decide, replace(order, is_late=waited >= deadline), scaled, seen)
            seen = None
            match decision:
                case Done(message, is_restored):
                    return Progress(is_done=True, message=message, writes=tuple(writes), is_restored=is_restored)
                case Wait(message):
                    # Only a wait can be too late: a step that is due still goes out, and the looks after it decide.
                    if waited >= end:
                        raise _too_late(message, deadline)
                    if patience is not None and waited >= patience:
                        return Progress(is_done=False, message=message, writes=tuple(writes))
                    self._rest(decision, start, end if patience is None else min(end, patience))
                case step if writes.count(step.reason) >= _SAME_STEP:
                    raise _undone(step)
                case step:
                    # A lost swap says that the look was old, nothing more: the step is judged again, never sent again.
                    lost = 0 if self._apply(step, writes) else lost + 1
                    if lost == 0 and isinstance(step, Scale):
                        scaled[step.kind, step.name] = step.replicas
                    end = max(end, waited + _AFTER_A_STEP) if lost == 0 and waited >= deadline else end
                    if lost > _LOST_SWAPS:
                        raise _never_still(step, lost)

    def _rest(self, wait: Wait, start: float, until: timedelta) -> None:
        """Wait until a look is worth it: never more often than without a watch, and never beyond `until`."""
        looked = self.clock.monotonic()
        shown: Wait | None = wait
        while shown is not None:
            now = self.clock.monotonic()
            apart = _pause(timedelta(seconds=now - start), is_urgent=shown.is_urgent)
            # What costs no request is asked often; a look comes no sooner for that.
            self._wait(shown.message, apart if self.peek is None else _FIRST_LOOKS_SECONDS)
            now = self.clock.monotonic()
            is_over = self.peek is None or timedelta(seconds=now - start) >= until
            shown = None if is_over or self.peek is None else self.peek(shown, now - looked)
            if shown is None and not is_over and apart > now - looked:
                self.clock.sleep(apart - (now - looked))

    def _wait(self, message: str, seconds: float) -> None:
        self.on_wait(message)
        self.heartbeat()
        self.clock.sleep(seconds)

    def _decided(self, decide: Decide, order: RunOrder, scaled: _Numbers, seen: Observation | None) -> Decision:
        try:
            try:
                return _judged(decide, seen or self.look(), order, scaled)
            except Conflict as error:
                if not _may_be_late(error):
                    raise
                self.clock.sleep(_FIRST_LOOKS_SECONDS)
                return _judged(decide, self.look(), order, scaled)
        except Conflict:
            # What looks like somebody else's may be the doing of whoever owns the workload now: that is the cause then.
            self.fence.check()
            raise
        except WorkloadFailed:
            # As well as pods that went. Whatever else keeps the Lease from being read delays no way back.
            with suppress(TemporaryError, ClusterRefused):
                self.fence.check()
            raise

    def stamp(self, *, may_be_denied: bool = False, seen: Observation | None = None) -> None:
        """Put this run and its generation on every object that it may touch, before it touches one (I-2).

        A frozen earlier owner's pending compare-and-swap fails from here on. Where `may_be_denied`, an object that the
        cluster lets nobody write is passed over. `seen` is a look since which the run owns the workload; every stamp is
        a swap against what it shows.

        Raises:
            ClusterRefused: the cluster says no, and `may_be_denied` is False.
            Fenced: a later generation wrote one of them.
        """
        observation = seen or self.look()
        objects: list[tuple[Kind, KubeObject]] = []
        if self.sets_aside:  # only then is the Service written; it may be another workload's as well
            objects += [(Kind.SERVICE, observation.service)] if observation.service else []
            objects += [(Kind.REPLICA_SET, each) for each in _sets_to_own(observation)]
        # After its sets: its controller copies the stamp to them, and this run's own would come late.
        objects += [(observation.pod_set.scaled.kind, observation.pod_set.scaled)]
        objects += [(observation.autoscaler.kind, observation.autoscaler)] if observation.autoscaler else []
        objects += [(Kind.DEPLOYMENT, observation.placeholders)] if observation.placeholders else []
        for kind, thing in objects:
            try:
                self._stamp(kind, thing)
            except ClusterRefused as error:
                if not may_be_denied:
                    raise
                log.warning("stamp_denied", run=self.fence.run_id, object=thing.name, message=error.message)

    def _stamp(self, kind: Kind, thing: KubeObject) -> None:
        for _ in range(_LOST_SWAPS):
            self.fence.check_stamp(thing.generation_stamp, f"{kind.value} {thing.name}")
            if thing.generation_stamp == self.fence.generation:
                return
            # Changes nothing but the stamp, and with it the resourceVersion that an earlier owner's swap names.
            if self._apply(
                Patch(
                    kind=kind,
                    name=thing.name,
                    version=thing.version,
                    change={},
                    reason=f"own {kind.value} {thing.name}",
                ),
                [],
            ):
                return
            try:
                thing = KubeObject(self.kube.get(kind, self.workload.namespace, thing.name))
            except NotFound:
                return  # it has gone, so there is nothing to own
        raise Conflict(f"{kind.value} {thing.name}: it keeps changing and cannot be owned.", code="conflict")

    def _apply(self, step: Step, writes: list[str]) -> bool:
        """Do `step`; False when its compare-and-swap was lost, which is a reason to look again and nothing else."""
        try:
            self.fence.apply(step)
        except (Conflict, NotFound) as error:
            log.info("compare_and_swap_lost", step=step.reason, message=error.message)
            return False
        writes.append(step.reason)
        self.on_step(step.reason)
        log.info("step_applied", run=self.fence.run_id, step=step.reason)
        return True


def _may_be_late(error: Conflict) -> bool:
    """Say whether a read that is a moment late would look the same: then it has to show twice."""
    return error.code == "replicas_changed"


def _judged(decide: Decide, look: Observation, order: RunOrder, scaled: _Numbers) -> Decision:
    """Return what `decide` makes of one look.

    Raises:
        Conflict: it asks for the number of replicas that this phase has written last (`replicas_changed`): somebody put
            another one there since.
    """
    decision = decide(look, order)
    if isinstance(decision, Scale) and scaled.get((decision.kind, decision.name)) == decision.replicas:
        thing = next((each for each in _scalable(look) if each.name == decision.name), None)
        who = "somebody" if thing is None else who_wrote(thing, REPLICAS)
        raise Conflict(
            f"{decision.reason}: done already, and {who} put another number there since. Nothing more is changed: let "
            "one of the two decide.",
            code="replicas_changed",
        )
    return decision


def number_of(look: Observation, name: str) -> int:
    """Return how many replicas the object of this name has; more than any where it is not seen."""
    named = (each for each in _scalable(look) if each.name == name)
    return next((int(each.raw["spec"].get("replicas", 1)) for each in named), sys.maxsize)


def _scalable(look: Observation) -> list[KubeObject]:
    placeholders = [look.placeholders] if look.placeholders else []
    return [look.pod_set.scaled, *look.pod_set.replica_sets, *(each.replica_set for each in look.aside), *placeholders]


def _sets_to_own(observation: Observation) -> list[ReplicaSet]:
    """Return what is set aside, or will be."""
    # On any other set of the Deployment its controller keeps the Deployment's own annotations, and no run writes to it
    # while it has pods.
    aside = [each.replica_set for each in observation.aside]
    return aside or [each for each in observation.pod_set.replica_sets if each.replicas > 0]


def _undone(step: Step) -> Conflict:
    return Conflict(
        f"{step.reason}: done {_SAME_STEP} times, and somebody undid it each time. Find out who, a GitOps tool maybe, "
        "and let one of the two decide.",
        code="conflict",
    )


def _never_still(step: Step, lost: int) -> Conflict:
    return Conflict(
        f"{step.reason}: the object changed under {lost} attempts in a row. Find out who keeps changing it.",
        code="conflict",
    )


def _too_late(missing: str, deadline: timedelta) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"not within {deadline.total_seconds():.0f} s: {missing}", code="deadline_exceeded", field="strategy.deadlines"
    )


def _pause(waited: timedelta, *, is_urgent: bool) -> float:
    """Look often at first, when most waits end, and seldom later, when the API server should be spared."""
    longest = _URGENT_LOOKS_SECONDS if is_urgent else _LATER_LOOKS_SECONDS
    return min(longest, _FIRST_LOOKS_SECONDS + waited.total_seconds() / 20)
