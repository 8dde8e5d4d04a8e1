"""What a run is, as it stands in its Lease: enough to finish or undo it from the cluster alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from springtide.plan.model import ScalingPlan
from springtide.policy.model import DatabaseCheck, Settings, SmokeCheck, Stability
from springtide.strategy.model import HoldNote, Order, Snapshot


class Phase(StrEnum):
    """The phases of a run, in their order; also the task ids in Airflow.

    calculate_capacity ─► create_instances ─► instances_ready ─► switch_endpoints ─► endpoints_switched
        ─► smoke_test ─► remove_old_instances ─► instances_removed ─► report
              └── any failure ─► roll_back ─► report
    """

    CALCULATE_CAPACITY = "calculate_capacity"
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


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One phase came to one status."""

    phase: Phase
    status: JournalStatus
    at: datetime
    message: str

    def to_record(self) -> dict[str, str]:
        """Return the stored form."""
        return {
            "phase": self.phase.value,
            "status": self.status.value,
            "at": self.at.isoformat(),
            "message": self.message[:_MESSAGE_LIMIT],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, str]) -> JournalEntry:
        """Return the entry that `to_record` stored."""
        at = datetime.fromisoformat(record["at"])
        return cls(Phase(record["phase"]), JournalStatus(record["status"]), at, record["message"])


_MESSAGE_LIMIT = 500
_SETTINGS: TypeAdapter[Settings] = TypeAdapter(Settings)
_DATABASES: TypeAdapter[tuple[DatabaseCheck, ...]] = TypeAdapter(tuple[DatabaseCheck, ...])
_CHECKS: TypeAdapter[tuple[SmokeCheck, ...]] = TypeAdapter(tuple[SmokeCheck, ...])


@dataclass(frozen=True, slots=True)
class RunState:
    """A run's order, its snapshot and its journal; `outcome` is None while it is under way.

    `until` is when a floor that it raises expires.
    """

    run_id: str
    plan: ScalingPlan
    settings: Settings
    smoke: tuple[SmokeCheck, ...]
    snapshot: Snapshot
    requested_by: str
    reason: str
    journal: tuple[JournalEntry, ...] = ()
    outcome: str | None = None
    until: datetime | None = None
    databases: tuple[DatabaseCheck, ...] = ()
    stability: Stability | None = None

    @property
    def order(self) -> Order:
        """What the strategy needs to know."""
        hold = HoldNote(self.requested_by, self.reason, self.until) if self.until else None
        may_have_switched = self.entry(Phase.SWITCH_ENDPOINTS, JournalStatus.STARTED) is not None
        return Order(
            run_id=self.run_id,
            workload=self.plan.target,
            replicas=self.plan.replicas,
            snapshot=self.snapshot,
            settings=self.settings,
            hold=hold,
            may_have_switched=may_have_switched,
        )

    def entry(self, phase: Phase, status: JournalStatus) -> JournalEntry | None:
        """Return the last entry of `phase` with `status`; None when there is none."""
        return next((e for e in reversed(self.journal) if e.phase is phase and e.status is status), None)

    def with_entry(self, entry: JournalEntry) -> RunState:
        """Return the state with `entry` as the only one of its phase and status."""
        others = tuple(e for e in self.journal if (e.phase, e.status) != (entry.phase, entry.status))
        return replace(self, journal=(*others, entry))

    def with_outcome(self, outcome: str) -> RunState:
        """Return the finished state."""
        return replace(self, outcome=outcome)

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return {
            "run_id": self.run_id,
            "plan": self.plan.to_record(),
            "settings": _SETTINGS.dump_python(self.settings, mode="json"),
            "smoke": _CHECKS.dump_python(self.smoke, mode="json"),
            "snapshot": self.snapshot.to_record(),
            "requested_by": self.requested_by,
            "reason": self.reason,
            "journal": [entry.to_record() for entry in self.journal],
            "outcome": self.outcome,
            "until": self.until.isoformat() if self.until else None,
            "databases": _DATABASES.dump_python(self.databases, mode="json"),
            "stability": self.stability.model_dump(mode="json") if self.stability else None,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> RunState:
        """Return the state that `to_record` stored."""
        return cls(
            run_id=record["run_id"],
            plan=ScalingPlan.from_record(record["plan"]),
            settings=_SETTINGS.validate_python(record["settings"]),
            smoke=_CHECKS.validate_python(record["smoke"]),
            snapshot=Snapshot.from_record(record["snapshot"]),
            requested_by=record["requested_by"],
            reason=record["reason"],
            journal=tuple(JournalEntry.from_record(entry) for entry in record["journal"]),
            outcome=record["outcome"],
            until=datetime.fromisoformat(record["until"]) if record.get("until") else None,
            databases=_DATABASES.validate_python(tuple(record.get("databases", ()))),
            stability=Stability.model_validate(record["stability"]) if record.get("stability") else None,
        )
