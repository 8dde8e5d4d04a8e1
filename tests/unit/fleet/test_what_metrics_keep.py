"""What sweeps, preparations, rounds over Leases and floors leave for the metrics, each where it happens."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from springtide.errors import TemporaryError
from springtide.events.rehearsal import rehearsal_of
from springtide.events.snapshot import read_calendars
from springtide.fleet.conductor import Conductor, conducted
from springtide.fleet.due import Due
from springtide.fleet.expired import release_expired
from springtide.fleet.measured import keep_calendars
from springtide.fleet.memory import ProcessMemory
from springtide.fleet.report import FleetReport
from springtide.record.memory import MemoryStore
from springtide.record.store import RunStore
from springtide.recovery.rounds import keep_round, reconcile_round
from springtide.run import phases
from support.courses import autoscaler
from support.fleet import Fleet, FleetRuns
from support.simulation import NAMESPACE, Simulation
from unit.events.calendars import occurrence
from unit.fleet.test_conductor import growing

PREFIX = "springtide_"


def shown(store: RunStore, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of one metric, by their labels' values."""
    found = [total for total in store.totals() if total.name == f"{PREFIX}{name}"]
    return {tuple(value for _, value in total.labels): total.value for total in found}


def conductor(fleet: Fleet, *services: str) -> Conductor:
    return Conductor(
        fleet=fleet.fleet_ports(),
        runs=FleetRuns(fleet),
        memory=ProcessMemory(),
        decide=lambda _due: [growing(service) for service in services],
        parent="parent",
    )


def carried_out(fleet: Fleet, due: Due, *services: str) -> FleetReport:
    return conducted(conductor(fleet, *services), due, lambda _turn: None, pause=fleet.tick)


class TestSweeps:
    def test_a_sweep_leaves_how_long_it_took_and_how_it_ended(self) -> None:
        fleet = Fleet({"db": (), "pay": ()}, failing=frozenset({"pay"}))
        now = fleet.world.now()
        due = Due(services=("db", "pay"), began_at=now, planned_at=now)

        report = carried_out(fleet, due, "db", "pay")

        took = (fleet.world.now() - now).total_seconds()
        assert set(report.problems) == {"pay"}
        assert shown(fleet.store, "sweeps_total") == {("failed",): 1}
        assert shown(fleet.store, "sweep_services") == {("good",): 1, ("failed",): 1}
        assert shown(fleet.store, "sweep_duration_seconds_sum") == {(): took}
        assert shown(fleet.store, "sweep_end_timestamp_seconds") == {(): fleet.world.now().timestamp()}

    def test_its_last_turn_taken_again_counts_once(self) -> None:
        fleet = Fleet({"db": ()})
        now = fleet.world.now()
        due = Due(services=("db",), began_at=now, planned_at=now)
        taken = conductor(fleet, "db")
        conducted(taken, due, lambda _turn: None, pause=fleet.tick)

        assert taken.turn(due).is_over
        assert shown(fleet.store, "sweeps_total") == {("good",): 1}

    def test_a_simulated_one_counts_nowhere(self) -> None:
        fleet = Fleet({"db": ()})
        now = fleet.world.now()

        carried_out(fleet, Due(began_at=now, planned_at=now, is_simulated=True))

        assert fleet.store.totals() == ()

    def test_a_store_that_does_not_answer_does_not_hold_it_up(self) -> None:
        fleet = Fleet({"db": ()})
        now = fleet.world.now()

        def away() -> AbstractContextManager[RunStore]:
            raise TemporaryError("the store does not answer", code="store_unavailable")

        taken = conductor(fleet, "db")
        taken = replace(taken, fleet=replace(taken.fleet, open_store=away))
        due = Due(services=("db",), began_at=now, planned_at=now)

        report = conducted(taken, due, lambda _turn: None, pause=fleet.tick)

        assert report.standing == {"db": 3}


