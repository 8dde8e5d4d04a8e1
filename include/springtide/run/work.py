"""One run at work: its Lease, its state, its engine, and the journal between phases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from springtide.errors import Conflict, Fenced, NotFound, PermanentError, SpringtideError
from springtide.kube.observation import Observation
from springtide.policy.scaling.strategy import BlueGreen
from springtide.run.aborted import AbortWatch
from springtide.run.engine import Decide, Engine, Progress
from springtide.run.fence import Fence
from springtide.run.handover import Handover
from springtide.run.lease import Lease, fenced, owned_lease, renew, write_state
from springtide.run.ownership import lease_of, missing_lease, require_same_cluster
from springtide.run.peeking import Peeking
from springtide.run.phase_table import FORWARD, WARMING, rule_of
from springtide.run.ports import Ports, RunRef
from springtide.run.renewal import RENEW_SECONDS
from springtide.run.state import JournalEntry, JournalStatus, Phase, RunState
from springtide.strategy.model import Done, Strategy, Wait
from springtide.strategy.registry import strategy_for
from springtide.verify.smoke import checks_before_switch

_ATTEMPTS: Final = 8


class Heartbeat:
    """Renews the Lease while a phase waits."""

    def __init__(self, ports: Ports, ref: RunRef, *, renewed_at: datetime | None) -> None:
        self._ports = ports
        self._ref = ref
        # From the last renewal and not from now: before this process another may have waited for minutes, or nobody.
        age = timedelta(0) if renewed_at is None else ports.clock.now() - renewed_at
        left = min(RENEW_SECONDS, max(0.0, RENEW_SECONDS - age.total_seconds()))
        self._due = ports.clock.monotonic() + left

    def __call__(self) -> None:
        """Renew, if it is time.

        Raises:
            Fenced: the run does not own the workload any more.
        """
        now = self._ports.clock.monotonic()
        if now < self._due:
            return
        kube = self._ports.kube
        ref = self._ref
        try:
            renew(kube, self._ports.clock, owned_lease(kube, ref.workload, ref.holder), ref.workload)
        except Conflict:
            return  # it was written this very moment, which says the same; a new owner is seen at the next beat
        self._due = now + RENEW_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A run that owns its workload. `begin` and `end` keep the journal; each returns the work as it stands then.

    `handover` has what the phase before left in this process, and takes what this one leaves.
    """

    ports: Ports
    ref: RunRef
    lease: Lease
    state: RunState
    engine: Engine
    strategy: Strategy
    handover: Handover = field(default_factory=Handover)

    @classmethod
    def of(cls, ports: Ports, ref: RunRef, handover: Handover | None = None) -> Work:
        """Continue the run where its Lease says it is.

        Raises:
            Fenced: the run does not own the workload.
            OtherCluster: the connection leads to another cluster than the run's.
        """
        lease = None if handover is None else handover.take(ref.holder, ports.clock.monotonic())
        return cls.of_lease(ports, ref, lease or lease_of(ports, ref), handover)

    @classmethod
    def of_lease(cls, ports: Ports, ref: RunRef, lease: Lease, handover: Handover | None = None) -> Work:
        """Continue the run where `lease`, which it holds, says it is.

        Raises:
            Fenced: nothing stands in the Lease.
        """
        state = lease.state
        if state is None:
            raise fenced(lease, ref.workload, ref.holder)
        handover = handover or Handover()
        fence = Fence(
            kube=ports.kube,
            clock=ports.clock,
            workload=ref.workload,
            run_id=ref.run_id,
            holder=ref.holder,
            generation=lease.generation,
            halt=ports.halt,
        )
        heartbeat = Heartbeat(ports, ref, renewed_at=lease.renewed_at)
        autoscaler = state.snapshot.autoscaler
        through = None if autoscaler is None else (autoscaler.kind, autoscaler.name)
        placeholders = state.snapshot.placeholders
        engine = Engine(
            kube=ports.kube,
            reader=ports.kube if ports.watched is None else ports.watched.noting(ports.kube),
            clock=ports.clock,
            workload=state.plan.target,
            fence=fence,
            on_wait=ports.on_wait,
            heartbeat=heartbeat,
            autoscaler=through,
            sets_aside=isinstance(state.settings, BlueGreen),
            placeholders=None if placeholders is None else placeholders.name,
            on_look=partial(_saw, ports, handover, state),
            on_step=partial(_wrote, ports, handover, ref.run_id),
        )
        strategy = strategy_for(state.settings)
        return cls(ports=ports, ref=ref, lease=lease, state=state, engine=engine, strategy=strategy, handover=handover)

    def require_same_cluster(self) -> None:
        """Return when this is the cluster that the run was planned in: a backup may have brought its Lease elsewhere.

        Raises:
            OtherCluster: it is another.
        """
        require_same_cluster(self.ports, self.ref.workload, self.ref.run_id, self.state.plan.cluster)

    def is_past(self, phase: Phase) -> bool:
        """Say whether a later phase has begun, so that this one is over for good."""
        if phase not in FORWARD:
            return False
        later = FORWARD[FORWARD.index(phase) + 1 :]
        return any(self.state.entry(following, JournalStatus.STARTED) for following in later)

    def begin(self, phase: Phase) -> Work:
        """Write down that `phase` has begun, unless the journal says so already.

        Raises:
            PermanentError: it is not this phase's turn.
            Fenced: the run is being rolled back.
            OtherCluster: the Lease is a copy in another cluster than the run's.
        """
        # Written before the phase acts: whoever finds this run dead must not read "not begun" where it has.
        now = self.ports.clock.monotonic()
        if not self.handover.knows_cluster(now):
            self.require_same_cluster()
            self.handover.found_cluster(now)
        self._require_turn(phase)
        if self.state.entry(phase, JournalStatus.STARTED):
            return self
        return self._note(phase, JournalStatus.STARTED, "")

    def turn_back(self, *, keeps_serving: bool = False) -> Work:
        """Write down that the run is rolled back, and own every object in a new generation before anything is written.

        What a forward phase of this very run still has under way fails from here on: its task may have been marked
        as failed, or left by its supervisor, and write for seconds more. With `keeps_serving` a halt does not stop what
        is written from here on.

        Raises:
            Fenced: the run does not own the workload any more.
            OtherCluster: the Lease is a copy in another cluster than the run's.
        """
        self.require_same_cluster()
        lease = self.lease
        if not self.state.entry(Phase.ROLL_BACK, JournalStatus.STARTED):
            lease = self._note(Phase.ROLL_BACK, JournalStatus.STARTED, "", is_new_generation=True).lease
        # From the Lease as it was written: one that is read now may be an older answer, of the generation before.
        work = Work.of_lease(self.ports, self.ref, lease)
        if keeps_serving:
            work = replace(
                work, engine=replace(work.engine, fence=replace(work.engine.fence, keeps_serving=keeps_serving))
            )
        # What denies this run the stamp has denied its forward phases the write; what can be restored is restored.
        work.engine.stamp(may_be_denied=True)
        return work

    def rely_on(self, serving: dict[str, str]) -> Work:
        """Write down which pods the run relies on from here on, unless it stands there already.

        Raises:
            Fenced: the run does not own the workload any more.
        """
        if self.state.serving == serving:
            return self
        return self._write(replace(self.state, serving=serving), is_new_generation=False)

    def end(self, phase: Phase, message: str, *, status: JournalStatus = JournalStatus.DONE) -> Work:
        """Write down that `phase` is over; where it is done, that what follows in this process has begun, too."""
        is_done = status is JournalStatus.DONE
        state = self.state
        if is_done and self.handover.following is not None:
            # Before the end of this one, whose words are the last that the run has said.
            state = state.with_entry(self._entry(self.handover.following, JournalStatus.STARTED, ""))
        ended = self._write(state.with_entry(self._entry(phase, status, message)), is_new_generation=False)
        if is_done:
            self.handover.hand_on(ended.lease, self.ports.clock.monotonic())
        return ended

    def close(self, outcome_of: Callable[[RunState], tuple[str, bool]]) -> str:
        """Write down how the run ended, and free the workload if that is proven; return the outcome.

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

    def drive(
        self, phase: Phase, decide: Decide, *, hint: Decide | None = None, patience: timedelta | None = None
    ) -> Progress:
        """Drive `phase` to its end, within what is left of its deadline, and write that down.

        `hint` is what of `decide` can be asked without reading or writing anything, if not the strategy's own decision:
        between two looks it judges what watches show.

        Raises:
            PermanentError: somebody asked that the run stops (`aborted`); never on the way back.
        """
        watch = AbortWatch(self.ports, self.ref, self.lease)
        decide = decide if phase is Phase.ROLL_BACK else watch.gate(decide)
        left = self.time_left(phase)
        fence = self.engine.fence if phase is Phase.ROLL_BACK else replace(self.engine.fence, heed=watch.heed)
        engine = replace(self.engine, fence=fence, peek=self.peeking(phase, hint), seen=self._enough(phase, hint))
        progress = engine.drive(decide, self.state.order, deadline=left, patience=patience)
        progress = watch.told(progress)
        if progress.is_done:
            status = JournalStatus.DONE if progress.is_restored else JournalStatus.HELD
            self.end(phase, progress.message, status=status)
        return progress

    def last_look(self) -> Observation:
        """Return a look of just before in this process, since which nothing was written; else look."""
        return self.handover.look(self.ports.clock.monotonic()) or self.engine.look()

    def _enough(self, phase: Phase, hint: Decide | None) -> Observation | None:
        """Return the look of the phase before, where it shows that `phase` has nothing to write; else None."""
        look = self.handover.look(self.ports.clock.monotonic())
        if look is None or phase is Phase.ROLL_BACK:
            return None
        try:
            decision = (hint or self.decide(phase))(look, self.state.order)
        except SpringtideError:  # whatever it is, the look that follows tells it
            return None
        return look if isinstance(decision, Wait | Done) else None

    def peeking(self, phase: Phase, hint: Decide | None = None) -> Peeking | None:
        """Return what says whether a look at `phase` is worth it (see `drive`); None where nothing is watched."""
        ports = self.ports
        if ports.watched is None:
            return None
        return Peeking(
            watched=ports.watched,
            ref=self.ref,
            engine=self.engine,
            hint=hint or self.decide(phase),
            order=self.state.order,
            on_peek=partial(ports.moments.saw, ports.store, ports.clock, self.state.order, only_news=True),
            heeds_abort=phase is not Phase.ROLL_BACK,
        )

    def while_wanted(self) -> Work:
        """Return the work whose heartbeat ends what lasts long, once somebody asked that the run stops.

        Raises:
            PermanentError: somebody has asked already (`aborted`).
        """
        watch = AbortWatch(self.ports, self.ref, self.lease)
        watch.require_wanted()
        return replace(self, engine=replace(self.engine, heartbeat=watch.between(self.engine.heartbeat)))

    def decide(self, phase: Phase) -> Decide:
        """Return what the strategy makes of `phase`.

        Raises:
            PermanentError: the phase follows no decision.
        """
        decide = rule_of(phase).decide
        if decide is None:
            raise PermanentError(f"{phase.value}: it follows no decision.", code="phase_order")
        return decide(self.strategy)

    def time_left(self, phase: Phase) -> timedelta:
        """Return how much of its deadline `phase` has left, counted from when it began; never below zero.

        By a run that was taken over, and by a roll back, each attempt has the whole of it: who ends a run late still
        ends it, instead of keeping both sets.
        """
        rule = rule_of(phase)
        if rule.deadline is None:
            raise PermanentError(f"{phase.value}: it has no deadline, its checks have timeouts.", code="phase_order")
        whole = rule.deadline(self.state.settings)
        if phase is Phase.SWITCH_ENDPOINTS and checks_before_switch(self.state.smoke, self.state.settings):
            whole += self.state.settings.deadlines.smoke
        if rule.is_whole_each_time or self.ref.is_takeover:
            return whole
        started = self.state.entry(phase, JournalStatus.STARTED)
        spent = self.ports.clock.now() - started.at if started else timedelta(0)
        # A start in the future is that of another clock: nothing is spent then, and nothing is given on top.
        return max(timedelta(0), whole - max(timedelta(0), spent))

    def _require_turn(self, phase: Phase) -> None:
        if phase not in FORWARD:
            return
        if self.state.entry(Phase.ROLL_BACK, JournalStatus.STARTED):
            raise Fenced(f"{phase.value}: run {self.ref.run_id!r} is being rolled back.", code="rolling_back")
        skipped = () if self.state.snapshot.placeholders else WARMING
        before = [earlier for earlier in FORWARD[: FORWARD.index(phase)] if earlier not in skipped]
        missing = [earlier.value for earlier in before if not self.state.entry(earlier, JournalStatus.DONE)]
        if missing:
            raise PermanentError(
                f"{phase.value}: not before {', '.join(missing)} is done. Clear the run from there on.",
                code="phase_order",
            )

    def _note(self, phase: Phase, status: JournalStatus, message: str, *, is_new_generation: bool = False) -> Work:
        state = self.state.with_entry(self._entry(phase, status, message))
        return self._write(state, is_new_generation=is_new_generation)

    def _entry(self, phase: Phase, status: JournalStatus, message: str) -> JournalEntry:
        return JournalEntry(phase=phase, status=status, at=self.ports.clock.now(), message=message)

    def _write(self, state: RunState, *, is_new_generation: bool) -> Work:
        lease = self.lease
        relied = state.serving if state.serving != self.state.serving else None
        for _ in range(_ATTEMPTS):
            try:
                lease = write_state(
                    self.ports.kube, self.ports.clock, lease, state, is_new_generation=is_new_generation
                )
            except Conflict:
                # Another attempt of this same run wrote: keep what it knows, add what this one knows.
                lease = owned_lease(self.ports.kube, self.ref.workload, self.ref.holder)
                if lease.generation != self.lease.generation:
                    raise fenced(lease, self.ref.workload, self.ref.holder) from None  # the run turned back meanwhile
                state = _united(lease.state, state)
                state = state if relied is None else replace(state, serving=relied)
            except NotFound:
                raise missing_lease(self.ports, self.ref, None) from None
            else:
                return replace(self, lease=lease, state=state)
        raise Conflict(f"Lease {lease.name}: it keeps changing.", code="conflict")


def _saw(ports: Ports, handover: Handover, state: RunState, look: Observation) -> None:
    handover.saw(look, ports.clock.monotonic())
    ports.moments.saw(ports.store, ports.clock, state.order, look)


def _wrote(ports: Ports, handover: Handover, run_id: str, step: str) -> None:
    handover.wrote()
    ports.moments.wrote(ports.clock, run_id, step)


def _united(stored: RunState | None, mine: RunState) -> RunState:
    united = stored or mine
    for entry in mine.journal:
        if not united.entry(entry.phase, entry.status):
            united = united.with_entry(entry)
    return united
