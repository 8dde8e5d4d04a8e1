"""A run as its Lease holds it: enough to finish or undo it from the cluster alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from springtide.errors import PermanentError
from springtide.plan.model import ScalingPlan
from springtide.policy.scaling.databases import DatabaseCheck
from springtide.policy.scaling.smoke import SmokeCheck
from springtide.policy.scaling.stability import Stability
from springtide.policy.scaling.strategy import RunSettings
from springtide.stored import Stored, dump, load
from springtide.strategy.model import HoldRequest, RunOrder, Snapshot


class Phase(StrEnum):
    """What a run does, each called as its function and its task in Airflow. `phase_table` has the order."""

    CALCULATE_CAPACITY = "calculate_capacity"
    WARM_NODES = "warm_nodes"
    NODES_READY = "nodes_ready"
    CREATE_INSTANCES = "create_instances"
    INSTANCES_READY = "instances_ready"
    SWITCH_ENDPOINTS = "switch_endpoints"
    ENDPOINTS_SWITCHED = "endpoints_switched"
    SMOKE_TEST = "smoke_test"
    REMOVE_OLD_INSTANCES = "remove_old_instances"
    INSTANCES_REMOVED = "instances_removed"
    ROLL_BACK = "roll_back"
    REPORT = "report"


class JournalStatus(StrEnum):
    """What a phase has come to; `held` is a smoke test that left the decision to a person."""

    STARTED = "started"
    DONE = "done"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry(Stored):
    """One phase came to one status."""

    phase: Phase
    status: JournalStatus
    at: datetime
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRun(Stored):
    """A run that had the Lease before, and when the next one took it."""

    run_id: str
    installation: str
    at: datetime


VERSION: Final = 2
"""The form in which a run stands in its Lease. It rises with every change that another springtide would misread.

1    every value under the names of its fields
2    the stable set is a ReplicaSet, which is set aside; before, it was one of two Deployments

What this springtide does not do any more it cannot end either: it reads its own version only.
"""

_EARLIER_FOR: Final = timedelta(days=1)
"""How long a run is known to have ended. A cleared run is over the past an hour after it was due: this is far more."""

_EARLIER_LIMIT: Final = 100
"""Runs: with names of 250 characters a tenth of what an object's annotations may hold."""

_VERSION: Final = "version"
_MESSAGE_LIMIT: Final = 500
"""Characters: all annotations of an object together may hold 256 KiB, and this one is written with every phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState(Stored):
    """A run's order, its snapshot and its journal; `outcome` is None while it is under way.

    `until` is when a floor that it raises expires. `installation` is the Airflow that works on it, "" for the command
    line, whose runs are judged by their Lease alone. `earlier` are the runs of a while before, none of which is
    repeated. `released_by` says who gave the workload free by hand, and when; "" where nobody did. `serving` are marks
    (`verify.steadiness`) of the new pods that the run relies on, as they were before they got traffic; None before.
    """

    run_id: str
    plan: ScalingPlan
    settings: RunSettings
    smoke: tuple[SmokeCheck, ...]
    snapshot: Snapshot
    requested_by: str
    reason: str
    journal: tuple[JournalEntry, ...] = ()
    outcome: str | None = None
    until: datetime | None = None
    databases: tuple[DatabaseCheck, ...] = ()
    stability: Stability | None = None
    installation: str = ""
    earlier: tuple[EarlierRun, ...] = ()
    released_by: str = ""
    serving: dict[str, str] | None = None

    @property
    def order(self) -> RunOrder:
        """What the strategy needs to know."""
        hold = HoldRequest(self.requested_by, self.reason, self.until) if self.until else None
        may_have_switched = self.entry(Phase.SWITCH_ENDPOINTS, JournalStatus.STARTED) is not None
        return RunOrder(
            run_id=self.run_id,
            workload=self.plan.target,
            replicas=self.plan.replicas,
            snapshot=self.snapshot,
            settings=self.settings,
            hold=hold,
            may_have_switched=may_have_switched,
            installation=self.installation,
        )

    def entry(self, phase: Phase, status: JournalStatus) -> JournalEntry | None:
        """Return the last entry of `phase` with `status`; None when there is none."""
        return next(
            (entry for entry in reversed(self.journal) if entry.phase is phase and entry.status is status), None
        )

    @property
    def has_begun(self) -> bool:
        """Whether the run has written to the cluster, or is about to: other runs count with it then."""
        return any(self.entry(phase, JournalStatus.STARTED) for phase in (Phase.WARM_NODES, Phase.CREATE_INSTANCES))

    def with_entry(self, entry: JournalEntry) -> RunState:
        """Return the state with `entry`, its message cut short, as the only one of its phase and status."""
        entry = replace(entry, message=entry.message[:_MESSAGE_LIMIT])
        others = tuple(kept for kept in self.journal if (kept.phase, kept.status) != (entry.phase, entry.status))
        return replace(self, journal=(*others, entry))

    def after(self, last: RunState | None, now: datetime) -> RunState:
        """Return the state of a run that takes the workload after `last`, and remembers which runs it is not."""
        if last is None:
            return self
        ended = EarlierRun(run_id=last.run_id, installation=last.installation, at=now)
        recent = tuple(run for run in last.earlier if now - run.at < _EARLIER_FOR)
        return replace(self, earlier=(*recent, ended)[-_EARLIER_LIMIT:])

    def with_outcome(self, outcome: str) -> RunState:
        """Return the finished state."""
        return replace(self, outcome=outcome)

    def to_record(self) -> dict[str, Any]:
        """Return the stored form, with its version."""
        return {_VERSION: VERSION} | dump(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> RunState:
        """Return the state that this version of springtide stored.

        Raises:
            PermanentError: another version stored it (`state_version`), or it is not a run (`record_unreadable`).
        """
        version = version_of(record)
        if version != VERSION:
            raise PermanentError(
                f"the run is stored in version {version}, and this springtide reads version {VERSION}.",
                code="state_version",
                field=_VERSION,
            )
        return load(cls, {name: value for name, value in record.items() if name != _VERSION})


def version_of(record: Mapping[str, Any]) -> int:
    """Return the version of a stored state.

    Raises:
        PermanentError: it has none (`record_unreadable`).
    """
    version = record.get(_VERSION)
    if isinstance(version, int) and version > 0:
        return version
    raise PermanentError(
        f"{_VERSION} is {version!r}, and must be a whole number, at least 1.", code="record_unreadable", field=_VERSION
    )
