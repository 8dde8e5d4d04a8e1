"""An event that is held by its shape: learned when it is prepared, followed by every sweep, flat where nothing is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from springtide.clock import ManualClock
from springtide.demand.model import DemandSeries, DemandSource
from springtide.errors import DemandUnavailable
from springtide.events.calendars import Calendars, ExpandedCalendar
from springtide.events.notes import note_records, notes_from
from springtide.events.occurrences import Occurrence
from springtide.events.release import Health
from springtide.events.sweep import Inspection
from springtide.events.waves import ServicePlan
from springtide.fleet.due import Due
from springtide.fleet.orders import decided_orders
from springtide.fleet.ports import FleetPorts
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.memory import MemoryStore
from support.fleet import Fleet, policy_document
from unit.events.calendars import calendar

START = datetime(2026, 11, 27, 20, tzinfo=UTC)
"""When the sale of today begins; one was on each day before."""
USUAL = 100.0
WELL = Health(None, demand=USUAL)
QUIET = Inspection(service="web", current=10, planned=10, expected=10, step_up=100, most=500, health=WELL)


@dataclass
class Sales:
    """Demand with a sale every evening: it rises fourfold at once, and is half of that every ten minutes."""

    reads: int = 0

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        self.reads += 1
        times = np.arange(start.timestamp(), end.timestamp(), step.total_seconds())
        since = (times - START.timestamp()) % 86400 / 60
        values = USUAL * (1 + 3 * 0.5 ** (since / 10))
        return DemandSeries(times=times, values=values, unit="requests/s", source="the recorded sales")


@dataclass
class Away:
    """Demand that nobody can read."""

    reads: int = 0

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        del start, end, step
        self.reads += 1
        raise DemandUnavailable("Prometheus does not answer.", code="demand_unavailable")


def evenings(days: int = 5, *, shape: str = "learned") -> Calendars:
    """Return the calendar with a sale of an hour on each of the `days` until today, under names of their own."""
    events = [
        {
            "name": f"sale-{day}",
            "kind": "flash",
            "shape": shape,
            "start": f"{START - day * timedelta(days=1):%Y-%m-%dT%H:%M}",
            "duration": "1h",
            "services": {"web": {"multiply": "5x"}},
        }
        for day in range(days)
    ]
    return Calendars((ExpandedCalendar.of(calendar("UTC", *events), Path(), now=START),))


def policy(*, measured: bool = True) -> ScalingPolicy:
    document = policy_document("web", ())
    if measured:
        document["spec"]["demand"] = {"source": "prometheus", "query": "sum(rate(requests[2m]))", "unit": "requests/s"}
        document["spec"]["capacity"] = {"models": [{"model": "target_utilization", "per_replica": 10, "target": 1.0}]}
    return ScalingPolicy.model_validate(document)


@dataclass
class Evening:
    """The preparation of today's sale ten minutes before it, and the sweeps of its hour."""

    calendars: Calendars = field(default_factory=evenings)
    source: DemandSource = field(default_factory=Sales)
    is_measured: bool = True
    clock: ManualClock = field(default_factory=lambda: ManualClock(START - timedelta(minutes=10)))
    store: MemoryStore = field(default_factory=MemoryStore)

    @property
    def fleet(self) -> FleetPorts:
        fleet = Fleet({"web": ()}, demand=lambda _policy: self.source)
        fleet.policies = {"web": policy(measured=self.is_measured)}
        return replace(
            fleet.fleet_ports(),
            clock=self.clock,
            calendars=lambda: self.calendars,
            open_store=lambda: nullcontext(self.store),
        )

    @property
    def sale(self) -> Occurrence:
        (event,) = (event for event in self.calendars.occurrences if event.start == START)
        return event

    def order(self, found: Inspection, *events: Occurrence, is_dry: bool = False) -> ServicePlan:
        now = self.clock.now()
        due = Due(events=events, services=("web",), began_at=now, planned_at=now)
        (order,) = decided_orders(self.fleet, due, {"web": found}, is_dry=is_dry)
        return order

    def prepare(self) -> ServicePlan:
        return self.order(QUIET, self.sale)

    def swept(self, minute: float, found: Inspection) -> ServicePlan:
        self.clock.sleep((START + timedelta(minutes=minute) - self.clock.now()).total_seconds())
        return self.order(found)


