"""Services that are paused, in a world in virtual time: no sweep and no event starts them, and everybody is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from springtide.errors import PermanentError
from springtide.events.occurrences import Occurrence
from springtide.events.waves import ServicePlan
from springtide.fleet.conductor import Conductor, conducted
from springtide.fleet.due import Due, due_sweep, prepared
from springtide.fleet.looking import look_at_due
from springtide.fleet.memory import ProcessMemory
from springtide.fleet.notices import reported_facts
from springtide.fleet.orders import decided_orders
from springtide.fleet.report import FleetReport
from springtide.record.metrics import EVENT_LATE_TOLD, SERVICE_PAUSED
from springtide.record.model import RunOutcome
from springtide.record.pauses import BY_SPRINGTIDE, Pause
from springtide.sandbox.objects import Json
from support.fleet import Fleet, FleetRuns
from unit.events.calendars import occurrence

BROKEN = [{"http": {"path": "/healthz", "samples": 3, "expect": 204, "when": "after_switch"}}]
"""The app never answers 204."""

QUARTER = 900.0


@dataclass
class WantedFleet(Fleet):
    """A fleet whose demand asks for four of each service; the smoke check of those that are `broken` never passes."""

    broken: frozenset[str] = frozenset()
    wanted: int = 4

    def document(self, name: str) -> Json:
        document = super().document(name)
        document["spec"]["capacity"] = {"models": [{"model": "fixed", "replicas": self.wanted}]}
        if name in self.broken:
            document["spec"] |= {"smoke": BROKEN, "preflight": {"only_warn": ["smoke"]}}
        return document

    def conduct(self, due: Due, parent: str) -> FleetReport:
        fleet = self.fleet_ports()
        look = look_at_due(fleet, due)
        conductor = Conductor(
            fleet=fleet,
            runs=FleetRuns(self),
            memory=ProcessMemory(),
            decide=lambda wanted: decided_orders(fleet, wanted, look.seen, unseen=look.unseen),
            parent=parent,
        )
        return conducted(conductor, due, lambda _turn: None, pause=self.tick)

    def sweep(self) -> FleetReport:
        return self.conduct(due_sweep(self.fleet_ports()), f"sweep-{self.world.elapsed:.0f}")

    def sale(self, **asks: int) -> Occurrence:
        """Return a sale that begins in ten minutes."""
        start = self.now + timedelta(minutes=10)
        return replace(occurrence("sale", "2026-01-01", **asks), start=start, end=start + timedelta(hours=1))

    def prepare(self, event: Occurrence) -> FleetReport:
        return self.conduct(prepared(self.fleet_ports(), (event,)), f"prepare-{self.world.elapsed:.0f}")

    def later(self, seconds: float = QUARTER) -> None:
        self.world.advance(seconds)

    def outcomes(self, service: str = "web") -> list[RunOutcome]:
        """Return how its runs ended, oldest first."""
        return [run.outcome for run in reversed(self.store.latest(service))]

    def pause(self, service: str = "web", *, by: str = "ann", until: timedelta | None = None) -> Pause:
        end = None if until is None else self.now + until
        pause = Pause(service=service, at=self.now, by=by, reason="the cache is cold", until=end)
        return self.store.pause(pause)

    def shown(self) -> dict[str, str]:
        totals = [total for total in self.store.totals() if total.name == SERVICE_PAUSED.name]
        return {dict(total.labels)["policy"]: dict(total.labels)["by"] for total in totals}


@pytest.fixture
def fleet() -> WantedFleet:
    return WantedFleet({"web": (), "db": ()})


def test_a_sweep_starts_nothing_of_a_service_that_is_paused_and_says_so(fleet: WantedFleet) -> None:
    pause = fleet.pause(until=timedelta(hours=2))

    report = fleet.sweep()

    assert fleet.replicas() == {"web": 2, "db": 4}
    assert report.services["web"] == f"2 stay: {pause}"
    assert report.paused == {"web": str(pause)}
    assert report.problems == {}
    (decision,) = fleet.store.decisions("web", fleet.now - timedelta(hours=1), fleet.now)
    assert decision.reason == str(pause)
    assert fleet.shown() == {"web": "person"}


@pytest.mark.parametrize("way", ["its time is up", "somebody resumes it"])
def test_the_next_sweep_acts_when_it_is_over(fleet: WantedFleet, way: str) -> None:
    fleet.pause(until=timedelta(minutes=10) if way == "its time is up" else None)
    fleet.sweep()
    fleet.later()
    if way == "somebody resumes it":
        fleet.store.resume("web", by="bob", now=fleet.now)

    report = fleet.sweep()

    assert (fleet.replicas()["web"], report.paused, fleet.shown()) == (4, {}, {})


def test_an_event_that_needs_it_ends_as_one_for_a_person(fleet: WantedFleet) -> None:
    pause = fleet.pause()

    sale = fleet.sale(web=9, db=3)

    report = fleet.prepare(sale)

    assert fleet.replicas() == {"web": 2, "db": 4}
    assert report.attention["web"] == f"{sale.id} asks for 9, and 2 stay: {pause}"
    with pytest.raises(PermanentError, match="is paused by ann") as error:
        report.require_good()
    assert error.value.code == "needs_attention"
    late = {dict(total.labels)["event"] for total in fleet.store.totals() if total.name == EVENT_LATE_TOLD.name}
    assert late == {sale.event}  # what does not stand is not in time
    assert fleet.store.preparations() == ()  # and says nothing about how long a preparation takes


def test_an_event_that_asks_for_what_stands_lacks_nothing(fleet: WantedFleet) -> None:
    fleet.pause()

    report = fleet.prepare(fleet.sale(web=2))

    assert report.attention == {}
    assert set(report.paused) == {"web"}


def test_a_run_that_was_on_its_way_when_somebody_paused_is_refused_in_the_pauses_words(fleet: WantedFleet) -> None:
    ports = fleet.fleet_ports()
    due = due_sweep(ports)
    orders = decided_orders(ports, due, look_at_due(ports, due).seen)
    pause = fleet.pause()
    conductor = Conductor(
        fleet=ports, runs=FleetRuns(fleet), memory=ProcessMemory(), decide=lambda _due: orders, parent="sweep"
    )

    report = conducted(conductor, due, lambda _turn: None, pause=fleet.tick)

    assert fleet.replicas() == {"web": 2, "db": 4}
    assert str(pause) in report.problems["web"]


def test_a_smoke_check_that_fails_is_tried_twice_with_a_back_off_between_and_then_the_service_is_paused() -> None:
    fleet = WantedFleet({"web": (), "db": ()}, broken=frozenset({"web"}))
    told: list[str] = []
    for _ in range(10):  # two hours and a half of sweeps
        told.append(fleet.sweep().services["web"])
        fleet.later()

    assert fleet.outcomes() == [RunOutcome.ROLLED_BACK] * 2
    assert fleet.replicas() == {"web": 2, "db": 4}
    assert "smoke test fail" in told[0]
    assert "backs off until" in told[1]
    assert "web is paused by springtide" in told[2]  # in the very report of the second failure
    assert all(text.startswith("2 stay: web is paused by springtide since") for text in told[3:])
    (pause,) = fleet.store.latest_pauses("web")
    assert pause.by == BY_SPRINGTIDE
    assert "2 runs failed the same way" in pause.reason
    assert fleet.shown() == {"web": "springtide"}


def test_resumed_and_mended_it_is_scaled_by_the_next_sweep_and_resumed_alone_it_is_tried_twice_more() -> None:
    fleet = WantedFleet({"web": ()}, broken=frozenset({"web"}))
    for _ in range(4):
        fleet.sweep()
        fleet.later()
    fleet.store.resume("web", by="ann", now=fleet.now)
    for _ in range(5):
        fleet.sweep()
        fleet.later()
    assert fleet.outcomes() == [RunOutcome.ROLLED_BACK] * 4

    fleet.store.resume("web", by="ann", now=fleet.now)
    fleet.broken = frozenset()
    fleet.policies = {name: type(each).model_validate(fleet.document(name)) for name, each in fleet.policies.items()}
    report = fleet.sweep()

    assert (fleet.replicas(), report.paused) == ({"web": 4}, {})


def test_an_event_does_not_wait_for_a_back_off() -> None:
    fleet = WantedFleet({"web": ()}, broken=frozenset({"web"}))
    fleet.sweep()

    report = fleet.prepare(fleet.sale(web=5))

    assert fleet.outcomes() == [RunOutcome.ROLLED_BACK] * 2
    assert "web is paused by springtide" in report.problems["web"]


def test_a_plan_only_looks_and_pauses_nobody() -> None:
    fleet = WantedFleet({"web": ()}, broken=frozenset({"web"}))
    fleet.sweep()
    fleet.later(3600)
    fleet.sweep()
    fleet.store.resume("web", by="ann", now=fleet.now)

    ports = fleet.fleet_ports()
    due = due_sweep(ports)
    decided_orders(ports, due, look_at_due(ports, due).seen, is_dry=True)

    assert fleet.store.pauses(now=fleet.now) == {}


def test_people_are_told_once_of_each_pause(fleet: WantedFleet) -> None:
    pause = fleet.pause()
    ports = fleet.fleet_ports()
    due = due_sweep(ports)
    report = fleet.sweep()

    facts = [reported_facts(ports, due, report, lambda: look_at_due(ports, due).seen) for _ in range(2)]

    (first,), (again,) = facts
    assert first == again
    assert (first.kind, first.subject, first.to) == ("paused", "web", ("shop",))
    assert first.lines[0] == str(pause)
    assert "springtide resume web" in first.lines[1]


def test_the_way_back_of_a_rehearsal_goes_through_a_pause(fleet: WantedFleet) -> None:
    fleet.sweep()
    fleet.pause()
    back = ServicePlan(service="web", current=4, steps=(2,), reason="the rehearsal is over")
    conductor = Conductor(
        fleet=fleet.fleet_ports(),
        runs=FleetRuns(fleet),
        memory=ProcessMemory(),
        decide=lambda _due: [back],
        parent="rehearsal",
        way="back-",
    )

    report = conducted(conductor, due_sweep(fleet.fleet_ports()), lambda _turn: None, pause=fleet.tick)

    assert (fleet.replicas()["web"], report.problems) == (2, {})