class TestPreparations:
    def due(self, fleet: Fleet, ahead: timedelta) -> Due:
        now = fleet.world.now()
        event = replace(occurrence("flash", "2026-01-05T12:00", db=3, pay=3), start=now + ahead, end=now + 2 * ahead)
        return Due(events=(event,), services=("db", "pay"), began_at=now, planned_at=now)

    def test_one_leaves_its_lead_and_when_each_service_stood(self) -> None:
        fleet = Fleet({"db": (), "pay": ()})
        due = self.due(fleet, timedelta(hours=1))

        carried_out(fleet, due, "db", "pay")

        late = shown(fleet.store, "event_lateness_seconds")
        assert shown(fleet.store, "event_lead_seconds") == {("flash",): 3600}
        assert set(late) == {("db", "flash"), ("pay", "flash")}
        assert all(-3600 < seconds < -3000 for seconds in late.values())
        assert shown(fleet.store, "event_late_timestamp_seconds") == {}
        assert shown(fleet.store, "sweeps_total") == {}

    def test_a_service_that_does_not_stand_makes_the_event_late(self) -> None:
        fleet = Fleet({"db": (), "pay": ()}, failing=frozenset({"pay"}))

        carried_out(fleet, self.due(fleet, timedelta(hours=1)), "db", "pay")

        assert set(shown(fleet.store, "event_lateness_seconds")) == {("db", "flash")}
        assert set(shown(fleet.store, "event_late_timestamp_seconds")) == {("flash",)}

    def test_one_that_ends_behind_the_start_says_by_how_much(self) -> None:
        fleet = Fleet({"db": (), "pay": ()})

        carried_out(fleet, self.due(fleet, timedelta(seconds=1)), "db", "pay")

        assert all(seconds > 0 for seconds in shown(fleet.store, "event_lateness_seconds").values())

    def test_a_rehearsal_begins_now_and_is_never_late(self) -> None:
        fleet = Fleet({"db": ()})
        now = fleet.world.now()
        event = rehearsal_of(occurrence("flash", "2026-01-05T12:00", db=3), now, timedelta(hours=1))

        carried_out(fleet, Due(events=(event,), services=("db",), began_at=now, planned_at=now), "db")

        assert shown(fleet.store, "event_lateness_seconds") == {}
        assert shown(fleet.store, "event_prepared_timestamp_seconds") == {}


def test_a_round_leaves_the_leases_that_it_saw() -> None:
    simulation = Simulation.of(2, strategy="in_place")
    ports = simulation.ports()
    request = simulation.request(3)
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))
    taken = simulation.world.now()
    simulation.world.advance(600)

    keep_round(ports, reconcile_round(simulation.ports("reconcile"), [NAMESPACE], lambda _run: True))

    ((labels, acquired),) = shown(simulation.store, "lease_acquired_timestamp_seconds").items()
    ((_, renewed),) = shown(simulation.store, "lease_renewed_timestamp_seconds").items()
    assert labels == (simulation.policy.name, "create_instances", "stalled")
    assert 0 <= taken.timestamp() - acquired < 60
    assert acquired <= renewed <= taken.timestamp()
    assert shown(simulation.store, "runs_needing_attention") == {}
    assert shown(simulation.store, "reconcile_refused") == {(): 0}


def test_floors_are_shown_until_they_are_given_back() -> None:
    simulation = Simulation.of(2, strategy="floor", expires="1h")
    simulation.world.apply(autoscaler(2))
    simulation.world.settle()
    simulation.run(4)
    policies = [simulation.policy]
    until = simulation.world.now() + timedelta(hours=1)

    release_expired(simulation.ports(), policies, (), parent="one", requested_by="ada")
    ((_, held),) = shown(simulation.store, "floor_until_timestamp_seconds").items()
    simulation.world.advance(3700)
    (given_back,) = release_expired(simulation.ports(), policies, (), parent="two", requested_by="ada")

    assert abs(held - until.timestamp()) < 60
    assert given_back.outcome == "succeeded"
    assert shown(simulation.store, "floor_until_timestamp_seconds") == {}


def test_calendars_are_shown_by_the_names_of_their_files(tmp_path: Path) -> None:
    fleet = Fleet({})
    now = fleet.world.now()
    (tmp_path / "good.yaml").write_text(
        "apiVersion: springtide/v1\nkind: EventCalendar\nmetadata: {name: good, owner: ada}\n"
        "spec: {timezone: UTC, events: []}\n"
    )
    (tmp_path / "bad.yaml").write_text("kind: Nonsense\n")

    keep_calendars(fleet.fleet_ports(), read_calendars(tmp_path, {}, now=now))

    assert shown(fleet.store, "calendar_broken") == {("good.yaml",): 0, ("bad.yaml",): 1}
    assert shown(fleet.store, "calendars_check_timestamp_seconds") == {(): now.timestamp()}


def test_the_reads_of_a_phase_are_those_of_its_own_client() -> None:
    simulation = Simulation.of(2, strategy="in_place")
    ports = simulation.ports()
    counted = replace(ports, reads=lambda: ports.kube.reads)  # type: ignore[attr-defined]
    before = len(simulation.world.history.calls)
    request = simulation.request(3)

    phases.calculate_capacity(counted, request)

    ((phase, reads),) = shown(simulation.store, "cluster_reads_total").items()
    assert phase == ("calculate_capacity",)
    assert 0 < reads <= len(simulation.world.history.calls) - before
    assert isinstance(simulation.store, MemoryStore)
