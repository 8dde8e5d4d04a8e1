"""Runs in this process's memory: for tests, and for runs that are not to be remembered."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from springtide.capacity.learned import NOTHING_LEARNED, Learned
from springtide.record.approvals import APPROVALS_KEPT, ApprovalAhead, newest_first
from springtide.record.audit_memory import MemoryAudit
from springtide.record.counting import changes, decided, learned_errors
from springtide.record.decisions import KEPT_FOR
from springtide.record.events import notes_by_service
from springtide.record.installation import new_installation
from springtide.record.memory_glances import MemoryGlances
from springtide.record.metrics import CLUSTER_READS, PhaseLabels
from springtide.record.model import PhaseRecord, RunOutcome, ScalingRun, merged
from springtide.record.notifications import KEPT_FOR as TOLD_FOR
from springtide.record.notifications import Notification, claim_of
from springtide.record.pauses import PAUSES_KEPT, Pause, open_by_service, standing
from springtide.record.retention import LATEST_KEPT, UNENDED, Pruned, first_day_kept
from springtide.record.samples import Change, Total, applied, counted
from springtide.record.store import PAGE, require_limit, unknown_run

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime

    from springtide.events.notes import EventNote
    from springtide.events.preparations import Preparation
    from springtide.events.rehearsed import RehearsalOutcome
    from springtide.plan.recent import SweepDecision
    from springtide.record.history import HistoryDay
    from springtide.record.moments import RunMoment
    from springtide.record.retention import Ages
    from springtide.record.samples import Key, Look


class MemoryStore(MemoryGlances, MemoryAudit):
    """A `RunStore` that forgets everything when it goes."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()
        self._runs: dict[str, ScalingRun] = {}
        self._totals: dict[Key, float] = {}
        self._moments: dict[str, tuple[RunMoment, ...]] = {}
        self._days: dict[tuple[str, date], HistoryDay] = {}
        self._learned: dict[str, Learned] = {}
        self._rehearsed: dict[tuple[str, str], RehearsalOutcome] = {}
        self._notes: dict[tuple[str, str], EventNote] = {}
        self._preparations: dict[str, Preparation] = {}
        self._decisions: dict[tuple[str, datetime], SweepDecision] = {}
        self._notifications: dict[str, Notification] = {}
        self._pauses: dict[tuple[str, datetime], Pause] = {}
        self._approvals: dict[tuple[str, str, datetime], ApprovalAhead] = {}
        self._installation = new_installation()

    def save(self, run: ScalingRun) -> None:
        """Keep the run."""
        with self._lock:
            self._keep(merged(self._runs.get(run.run_id), run))

    def save_phase(
        self, run_id: str, phase: PhaseRecord, *, reads: int = 0, following: PhaseRecord | None = None
    ) -> None:
        """Keep one attempt at one phase."""
        with self._lock:
            run = self._stored(run_id)
            self._keep(run.with_phases(phase, following))
            if reads and not run.dry_run:
                self._count(counted(CLUSTER_READS, PhaseLabels(phase.phase), reads))

    def get(self, run_id: str) -> ScalingRun:
        """Return the run."""
        with self._lock:
            return self._stored(run_id)

    def latest(self, policy: str | None = None, *, limit: int = PAGE) -> tuple[ScalingRun, ...]:
        """Return the runs that started last, newest first."""
        require_limit(limit)
        with self._lock:
            runs = [run for run in self._runs.values() if policy is None or run.policy == policy]
        return tuple(sorted(runs, key=lambda run: (run.started_at, run.run_id), reverse=True)[:limit])

    def totals(self) -> tuple[Total, ...]:
        """Return every metric's present value."""
        with self._lock:
            return tuple(Total(name, labels, value) for (name, labels), value in sorted(self._totals.items()))

    def measure(self, look: Look) -> None:
        """Keep what somebody saw."""
        with self._lock:
            self._look(look)

    def save_day(self, day: HistoryDay) -> None:
        """Keep the day."""
        with self._lock:
            self._days[day.policy, day.day] = day

    def days(self, policy: str, first: date, last: date) -> tuple[HistoryDay, ...]:
        """Return the days from `first` to `last`, oldest first."""
        with self._lock:
            days = [day for day in self._days.values() if day.policy == policy and first <= day.day <= last]
        return tuple(sorted(days, key=lambda day: day.day))

    def save_learned(self, policy: str, learned: Learned) -> None:
        """Keep what was learned."""
        with self._lock:
            before = self._learned.get(policy, NOTHING_LEARNED)
            self._learned[policy] = learned
            self._look(learned_errors(policy, before, learned))

    def learned(self, policy: str) -> Learned:
        """Return what was learned about the service."""
        with self._lock:
            return self._learned.get(policy, NOTHING_LEARNED)

    def save_rehearsed(self, outcome: RehearsalOutcome) -> None:
        """Keep the outcome."""
        with self._lock:
            self._rehearsed[outcome.run_id, outcome.policy] = outcome

    def rehearsals(self, policy: str, *, limit: int = PAGE) -> tuple[RehearsalOutcome, ...]:
        """Return the latest outcomes of the service, newest first."""
        require_limit(limit)
        with self._lock:
            rehearsals = [kept for kept in self._rehearsed.values() if kept.policy == policy]
        return tuple(sorted(rehearsals, key=lambda kept: (kept.at, kept.run_id), reverse=True)[:limit])

    def keep_notes(self, notes: Sequence[EventNote], *, now: datetime) -> None:
        """Keep those notes that are not there yet."""
        with self._lock:
            self._notes = {key: note for key, note in self._notes.items() if now < note.kept_until}
            for note in notes:
                kept = self._notes.setdefault((note.service, note.occurrence.id), note)
                if note.replaces(kept):
                    self._notes[note.service, note.occurrence.id] = note

    def notes(self, services: Collection[str], *, now: datetime) -> dict[str, tuple[EventNote, ...]]:
        """Return the notes of each service."""
        with self._lock:
            return notes_by_service(list(self._notes.values()), services, now)

    def drop_notes(self, services: Collection[str], occurrence: str) -> None:
        """Take out what one event holds."""
        with self._lock:
            for service in services:
                self._notes.pop((service, occurrence), None)

    def save_preparation(self, preparation: Preparation) -> None:
        """Keep the preparation."""
        with self._lock:
            self._preparations[preparation.run_id] = preparation

    def preparations(self, *, limit: int = PAGE) -> tuple[Preparation, ...]:
        """Return the latest preparations, newest first."""
        require_limit(limit)
        with self._lock:
            preparations = list(self._preparations.values())
        return tuple(sorted(preparations, key=lambda kept: (kept.began_at, kept.run_id), reverse=True)[:limit])

    def save_decisions(self, decisions: Sequence[SweepDecision], *, now: datetime) -> None:
        """Keep all decisions."""
        with self._lock:
            kept = {key: each for key, each in self._decisions.items() if each.at > now - KEPT_FOR}
            new = [each for each in decisions if (each.policy, each.at) not in self._decisions]
            self._decisions = kept | {(each.policy, each.at): each for each in decisions}
            self._look(decided(new))

    def decisions(self, policy: str, first: datetime, last: datetime) -> tuple[SweepDecision, ...]:
        """Return the decisions about the service, oldest first."""
        with self._lock:
            mine = [each for each in self._decisions.values() if each.policy == policy and first <= each.at <= last]
        return tuple(sorted(mine, key=lambda each: each.at))

    def claim_notification(self, key: str, fact: Mapping[str, Any], *, now: datetime) -> Notification | None:
        """Return the notification for the caller to send."""
        with self._lock:
            kept = self._notifications.items()
            self._notifications = {each: told for each, told in kept if now < told.known_at + TOLD_FOR}
            claim = claim_of(self._notifications.get(key), key, fact, now)
            if claim is not None:
                self._notifications[key] = claim
            return claim

    def settle_notification(self, notification: Notification) -> None:
        """Keep what became of it."""
        with self._lock:
            self._notifications[notification.key] = notification

    def waiting_notifications(self, *, now: datetime, limit: int) -> tuple[Notification, ...]:
        """Return those that may be tried again, oldest first."""
        require_limit(limit)
        with self._lock:
            waiting = [kept for kept in self._notifications.values() if kept.is_waiting(now)]
        return tuple(sorted(waiting, key=lambda kept: (kept.known_at, kept.key))[:limit])

    def forget_notifications(self, prefix: str, *, but: Collection[str] = ()) -> None:
        """Forget those whose key begins with `prefix`."""
        with self._lock:
            gone = [key for key in self._notifications if key.startswith(prefix) and key not in but]
            for key in gone:
                del self._notifications[key]

    def pause(self, pause: Pause) -> Pause:
        """Keep the pause, and return the one that holds."""
        with self._lock:
            present = open_by_service(self._pauses.values(), [pause.service], pause.at).get(pause.service)
            holds, ended = standing(present, pause)
            for kept in (ended, holds):
                if kept is not None:
                    self._pauses[kept.service, kept.at] = kept
            for old in self._pauses_of(pause.service)[PAUSES_KEPT + 1 :]:
                del self._pauses[old.service, old.at]
            return holds

    def resume(self, service: str, *, by: str, now: datetime) -> Pause | None:
        """Take the open pause of the service back."""
        with self._lock:
            present = open_by_service(self._pauses.values(), [service], now).get(service)
            if present is None:
                return None
            ended = self._pauses[service, present.at] = present.ended(by=by, now=now)
            return ended

    def pauses(self, services: Collection[str] | None = None, *, now: datetime) -> dict[str, Pause]:
        """Return the open pauses."""
        with self._lock:
            return open_by_service(self._pauses.values(), services, now)

    def latest_pauses(self, service: str) -> tuple[Pause, ...]:
        """Return the pauses of the service, newest first."""
        with self._lock:
            return self._pauses_of(service)

    def _pauses_of(self, service: str) -> tuple[Pause, ...]:
        mine = (pause for pause in self._pauses.values() if pause.service == service)
        return tuple(sorted(mine, key=lambda each: each.at, reverse=True))

    def approve_ahead(self, approval: ApprovalAhead) -> None:
        """Keep the approval, and forget the oldest."""
        with self._lock:
            oldest = approval.at - APPROVALS_KEPT
            self._approvals = {key: each for key, each in self._approvals.items() if each.at > oldest}
            self._approvals[approval.policy, approval.event, approval.at] = approval

    def approvals_ahead(self, policies: Collection[str]) -> tuple[ApprovalAhead, ...]:
        """Return every approval for those services, newest first."""
        with self._lock:
            return newest_first(each for each in self._approvals.values() if each.policy in policies)

    def prune(self, ages: Ages, *, now: datetime, is_dry: bool) -> Pruned:
        """Forget what is older than `ages`."""
        before = ages.before(now)
        with self._lock:
            runs = self._runs_kept(before)
            latest = sorted(self._preparations.values(), key=lambda each: each.began_at)[-LATEST_KEPT:]
            preparations = {
                name: each for name, each in self._preparations.items() if each.began_at >= before or each in latest
            }
            rehearsed = {key: each for key, each in self._rehearsed.items() if self._is_kept(each, before)}
            first = first_day_kept(before, now)
            days = {key: day for key, day in self._days.items() if day.day >= first}
            decisions = {key: each for key, each in self._decisions.items() if each.at >= ages.decided_before(now)}
            audit = {key: each for key, each in self._records.items() if each.at >= before}
            moments = self._moments_kept(ages.seen_before(now))
            tables: dict[str, tuple[Mapping[Any, Any], Mapping[Any, Any]]] = {
                "runs": (self._runs, runs),
                "decisions": (self._decisions, decisions),
                "preparations": (self._preparations, preparations),
                "rehearsals": (self._rehearsed, rehearsed),
                "days": (self._days, days),
                "audit": (self._records, audit),
            }
            removed = {name: len(there) - len(left) for name, (there, left) in tables.items()}
            kept = {name: len(left) for name, (_, left) in tables.items()}
            kept["moments"] = sum(map(len, moments.values()))
            removed["moments"] = sum(map(len, self._moments.values())) - kept["moments"]
            if not is_dry:
                self._runs = runs
                self._moments = moments
                self._decisions = decisions
                self._preparations = preparations
                self._rehearsed = rehearsed
                self._days = days
                self._records = audit
        return Pruned(before=before, is_dry=is_dry, removed=removed, kept=kept)

    def _runs_kept(self, before: datetime) -> dict[str, ScalingRun]:
        planned = [run for run in self._runs.values() if run.outcome is not RunOutcome.REFUSED]
        newest = {run.policy: run.started_at for run in sorted(planned, key=lambda run: run.started_at)}
        return {
            name: run
            for name, run in self._runs.items()
            if run.started_at >= before or run.outcome in UNENDED or run.started_at == newest.get(run.policy)
        }

    def _moments_kept(self, before: datetime) -> dict[str, tuple[RunMoment, ...]]:
        runs = self._runs
        return {
            name: each
            for name, each in self._moments.items()
            if runs[name].started_at >= before or runs[name].outcome in UNENDED
        }

    def _is_kept(self, outcome: RehearsalOutcome, before: datetime) -> bool:
        newer = [each for each in self._rehearsed.values() if each.policy == outcome.policy and each.at > outcome.at]
        return outcome.at >= before or len(newer) < LATEST_KEPT

    def installation(self) -> str:
        """Return the id that this store was made with."""
        return self._installation

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _stored(self, run_id: str) -> ScalingRun:
        try:
            return self._runs[run_id]
        except KeyError:
            raise unknown_run(run_id) from None

    def _keep(self, run: ScalingRun) -> None:
        for change in changes(self._runs.get(run.run_id), run):
            self._count(change)
        self._runs[run.run_id] = run

    def _count(self, change: Change) -> None:
        self._totals[change.key] = applied(change, self._totals.get(change.key))

    def _look(self, look: Look) -> None:
        for step in look(dict(self._totals)):
            if isinstance(step, Change):
                self._count(step)
            else:
                self._totals.pop(step.key, None)
