"""What a page shows of many services at once: the few values that it needs, by one read for all of them.

A store's other reads are about one service, and bring all of it. A page over a thousand would ask four thousand times.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from springtide.record.model import RunOutcome, ScalingRun
from springtide.stored import Stored

if TYPE_CHECKING:
    from springtide.plan.recent import SweepDecision
    from springtide.record.metrics import Metric
    from springtide.record.samples import Total


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGlance(Stored):
    """One run in a line: what was asked, what was planned, how it ended.

    `current` and `replicas` are the plan's, None where there was none; `message` is why it failed, "" where it did not.
    """

    run_id: str
    policy: str
    outcome: RunOutcome
    started_at: datetime
    ended_at: datetime | None
    requested_by: str
    reason: str
    trigger: str
    dry_run: bool
    current: int | None = None
    replicas: int | None = None
    message: str = ""

    @property
    def change(self) -> str:
        """From how many to how many, `6 → 18`; "" without a plan."""
        return "" if self.current is None or self.replicas is None else f"{self.current} → {self.replicas}"

    @property
    def took(self) -> timedelta | None:
        """How long it took; None while it runs."""
        return None if self.ended_at is None else self.ended_at - self.started_at

    @classmethod
    def of(cls, run: ScalingRun) -> RunGlance:
        """Return the line of `run`."""
        plan: Mapping[str, Any] = run.plan or {}
        error: Mapping[str, Any] = run.error or {}
        return cls(
            run_id=run.run_id,
            policy=run.policy,
            outcome=run.outcome,
            started_at=run.started_at,
            ended_at=run.ended_at,
            requested_by=run.requested_by,
            reason=run.reason,
            trigger=run.trigger.value,
            dry_run=run.dry_run,
            current=plan.get("current"),
            replicas=plan.get("replicas"),
            message=str(error.get("message") or ""),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CoursePoint:
    """What one decision says for a curve: the models' answer, what was planned, and what there was.

    None where nobody knew.
    """

    policy: str
    at: datetime
    planned: int
    answer: int | None
    observed: int | None
    ready: int | None
    is_floor: bool


class GlanceStore(Protocol):
    """Reads over many services. Every method raises `TemporaryError` where the store does not answer."""

    def last_runs(self, since: datetime, *, each: int = 2) -> Mapping[str, tuple[RunGlance, ...]]:
        """Return the latest runs of each policy that started after `since`, `each` at most.

        One that goes on comes first, then the newest. A request that was refused is no run: it stands in the history.
        """
        ...

    def runs_of(self, policy: str, since: datetime, *, limit: int) -> tuple[RunGlance, ...]:
        """Return the latest runs of one policy that started after `since`, newest first.

        Raises:
            InputError: `limit` is not between 1 and 1000 (`limit_invalid`).
        """
        ...

    def last_decisions(self, since: datetime) -> Mapping[str, SweepDecision]:
        """Return the latest decision about each policy that is later than `since`."""
        ...

    def courses(
        self, policies: Collection[str], first: datetime, last: datetime
    ) -> Mapping[str, tuple[CoursePoint, ...]]:
        """Return what was decided about each of `policies` from `first` to `last`, oldest first."""
        ...

    def samples(self, metrics: Collection[Metric]) -> tuple[Total, ...]:
        """Return the present values of `metrics` alone."""
        ...

    def kept_in(self) -> str:
        """Return what kind of store it is: `memory`, `sqlite` or `postgresql`. Asks nobody."""
        ...


def point_of(decision: SweepDecision) -> CoursePoint:
    """Return what `decision` says for a curve."""
    return CoursePoint(
        policy=decision.policy,
        at=decision.at,
        planned=decision.planned,
        answer=decision.answer,
        observed=decision.observed,
        ready=decision.ready,
        is_floor=decision.is_floor,
    )


def by_policy(points: Iterable[CoursePoint], policies: Collection[str]) -> dict[str, tuple[CoursePoint, ...]]:
    """Return `points` by each of `policies`, in the order in which they come."""
    found: dict[str, list[CoursePoint]] = {name: [] for name in policies}
    for point in points:
        found[point.policy].append(point)
    return {name: tuple(each) for name, each in found.items()}
