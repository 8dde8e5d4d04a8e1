"""One run at work: its Lease, its state, its engine, and the journal between phases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from springtide.errors import Conflict, Fenced, PermanentError
from springtide.run.engine import Decide, Engine, Progress
from springtide.run.fence import Fence
from springtide.run.lease import RENEW_SECONDS, Lease, fenced, owned_lease, renew, write_state
from springtide.run.ports import Ports, RunRef
from springtide.run.state import JournalEntry, JournalStatus, Phase, RunState
from springtide.strategy.model import Strategy
from springtide.strategy.registry import strategy_for

_FORWARD: Final = (
    Phase.CREATE_INSTANCES,
    Phase.INSTANCES_READY,
    Phase.SWITCH_ENDPOINTS,
    Phase.ENDPOINTS_SWITCHED,
    Phase.SMOKE_TEST,
    Phase.REMOVE_OLD_INSTANCES,
    Phase.INSTANCES_REMOVED,
)
"""The order that no retry, clear or timeout may change (I-8)."""

_ATTEMPTS: Final = 8


class Heartbeat:
    """Renews the Lease while a phase waits."""

    def __init__(self, ports: Ports, ref: RunRef) -> None:
        self._ports, self._ref = ports, ref
        self._due = ports.clock.monotonic() + RENEW_SECONDS

    def __call__(self) -> None:
        """Renew, if it is time.

        Raises:
            Fenced: the run does not own the workload any more.
        """
        now = self._ports.clock.monotonic()
        if now < self._due:
            return
        kube, ref = self._ports.kube, self._ref
        try:
            renew(kube, self._ports.clock, owned_lease(kube, ref.workload, ref.holder), ref.workload)
        except Conflict:
            return  # it was written this very moment, which says the same; a new owner is seen at the next beat
        self._due = now + RENEW_SECONDS


@dataclass(frozen=True, slots=True)
class Work:
    """A run that owns its workload. `begin` and `end` keep the journal; each returns the work as it stands then."""

    ports: Ports
    ref: RunRef
    lease: Lease
    state: RunState
    engine: Engine
    strategy: Strategy

    @classmethod
    def of(cls, ports: Ports, ref: RunRef) -> Work:
        """Take the run up where its Lease says it is.

        Raises:
            Fenced: the run does not own the workload.
        """
        lease = owned_lease(ports.kube, ref.workload, ref.holder)
        state = lease.state
        if state is None:
            raise fenced(lease, ref.workload, ref.holder)
        fence = Fence(ports.kube, ports.clock, ref.workload, ref.run_id, ref.holder, lease.generation)
        heartbeat = Heartbeat(ports, ref)
        held = state.snapshot.autoscaler
        through = None if held is None else (held.kind, held.name)
        engine = Engine(ports.kube, ports.clock, state.plan.target, fence, ports.on_wait, heartbeat, through)
        return cls(ports, ref, lease, state, engine, strategy_for(state.settings))

    def is_past(self, phase: Phase) -> bool:
        """Say whether a later phase has begun, so that this one is over for good."""
        if phase not in _FORWARD:
            return False
        later = _FORWARD[_FORWARD.index(phase) + 1 :]
        return any(self.state.entry(each, JournalStatus.STARTED) for each in later)

    def begin(self, phase: Phase) -> Work:
        """Write down that `phase` has begun, unless that stands there already.

        Raises:
            PermanentError: it is not this phase's turn.
            Fenced: the run is being rolled back.
        """
        self._require_turn(phase)
        if self.state.entry(phase, JournalStatus.STARTED):
            return self
        return self._note(phase, JournalStatus.STARTED, "")

    def end(self, phase: Phase, message: str, *, status: JournalStatus = JournalStatus.DONE) -> Work:
        """Write down that `phase` is over."""
        return self._note(phase, status, message)

    def close(self, outcome_of: Callable[[RunState], tuple[str, bool]]) -> str:
        """Write down how the run ended, and give the workload free if that is proven; return the outcome.

        `outcome_of` judges the very state that is written over: a stale one loses the swap and is judged again.
        """
        work = self
        for _ in range(_ATTEMPTS):
            outcome, release = outcome_of(work.state)
            ended = work.state.with_outcome(outcome)
            try:
                write_state(self.ports.kube, self.ports.clock, work.lease, ended, release=release)
            except Conflict:
                work = Work.of(self.ports, self.ref)
            else:
                return outcome
        raise Conflict(f"Lease {self.lease.name}: it keeps changing.", code="conflict")

    def drive(self, phase: Phase, decide: Decide, *, patience: timedelta | None = None) -> Progress:
        """Drive `phase` to its end, within what is left of its deadline, and write that down."""
        progress = self.engine.drive(decide, self.state.order, deadline=self._left(phase), patience=patience)
        if progress.is_done:
            status = JournalStatus.DONE if progress.is_restored else JournalStatus.HELD
            self.end(phase, progress.message, status=status)
        return progress

    def decide(self, phase: Phase) -> Decide:
        """Return what the strategy makes of `phase`."""
        decisions: dict[Phase, Decide] = {
            Phase.INSTANCES_READY: self.strategy.ready,
            Phase.SWITCH_ENDPOINTS: self.strategy.switch,
            Phase.ENDPOINTS_SWITCHED: self.strategy.switched,
            Phase.REMOVE_OLD_INSTANCES: self.strategy.remove,
            Phase.INSTANCES_REMOVED: self.strategy.removed,
        }
        return decisions[phase]

    def _require_turn(self, phase: Phase) -> None:
        if phase not in _FORWARD:
            return
        if self.state.entry(Phase.ROLL_BACK, JournalStatus.STARTED):
            raise Fenced(f"{phase.value}: run {self.ref.run_id!r} is being rolled back.", code="rolling_back")
        before = _FORWARD[: _FORWARD.index(phase)]
        missing = [each.value for each in before if not self.state.entry(each, JournalStatus.DONE)]
        if missing:
            raise PermanentError(
                f"{phase.value}: not before {', '.join(missing)} is done. Clear the run from there on.",
                code="phase_order",
            )

    def _left(self, phase: Phase) -> timedelta:
        deadlines = self.state.settings.deadlines
        whole: timedelta = {
            Phase.INSTANCES_READY: deadlines.ready,
            Phase.REMOVE_OLD_INSTANCES: deadlines.removed,
            Phase.INSTANCES_REMOVED: deadlines.removed,
            Phase.ROLL_BACK: deadlines.ready + deadlines.removed,
        }.get(phase, deadlines.switched)
        if phase is Phase.ROLL_BACK or self.ref.is_taken_up:
            return whole  # by each attempt anew: who ends a run late still ends it, instead of keeping both sets
        started = self.state.entry(phase, JournalStatus.STARTED)
        spent = self.ports.clock.now() - started.at if started else timedelta(0)
        return max(timedelta(0), whole - max(timedelta(0), spent))

    def _note(self, phase: Phase, status: JournalStatus, message: str) -> Work:
        entry = JournalEntry(phase, status, self.ports.clock.now(), message)
        return self._write(self.state.with_entry(entry))

    def _write(self, state: RunState) -> Work:
        lease = self.lease
        for _ in range(_ATTEMPTS):
            try:
                lease = write_state(self.ports.kube, self.ports.clock, lease, state)
            except Conflict:
                # Another attempt of this same run wrote: keep what it knows, add what this one knows.
                lease = owned_lease(self.ports.kube, self.ref.workload, self.ref.holder)
                state = _united(lease.state, state)
            else:
                return replace(self, lease=lease, state=state)
        raise Conflict(f"Lease {lease.name}: it keeps changing.", code="conflict")


def _united(stored: RunState | None, mine: RunState) -> RunState:
    united = stored or mine
    for entry in mine.journal:
        if not united.entry(entry.phase, entry.status):
            united = united.with_entry(entry)
    return united