def at(replicas: int, demand: float, **changes: Any) -> Inspection:
    """Return what a sweep of the sale finds: so many replicas, and so much demand."""
    needed = round(demand / 10)
    found = Inspection(
        service="web",
        current=replicas,
        planned=needed,
        expected=needed,
        step_up=100,
        step_down=1.0,
        most=500,
        health=Health(None, demand=demand),
    )
    return replace(found, **changes)


def test_it_is_prepared_at_the_height_that_is_asked_for() -> None:
    assert Evening().prepare().steps == (50,)


def test_sweeps_give_back_what_past_sales_no_longer_needed() -> None:
    evening = Evening()
    evening.prepare()

    order = evening.swept(30, at(50, 140))

    assert 14 < order.steps[-1] < 25
    assert "by the shape of past events" in evening.swept(30, at(order.steps[-1], 140)).reason


def test_never_below_what_demand_asks_for() -> None:
    evening = Evening()
    evening.prepare()

    assert evening.swept(30, at(50, 380)).steps == (38,)


def test_a_sale_that_comes_late_finds_its_height() -> None:
    evening = Evening()
    evening.prepare()

    assert evening.swept(15, at(50, USUAL)).steps == ()


def test_demand_that_is_not_trusted_holds_the_height() -> None:
    evening = Evening()
    evening.prepare()

    assert evening.swept(30, at(50, 140, unknown="its newest sample is an hour old.")).steps == ()


def test_a_flat_one_is_held_to_its_end_and_reads_no_past() -> None:
    evening = Evening(calendars=evenings(shape="flat"))
    evening.prepare()

    assert evening.swept(55, at(50, 110)).steps == ()
    assert evening.source == Sales(reads=0)


@pytest.mark.parametrize(
    ("evening", "why"),
    [
        (lambda: Evening(calendars=evenings(3)), "the calendars know 2 past events of its kind, 3 are needed"),
        (lambda: Evening(source=Away()), "Prometheus does not answer"),
        (lambda: Evening(is_measured=False), "its policy measures no demand"),
    ],
)
def test_where_nothing_was_learned_it_is_held_flat_and_says_so(evening: Callable[[], Evening], why: str) -> None:
    place = evening()
    with capture_logs() as logs:
        prepared = place.prepare()
    held = place.swept(50, at(50, 110))

    assert held.steps == ()
    for reason in (prepared.reason, held.reason):
        assert f"held flat: no shape was learned ({why})" in reason
    assert [line["event"] for line in logs] == ["event_held_flat"]


def test_a_source_that_does_not_answer_is_asked_once() -> None:
    evening = Evening(source=Away())
    evening.prepare()

    assert evening.source == Away(reads=1)


def test_what_was_learned_at_the_preparation_counts_to_the_end() -> None:
    evening = Evening()
    evening.prepare()
    evening.source = Away()

    assert evening.swept(30, at(50, 140)).steps[-1] < 25
    assert evening.source == Away(reads=0)


def test_a_dry_run_learns_as_well_and_keeps_nothing() -> None:
    evening = Evening()

    assert evening.order(QUIET, evening.sale, is_dry=True).steps == (50,)
    assert evening.store.notes(["web"], now=START) == {"web": ()}


def test_a_note_with_a_shape_is_read_back_and_one_without_is_stored_as_before() -> None:
    evening = Evening()
    evening.prepare()
    ((note,),) = evening.store.notes(["web"], now=START).values()

    assert note.shape is not None
    assert notes_from(note_records([note])) == [note]
    (flat,) = note_records([replace(note, shape=None)])
    assert not {"shape", "flat", "assumed"} & flat.keys()


def test_a_calendar_that_is_remembered_knows_kinds_and_shapes() -> None:
    (view,) = evenings().views

    assert ExpandedCalendar.from_record(view.to_record()).occurrences == view.occurrences
