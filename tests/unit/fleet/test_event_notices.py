"""What people are told of events: prepared, late, given back; and of floors whose time is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from springtide.clock import ManualClock
from springtide.errors import InputError, Violation
from springtide.events.calendars import Calendars
from springtide.events.notes import EventNote
from springtide.events.occurrences import Occurrence
from springtide.events.sweep import Inspection
from springtide.fleet.due import Due
from springtide.fleet.notices import broken_facts, floor_fact, lateness_fact, prepared_facts, released_facts
from springtide.fleet.ports import FleetPorts
from springtide.fleet.report import FleetReport, TurnReport
from springtide.kube.autoscaler import AutoscalerBounds
from springtide.notify.facts import Fact
from springtide.policy.calendar.model import ServiceRequest
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.memory import MemoryStore
from springtide.run.release import HeldFloor
from springtide.strategy.hold import FloorHold
from support.builders import NOW, policy, policy_document

HOUR = timedelta(hours=1)
SALE = Occurrence(
    calendar="shop",
    event="sale",
    start=NOW + HOUR,
    end=NOW + 3 * HOUR,
    lead=None,
    priority=0,
    asks={"web": ServiceRequest(replicas=8), "db": ServiceRequest(replicas=4)},
)
DUE = Due(events=(SALE,), services=("web", "db"), began_at=NOW, planned_at=NOW)
REPORT = FleetReport(services={"web": "2 → 8: asked", "db": "2 → 4: asked"}, problems={}, standing={"web": 8, "db": 4})


class Owned:
    """Policies of `web` and `db`, each of an owner of its own; any other cannot be read."""

    def names(self) -> Sequence[str]:
        return ["web", "db"]

    def get(self, name: str) -> ScalingPolicy:
        if name not in self.names():
            raise InputError(f"there is no policy {name}", code="service_unknown")
        document = policy_document(name)
        document["metadata"]["owner"] = f"Team {name}"
        return ScalingPolicy.model_validate(document)


def nothing(*_: Any) -> Any:
    raise AssertionError("nothing of this is opened")


def fleet(clock: ManualClock | None = None, store: MemoryStore | None = None) -> FleetPorts:
    return FleetPorts(
        clock=clock or ManualClock(NOW),
        calendars=lambda: Calendars(()),
        policies=Owned(),
        open_ports=nothing,
        open_store=lambda: store or MemoryStore(),
    )


def told(facts: Sequence[Fact]) -> list[str]:
    return [fact.kind for fact in facts]


def test_an_event_that_is_prepared_is_told_to_the_owners_of_all_its_services() -> None:
    (fact,) = prepared_facts(DUE, REPORT, Owned())

    assert (fact.kind, fact.subject, fact.to) == ("event_prepared", "shop.sale", ("team-db", "team-web"))
    assert fact.lines == ("shop.sale begins 2026-11-11 01:00 UTC", "web: 2 → 8: asked", "db: 2 → 4: asked")


def test_a_service_without_a_readable_policy_takes_it_to_the_installation() -> None:
    due = replace(DUE, events=(replace(SALE, asks={"gone": ServiceRequest(replicas=2)}),))

    assert prepared_facts(due, REPORT, Owned())[0].to == ("springtide",)


@pytest.mark.parametrize(
    ("report", "kinds"),
    [
        (replace(REPORT, problems={"db": "it failed"}), ["failed"]),
        (replace(REPORT, attention={"db": "it was only assumed"}), ["needs_attention"]),
        (replace(REPORT, late="60 s after the start"), ["event_late", "event_prepared"]),
    ],
)
def test_what_went_wrong_is_what_is_told(report: FleetReport, kinds: list[str]) -> None:
    assert told(prepared_facts(DUE, report, Owned())) == kinds


def test_a_rehearsal_on_paper_and_a_sweep_prepare_nothing() -> None:
    assert prepared_facts(replace(DUE, is_simulated=True), REPORT, Owned()) == ()
    assert prepared_facts(replace(DUE, events=()), REPORT, Owned()) == ()


def test_lateness_is_one_fact_foreseen_or_met() -> None:
    foreseen = lateness_fact(fleet(), DUE, TurnReport(late="60 s after the start"))
    met = lateness_fact(fleet(ManualClock(SALE.start)), DUE, TurnReport())

    assert foreseen is not None
    assert met is not None
    assert foreseen.key == met.key
    assert met.lines[-1] == "it has begun, and its services do not stand yet"


def test_what_is_in_time_or_was_asked_for_after_its_start_is_not_late() -> None:
    assert lateness_fact(fleet(), DUE, TurnReport()) is None
    assert lateness_fact(fleet(ManualClock(SALE.start)), DUE, TurnReport(report=REPORT)) is None
    asked_late = replace(DUE, began_at=SALE.start)
    assert lateness_fact(fleet(ManualClock(SALE.start)), asked_late, TurnReport()) is None


def looks(**current: int) -> dict[str, Inspection]:
    return {name: Inspection(service=name, current=count, planned=2) for name, count in current.items()}


def swept(now_after: timedelta, **standing: int) -> list[str]:
    """Return which events a sweep finds given back whose services are so."""
    store = MemoryStore()
    notes = [
        EventNote(service=name, occurrence=SALE, expected=2, before=None, owner="ada", reason="") for name in SALE.asks
    ]
    store.keep_notes(notes, now=NOW)
    services = {name: f"{count} stay" for name, count in standing.items()}
    report = FleetReport(services=services, problems={}, standing=standing)
    clock = ManualClock(NOW + now_after)
    return [fact.subject for fact in released_facts(fleet(clock, store), report, looks(**standing))]


def test_an_event_is_given_back_when_it_is_over_and_no_service_has_more_than_it_needs() -> None:
    assert swept(4 * HOUR, web=2, db=2) == ["shop.sale"]


def test_an_event_that_lasts_or_whose_services_are_still_larger_is_not_given_back() -> None:
    assert swept(2 * HOUR, web=2, db=2) == []
    assert swept(4 * HOUR, web=2, db=4) == []
    assert swept(4 * HOUR, web=2) == []


def test_each_broken_calendar_is_a_fact_and_names_no_folder() -> None:
    errors = [
        Violation(code="policy_type", message=f"error {number}", field="spec", file=f"/srv/calendars/{name}", line=3)
        for name, number in (("sales.yaml", 1), ("sales.yaml", 2), ("matches.yaml", 3))
    ]

    sales, matches = broken_facts(errors)

    assert sales.lines == ("sales.yaml:3: spec: error 1 [policy_type]", "sales.yaml:3: spec: error 2 [policy_type]")
    assert (matches.subject, matches.to) == ("matches.yaml", ("springtide",))


def test_a_floor_that_cannot_be_given_back_is_one_fact_however_often_it_is_tried() -> None:
    bounds = AutoscalerBounds(2, 8)
    hold = FloorHold(run="r1", owner="ada", reason="", until=NOW, raised=bounds, original=bounds)
    held = HeldFloor(policy(), "HPA web", hold)

    first, again = (floor_fact(held, f"run release-{number} failed") for number in (1, 2))
    assert (first.kind, first.key) == ("failed", again.key)
    assert floor_fact(held, None).kind == "event_released"
