"""An event that multiplies while nobody knows demand: from the look at the service to the end of its preparation."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from springtide.clock import ManualClock
from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnavailable, PermanentError
from springtide.events.calendars import Calendars
from springtide.events.occurrences import Occurrence
from springtide.events.sweep import Inspection
from springtide.events.waves import ServicePlan, TurnDecision
from springtide.fleet.due import Due
from springtide.fleet.inspection import inspect_service
from springtide.fleet.orders import attention, decided_orders
from springtide.fleet.ports import FleetPorts
from springtide.fleet.report import FleetReport
from springtide.fleet.usual import usual_replicas
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.history import SLOTS, HistoryDay
from springtide.record.memory import MemoryStore
from springtide.sandbox.controllers.autoscaling import WANTED
from support.courses import autoscaler
from support.fleet import Fleet
from support.simulation import Simulation
from unit.events.calendars import occurrence

NOW = datetime(2026, 11, 27, 18, 40, tzinfo=UTC)
SALE = occurrence("sale", "2026-11-27T20:00", web="3.2x")
UNKNOWN = Inspection(service="web", current=40, planned=None, unknown="Prometheus does not answer.", most=500)
KNOWN = replace(UNKNOWN, planned=50, expected=50, unknown=None, step_up=10)


class Away:
    """Demand that nobody can read."""

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        del start, end, step
        raise DemandUnavailable("Prometheus does not answer.", code="demand_unavailable")


@dataclass(frozen=True)
class OneSale(Calendars):
    """The calendar with the sale."""

    events: tuple[Occurrence, ...] = ()

    def going_on(self, now: datetime, leads: object = None) -> tuple[Occurrence, ...]:
        del leads
        return tuple(event for event in self.events if event.start <= now < event.end)


@dataclass
class Evening:
    """Preparations and sweeps over one service, by what a test says was found."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    store: MemoryStore = field(default_factory=MemoryStore)

    @property
    def fleet(self) -> FleetPorts:
        calendars = OneSale(events=(SALE,))
        ports = Fleet({}).fleet_ports()
        return replace(ports, clock=self.clock, calendars=lambda: calendars, open_store=lambda: nullcontext(self.store))

    def due(self, *events: Occurrence) -> Due:
        return Due(events=events, services=("web",), began_at=NOW, planned_at=NOW)

    def order(self, found: Inspection, *events: Occurrence, is_dry: bool = False) -> ServicePlan:
        (order,) = decided_orders(self.fleet, self.due(*events), {"web": found}, is_dry=is_dry)
        return order

    def base(self) -> int:
        ((note,),) = self.store.notes(["web"], now=self.clock.now()).values()
        return note.expected


def test_it_multiplies_what_runs_and_says_so_loudly() -> None:
    with capture_logs() as logs:
        order = Evening().order(UNKNOWN, SALE)

    assert order.steps[-1] == 128
    assert "its demand is not known (Prometheus does not answer), so 40 counts: what runs now" in order.reason
    assert [(line["event"], line["log_level"]) for line in logs] == [("event_demand_unknown", "error")]


def test_a_dry_run_says_the_same_and_keeps_nothing() -> None:
    evening = Evening()

    assert evening.order(UNKNOWN, SALE, is_dry=True).steps[-1] == 128
    assert evening.store.notes(["web"], now=NOW) == {"web": ()}


def test_what_was_not_made_good_by_the_end_of_the_preparation_needs_a_person() -> None:
    evening = Evening()
    order = evening.order(UNKNOWN, SALE)
    doubts = attention(evening.fleet, evening.due(SALE))
    report = FleetReport.of([order], TurnDecision(), late=None, attention=doubts)

    with pytest.raises(PermanentError, match="of what nobody measured: its demand is not known") as caught:
        FleetReport.from_record(report.to_record()).require_good()

    assert (caught.value.code, list(doubts)) == ("needs_attention", ["web"])
    assert report.standing == {"web": 128}


def test_a_sweep_that_knows_demand_before_the_start_makes_it_good() -> None:
    evening = Evening()
    evening.order(UNKNOWN, SALE)
    evening.clock.sleep(600)

    order = evening.order(KNOWN)

    assert (evening.base(), order.steps[-1]) == (50, 160)
    assert attention(evening.fleet, evening.due(SALE)) == {}


def test_what_was_assumed_is_not_taken_back() -> None:
    evening = Evening()
    evening.order(UNKNOWN, SALE)

    evening.order(replace(KNOWN, expected=20))

    assert evening.base() == 40


def test_from_the_start_on_the_events_own_load_is_not_multiplied() -> None:
    evening = Evening()
    evening.order(UNKNOWN, SALE)
    evening.clock.sleep(3 * 3600)

    evening.order(replace(KNOWN, expected=130))

    assert evening.base() == 40


