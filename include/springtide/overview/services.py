"""Every service in a row, those that need a look first: how it stands, why, who holds it, and what comes next. Pure.

A policy that cannot be read, and a cluster or a store that does not answer, are rows as well: nothing empties the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Final

from springtide.errors import PolicyError, SpringtideError, TemporaryError
from springtide.overview.coming import Coming, ComingEvent
from springtide.overview.cost import CostToday, EventSpan, cost_today
from springtide.overview.marks import PAUSED, Badge, MarkedFacts, marks_of, severity
from springtide.overview.records import Records
from springtide.overview.replicas import Seen
from springtide.plan.guards import largest_step_down, largest_step_up
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.glances import CoursePoint, RunGlance
from springtide.record.model import RunOutcome
from springtide.stored import Stored
from springtide.wording import counted

CARRIED_OUT: Final = timedelta(minutes=5)
"""After so long what a sweep decided should stand, or a run of it be on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Stored):
    """Who keeps a service larger than its demand asks for, until when and why, and by how many pods."""

    by: str
    until: datetime
    reason: str
    pods: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow(Stored):
    """One service. `ready` of `wanted` pods between `minimum` and `maximum`; None is what nobody knows.

    `unknown` says why the cluster does not tell, `problem` why its policy cannot be used, "" where it can. `planned` is
    what the latest decision was, by `answer`, what its models asked for, and `why`. With `is_floor` it is a minimum;
    once it `is_decision_due`, its run has had time to begin. One run may go from `one_run_least` to `one_run_most`:
    beyond them a person's number is refused. `course` and `cost` are of the last 24 hours, of services that are shown.
    """

    service: str
    owner: str = ""
    cluster: str = ""
    namespace: str = ""
    workload: str = ""
    strategy: str = ""
    advises: bool = False
    ready: int | None = None
    wanted: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    one_run_least: int | None = None
    one_run_most: int | None = None
    unknown: str = ""
    problem: str = ""
    is_not_read_yet: bool = False
    planned: int | None = None
    answer: int | None = None
    is_floor: bool = False
    why: str = ""
    decided_at: datetime | None = None
    is_decision_due: bool = False
    held: Held | None = None
    coming: ComingEvent | None = None
    last: RunGlance | None = None
    badges: tuple[Badge, ...] = ()
    course: tuple[CoursePoint, ...] = ()
    events: tuple[EventSpan, ...] = ()
    cost: CostToday | None = None

    @property
    def is_running(self) -> bool:
        """Whether a run of it is on its way."""
        return self.last is not None and self.last.outcome is RunOutcome.RUNNING

    @property
    def is_as_wanted(self) -> bool | None:
        """Whether as many pods are ready as are wanted and as were decided; None where nobody knows."""
        if self.ready is None or self.wanted is None:
            return None
        aim = self.wanted if self.planned is None or not self.is_decision_due else max(self.wanted, self.planned)
        return self.ready >= aim

    @property
    def is_paused(self) -> bool:
        """Whether somebody has paused it."""
        return any(badge.text == PAUSED for badge in self.badges)

    @property
    def severity(self) -> int:
        """How much it needs a look: the higher the sooner."""
        return severity(self.badges)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals(Stored):
    """The numbers above all rows. `pods_held` are pods beyond demand; of `held_unknown` services nobody knows how many.

    `held_money` is their price for an hour, None where no calendar names one.
    """

    services: int
    not_as_wanted: int
    unknown: int
    approvals: int
    next_event: ComingEvent | None
    pods_held: int
    held_unknown: int
    held_money: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicesInputs:
    """What rows are made of. `policies` holds an error in the place of a policy that cannot be read."""

    policies: Mapping[str, ScalingPolicy | SpringtideError]
    records: Records
    seen: Mapping[str, Seen]
    coming: Coming
    now: datetime
    pod_hour: float | None = None


def service_rows(inputs: ServicesInputs) -> tuple[ServiceRow, ...]:
    """Return a row for each policy, those first that need a look, then by name."""
    rows = [_row(name, policy, inputs) for name, policy in inputs.policies.items()]
    return tuple(sorted(rows, key=lambda row: (-row.severity, row.service)))


def totals_of(rows: Sequence[ServiceRow], inputs: ServicesInputs) -> Totals:
    """Return the numbers above `rows`."""
    as_wanted = [row.is_as_wanted for row in rows if not row.problem]
    held = [row.held.pods for row in rows if row.held is not None]
    pods = sum(number for number in held if number is not None)
    ahead = [row.coming for row in rows if row.coming is not None]
    return Totals(
        services=len(rows),
        not_as_wanted=as_wanted.count(False) + sum(bool(row.problem) and not row.is_not_read_yet for row in rows),
        unknown=as_wanted.count(None) + sum(row.is_not_read_yet for row in rows),
        approvals=sum(row.service in inputs.records.waiting for row in rows),
        next_event=min(ahead, key=lambda event: event.start, default=None),
        pods_held=pods,
        held_unknown=held.count(None),
        held_money=None if inputs.pod_hour is None else pods * inputs.pod_hour,
    )


