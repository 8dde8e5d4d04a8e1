"""What the store says of many services: one set of reads, however many they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from springtide.errors import SpringtideError
from springtide.events.notes import EventNote
from springtide.plan.recent import SweepDecision
from springtide.record.glances import RunGlance
from springtide.record.metrics import APPROVAL_DEADLINE, APPROVAL_WAITING_SINCE, METRICS_HELD_SINCE, Metric
from springtide.record.pauses import Pause
from springtide.record.samples import Total
from springtide.record.store import OpenStore, RunStore

LATELY: Final = timedelta(hours=2)
"""How old a decision may be and still say what a service needs now."""

RUNS_SINCE: Final = timedelta(days=30)
"""How far back the last run of a service is looked for."""

_METRICS: Final = (APPROVAL_WAITING_SINCE, APPROVAL_DEADLINE, METRICS_HELD_SINCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What the store says, by service. `waiting` are approvals that nobody has answered yet, since when.

    `held` says since when a service's metrics are not trusted. `unknown` says why nothing is known, "" where all is.
    """

    decisions: Mapping[str, SweepDecision] = field(default_factory=dict)
    runs: Mapping[str, tuple[RunGlance, ...]] = field(default_factory=dict)
    notes: Mapping[str, tuple[EventNote, ...]] = field(default_factory=dict)
    pauses: Mapping[str, Pause] = field(default_factory=dict)
    waiting: Mapping[str, datetime] = field(default_factory=dict)
    held: Mapping[str, datetime] = field(default_factory=dict)
    place: str = ""
    unknown: str = ""


def read_records(open_store: OpenStore, services: Sequence[str], *, now: datetime) -> Records:
    """Return what the store says of `services`. Raises nothing: a store that is away is told."""
    try:
        with open_store() as store:
            return _records(store, services, now)
    except SpringtideError as error:
        return Records(unknown=error.message)


def _records(store: RunStore, services: Sequence[str], now: datetime) -> Records:
    totals = store.samples(_METRICS)
    deadlines = _moments(totals, APPROVAL_DEADLINE)
    waiting = _moments(totals, APPROVAL_WAITING_SINCE)
    return Records(
        decisions=store.last_decisions(now - LATELY),
        runs=store.last_runs(now - RUNS_SINCE),
        notes=store.notes(services, now=now),
        pauses=store.pauses(now=now),
        # A run that was ended while it waited takes its question back only at the next round.
        waiting={name: since for name, since in waiting.items() if deadlines.get(name, now) >= now},
        held=_moments(totals, METRICS_HELD_SINCE),
        place=store.kept_in(),
    )


def _moments(totals: Sequence[Total], metric: Metric) -> dict[str, datetime]:
    mine = (total for total in totals if total.name == metric.name)
    return {dict(total.labels)["policy"]: datetime.fromtimestamp(total.value, UTC) for total in mine}