def test_an_event_that_nobody_prepared_is_not_multiplied_anew_by_each_sweep() -> None:
    evening = Evening(clock=ManualClock(NOW + timedelta(hours=2)))
    orders = [evening.order(replace(UNKNOWN, current=running)).steps for running in (40, 128, 128)]

    assert [steps[-1] if steps else None for steps in orders] == [128, None, None]


def test_a_number_that_the_calendar_asks_for_needs_nobody() -> None:
    evening = Evening()
    asked = occurrence("sale", "2026-11-27T20:00", web=80)

    assert evening.order(UNKNOWN, asked).steps[-1] == 80
    assert attention(evening.fleet, evening.due(asked)) == {}


def test_the_look_at_a_service_under_an_autoscaler_counts_what_runs() -> None:
    simulation = Simulation.of(12, strategy="floor")
    hpa = autoscaler(3)
    hpa["spec"]["maxReplicas"] = 50
    hpa["metadata"].setdefault("annotations", {})[WANTED] = "12"
    simulation.world.apply(hpa)
    simulation.world.settle()
    policy = measured(simulation.policy)

    found = inspect_service(replace(simulation.ports(), demand=lambda _policy: Away()), policy)

    assert (found.current, found.running, found.unknown) == (3, 12, "Prometheus does not answer.")
    assert Evening().order(found, SALE).steps[-1] == 39


def measured(policy: ScalingPolicy) -> ScalingPolicy:
    """Return `policy` by demand of which one replica serves 100 at 70 %."""
    document = policy.model_dump(mode="json", by_alias=True, exclude_none=True)
    spec = {
        "demand": {"source": "prometheus", "query": "rps", "unit": "requests/s"},
        "capacity": {"models": [{"model": "target_utilization", "per_replica": 100, "target": 0.7}]},
    }
    return ScalingPolicy.model_validate({**document, "spec": document["spec"] | spec})


class TestWhatTheHistoryExpected:
    @pytest.fixture
    def policy(self) -> ScalingPolicy:
        return measured(Simulation.of(3).policy)

    def days(self, *levels: tuple[int, float], outcome: str = "pass", unit: str = "requests/s") -> MemoryStore:
        """Return a store with days so many days ago, of such demand from 18:00 to 20:00 and of 10 else."""
        store = MemoryStore()
        for back, level in levels:
            profile = tuple(level if 18 * 12 <= slot < 20 * 12 else 10.0 for slot in range(SLOTS))
            day = date(2026, 11, 27) - timedelta(days=back)
            store.save_day(HistoryDay(policy="web", day=day, unit=unit, profile=profile, quality={"outcome": outcome}))
        return store

    def test_it_is_what_the_models_ask_for_by_the_demand_of_that_hour(self, policy: ScalingPolicy) -> None:
        assert usual_replicas(self.days((1, 1400)), policy, NOW) == 20
        assert usual_replicas(self.days((1, 1400)), policy, NOW - timedelta(hours=6)) == policy.spec.replicas.min

    def test_one_sale_of_last_week_is_not_usual(self, policy: ScalingPolicy) -> None:
        levels = [(back, 1400 if back != 3 else 9000.0) for back in range(1, 8)]

        assert usual_replicas(self.days(*levels), policy, NOW) == 20

    def test_this_day_of_the_week_counts_where_it_is_larger(self, policy: ScalingPolicy) -> None:
        levels = [(back, 1400.0 if back % 7 == 0 else 70.0) for back in range(1, 29)]

        assert usual_replicas(self.days(*levels), policy, NOW) == 20

    def test_it_looks_past_midnight(self, policy: ScalingPolicy) -> None:
        store = self.days((1, 1400))
        profile = tuple(2100.0 if slot < 6 else 10.0 for slot in range(SLOTS))
        store.save_day(HistoryDay(policy="web", day=date(2026, 11, 26), unit="requests/s", profile=profile))

        assert usual_replicas(store, policy, datetime(2026, 11, 26, 23, 30, tzinfo=UTC)) is None
        assert usual_replicas(store, policy, datetime(2026, 11, 27, 0, 0, tzinfo=UTC)) == 30

    @pytest.mark.parametrize("changes", [{"outcome": "refuse"}, {"unit": "jobs"}])
    def test_days_that_say_nothing_of_this_demand_do_not_count(
        self, policy: ScalingPolicy, changes: dict[str, str]
    ) -> None:
        assert usual_replicas(self.days((1, 1400), **changes), policy, NOW) is None

    def test_the_look_takes_it_up(self, policy: ScalingPolicy) -> None:
        simulation = Simulation.of(3)
        ports = replace(simulation.ports(), demand=lambda _policy: Away())
        now = simulation.world.now()
        profile = (1400.0,) * SLOTS
        ports.store.save_day(
            HistoryDay(policy="web", day=now.date() - timedelta(days=1), unit="requests/s", profile=profile)
        )

        assert inspect_service(ports, policy).usual == 20