def with_course(
    rows: Iterable[ServiceRow], courses: Mapping[str, tuple[CoursePoint, ...]], inputs: ServicesInputs
) -> tuple[ServiceRow, ...]:
    """Return `rows` with what the last day was like, and what today has cost."""
    return tuple(_with_course(row, courses.get(row.service, ()), inputs) for row in rows)


def _with_course(row: ServiceRow, course: tuple[CoursePoint, ...], inputs: ServicesInputs) -> ServiceRow:
    events = inputs.coming.marked(row.service)
    cost = cost_today(course, events, now=inputs.now, pod_hour=inputs.pod_hour) if course else None
    return replace(row, course=course, events=events, cost=cost)


def _row(name: str, policy: ScalingPolicy | SpringtideError, inputs: ServicesInputs) -> ServiceRow:
    runs = inputs.records.runs.get(name, ())
    row = ServiceRow(service=name, last=runs[0] if runs else None, coming=inputs.coming.next(name))
    if isinstance(policy, SpringtideError):
        row = replace(row, problem=_problem(policy), is_not_read_yet=isinstance(policy, TemporaryError))
    else:
        row = _decided(_scaled(row, policy, inputs.seen.get(name, Seen(unknown="nobody looked at it"))), inputs)
        row = replace(row, held=_held(row, inputs))
    return replace(row, badges=marks_of(row.service, _facts(row, inputs), inputs.records))


def _problem(error: SpringtideError) -> str:
    """Return what is wrong in a line, without the folder of the file: where it lies is nobody's business."""
    if not isinstance(error, PolicyError) or not error.violations:
        return error.message
    first = replace(error.violations[0], file=PurePath(error.violations[0].file).name)
    more = len(error.violations) - 1
    return f"{first}, and {counted(more, 'more error')}" if more else str(first)


def _scaled(row: ServiceRow, policy: ScalingPolicy, seen: Seen) -> ServiceRow:
    spec = policy.spec
    workload = spec.target.workload
    return replace(
        row,
        owner=policy.metadata.owner,
        cluster=workload.cluster,
        namespace=workload.namespace,
        workload=workload.title,
        strategy=spec.strategy.type,
        advises=spec.advises,
        ready=seen.ready,
        wanted=seen.wanted,
        minimum=spec.replicas.min,
        maximum=spec.replicas.max if seen.maximum is None else min(spec.replicas.max, seen.maximum),
        one_run_least=None
        if seen.wanted is None
        else max(spec.replicas.min, largest_step_down(seen.wanted, spec.guards)),
        one_run_most=None if seen.wanted is None else min(spec.replicas.max, largest_step_up(seen.wanted, spec.guards)),
        unknown=seen.unknown,
    )


def _decided(row: ServiceRow, inputs: ServicesInputs) -> ServiceRow:
    decision = inputs.records.decisions.get(row.service)
    if decision is None:
        return row
    return replace(
        row,
        planned=decision.planned,
        answer=decision.answer,
        is_floor=decision.is_floor,
        why=decision.reason,
        decided_at=decision.at,
        is_decision_due=not row.advises and inputs.now - decision.at >= CARRIED_OUT,
    )


def _held(row: ServiceRow, inputs: ServicesInputs) -> Held | None:
    """Return who holds it: the minimum that somebody raised, else an event that was prepared and is not over."""
    hold = inputs.seen.get(row.service, Seen()).hold
    if hold is not None:
        raised = hold.raised.minimum
        before = hold.original.minimum
        pods = None if raised is None else raised - (before or 0)
        return Held(by=hold.owner, until=hold.until, reason=hold.reason, pods=pods)
    notes = [note for note in inputs.records.notes.get(row.service, ()) if inputs.now < note.occurrence.end]
    if not notes:
        return None
    last = max(notes, key=lambda note: note.occurrence.end)
    pods = None if row.planned is None or row.answer is None else max(0, row.planned - row.answer)
    reason = f"{last.occurrence.event}: {last.reason}" if last.reason else last.occurrence.event
    return Held(by=last.owner, until=last.occurrence.end, reason=reason, pods=pods)


def _facts(row: ServiceRow, inputs: ServicesInputs) -> MarkedFacts:
    return MarkedFacts(
        problem=row.problem,
        is_not_read_yet=row.is_not_read_yet,
        unknown=row.unknown or inputs.records.unknown,
        is_running=row.is_running,
        is_as_wanted=row.is_as_wanted,
        numbers=_numbers(row),
        is_at_maximum=row.wanted is not None and row.maximum is not None and row.wanted >= row.maximum,
        advises=row.advises,
        frozen=inputs.coming.frozen(row.service),
        runs=inputs.records.runs.get(row.service, ()),
    )


def _numbers(row: ServiceRow) -> str:
    told = f"{row.ready} of {row.wanted} pods are ready"
    if row.planned is None or row.wanted is None or row.planned <= row.wanted:
        return told
    return f"{told}, and {row.planned} were decided"
