"""One conductor's turns: decided once, started once, at the pace; and what it remembers, keeps and teaches."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from springtide.clock import ManualClock
from springtide.errors import Fenced, InputError, TemporaryError
from springtide.events.calendars import Calendars, Pace
from springtide.events.preparations import Preparation
from springtide.events.sweep import Inspection
from springtide.events.waves import ChildRunState, ServicePlan
from springtide.fleet.child_runs import ChildRun, asked_one_by_one, child_run_id
from springtide.fleet.conductor import Conductor, conducted
from springtide.fleet.due import Due
from springtide.fleet.memory import ProcessMemory
from springtide.fleet.orders import decided_orders
from springtide.fleet.ports import FleetPorts
from springtide.fleet.report import TurnReport
from springtide.record.memory import MemoryStore
from springtide.record.model import PhaseRecord, PhaseStatus, RunOutcome, ScalingRun
from springtide.record.sql import open_store
from springtide.record.store import RunStore
from support.fleet import START, Fleet
from unit.events.calendars import occurrence, utc

NOW = utc("2026-11-11T09:00")
FLASH = occurrence("flash", "2026-11-11T10:00", web=9, db=3)


@dataclass
class NotedRuns:
    """Child runs that end when a test says so: at once, unless it holds them."""

    state_of_all: ChildRunState = ChildRunState.SUCCEEDED
    started: list[ChildRun] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def start(self, run: ChildRun) -> None:
        if run.run_id not in {each.run_id for each in self.started}:
            self.started.append(run)

    def state(self, run_id: str) -> ChildRunState:
        self.asked.append(run_id)
        return self.state_of_all

    def ended(self, run_ids: Sequence[str]) -> dict[str, ChildRunState]:
        return asked_one_by_one(self.state, run_ids)

    def failure(self, run_id: str) -> str:
        return f"run {run_id} failed: no image"


@dataclass(frozen=True)
class QuickCalendars(Calendars):
    """Calendars of another pace, without any event."""

    own: Pace = field(default_factory=lambda: Pace(100, 4))

    @property
    def pace(self) -> Pace:
        return self.own


@dataclass
class Scene:
    """A conductor over orders that a test gives it, at a time that a test moves."""

    orders: list[ServicePlan]
    pace: Pace = field(default_factory=lambda: Pace(100, 4))
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    runs: NotedRuns = field(default_factory=NotedRuns)
    memory: ProcessMemory = field(default_factory=ProcessMemory)
    store: MemoryStore = field(default_factory=MemoryStore)
    decided: int = 0

    @property
    def due(self) -> Due:
        return Due(events=(FLASH,), began_at=NOW, planned_at=NOW)

    def conductor(self, parent: str = "prepare_events__r1", **changes: object) -> Conductor:
        fleet = replace(
            Fleet({}).fleet_ports(),
            clock=self.clock,
            calendars=lambda: QuickCalendars(own=self.pace),
            open_store=lambda: nullcontext(self.store),
        )
        conductor = Conductor(fleet=fleet, runs=self.runs, memory=self.memory, decide=self.decide, parent=parent)
        return replace(conductor, **changes)  # type: ignore[arg-type]

    def decide(self, _due: Due) -> list[ServicePlan]:
        self.decided += 1
        return self.orders

    def turn(self, after: float = 5.0) -> TurnReport:
        report = self.conductor().turn(self.due)
        self.clock.sleep(after)
        return report


def growing(service: str, *steps: int, after: tuple[str, ...] = ()) -> ServicePlan:
    return ServicePlan(service=service, current=2, steps=steps or (3,), after=after, reason="it is asked for")


class TestOneTurn:
    def test_orders_are_decided_once_whoever_takes_the_next_turn(self) -> None:
        observation = Scene([growing("web", 3, 4)])
        while not observation.turn().is_over:
            observation.orders = []

        assert observation.decided == 1
        assert [(run.service, run.before, run.replicas) for run in observation.runs.started] == [
            ("web", 2, 3),
            ("web", 3, 4),
        ]

    def test_a_turn_that_is_repeated_starts_nothing_twice(self) -> None:
        observation = Scene([growing("web")])
        observation.turn()
        before = observation.memory.get("orders")
        observation.memory = ProcessMemory()  # the worker died before anything but the orders was kept
        observation.memory.set("orders", before)
        observation.turn()

        assert [run.service for run in observation.runs.started] == ["web"]

    def test_what_became_of_a_run_that_ended_is_not_asked_again(self) -> None:
        observation = Scene([growing("db"), growing("web", 3, 4)])
        while not observation.turn().is_over:
            pass

        assert len(observation.runs.asked) == len(set(observation.runs.asked)) == 3

    def test_the_last_turn_says_what_became_of_every_service(self) -> None:
        observation = Scene(
            [
                growing("db"),
                growing("web", after=("db",)),
                ServicePlan(service="mail", current=2, steps=(), after=(), reason="demand asks for 2"),
            ]
        )
        observation.runs.state_of_all = ChildRunState.FAILED
        observation.turn()
        report = observation.turn().report

        assert report is not None
        assert report.services["mail"] == "2 stay: demand asks for 2"
        assert report.problems["db"].endswith("failed: no image")
        assert report.problems["web"].startswith("held back: it comes after db, which failed: ")
        assert report.standing == {"mail": 2}

    def test_while_a_run_owns_what_has_to_be_free_it_waits(self) -> None:
        observation = Scene([])

        def decide(_due: Due) -> list[ServicePlan]:
            raise Fenced("run r0 owns web", code="run_active", field="web")

        turn = observation.conductor(decide=decide).turn(observation.due)
        assert (turn.is_over, turn.waiting) == (False, {"web": "run r0 owns web"})

    def test_all_turns_can_be_taken_in_one_process(self) -> None:
        observation = Scene([growing("web")])
        turns = list[TurnReport]()

        report = conducted(observation.conductor(), observation.due, turns.append)

        assert report.services == {"web": "2 → 3: it is asked for"}
        assert [turn.is_over for turn in turns] == [False, True]
        assert observation.clock.now() == NOW + timedelta(seconds=5)


class TestNamesOfRuns:
    def test_a_sweep_and_a_preparation_due_at_one_instant_share_none(self) -> None:
        instant = "scheduled__2026-11-10T23:30:00+00:00"
        sweep = Scene([growing("web", 4)])
        preparation = Scene([growing("web", 6)])
        preparation.runs = sweep.runs
        sweep.conductor(f"adjust_capacity__{instant}").turn(sweep.due)
        preparation.conductor(f"prepare_events__{instant}").turn(preparation.due)

        assert [run.replicas for run in sweep.runs.started] == [4, 6]

    def test_a_long_name_is_cut_and_stays_its_own(self) -> None:
        first, second = (child_run_id("x" * 300 + end, "web", 0) for end in "ab")

        assert first != second
        assert len(first) == len(second) < 250 - 63

    def test_only_characters_that_airflow_allows_are_left(self) -> None:
        assert child_run_id("manual__a b/c", "web", 1, way="back-") == "web__manual__a-b-c__back-1"

    def test_only_runs_of_the_command_line_begin_as_theirs_do(self) -> None:
        assert child_run_id("cli-1", "web", 0) == "cli-1__web__0"
        assert child_run_id("manual__1", "cli-tools", 0) == "manual__1__cli-tools__0"


class TestPace:
    ORDERS = [growing(f"s{number:03d}") for number in range(100)]  # noqa: RUF012

    def started_after(self, minutes: float, *, every: float, pace: Pace) -> int:
        observation = Scene(self.ORDERS, pace)
        while observation.clock.now() < NOW + timedelta(minutes=minutes):
            observation.turn(every)
        return len(observation.runs.started)

    def test_a_hundred_services_are_started_in_a_minute(self) -> None:
        assert self.started_after(1, every=5.0, pace=Pace(100, 100)) == 100

    def test_a_scheduler_that_is_late_does_not_slow_it_down(self) -> None:
        assert self.started_after(1, every=9.0, pace=Pace(60, 100)) in range(56, 66)

    def test_no_more_services_go_on_at_the_same_time_than_may(self) -> None:
        observation = Scene(self.ORDERS, Pace(100, 4))
        observation.runs.state_of_all = ChildRunState.GOING
        for _ in range(12):
            observation.turn()

        assert len(observation.runs.started) == 4

    def test_a_conductor_that_was_gone_starts_no_hours_worth_at_once(self) -> None:
        observation = Scene(self.ORDERS, Pace(60, 100))
        observation.turn(3600.0)
        before = len(observation.runs.started)
        observation.turn()

        assert len(observation.runs.started) - before <= 60 * 15 / 60


class TestWhatAPreparationTeaches:
    def prepared(self, observation: Scene) -> None:
        while not observation.turn().is_over:
            pass

    def test_how_long_the_whole_took_is_kept_with_its_size(self) -> None:
        observation = Scene([growing("db", 12), growing("web", 6, 12)])
        self.prepared(observation)

        (kept,) = observation.store.preparations()
        assert (kept.run_id, kept.began_at, kept.seconds) == ("prepare_events__r1", NOW, 15.0)
        assert (kept.size.runs, kept.size.pods) == (3, 20)

    def test_one_that_failed_or_had_nothing_to_do_teaches_nothing(self) -> None:
        failed = Scene([growing("web")])
        idle = Scene([ServicePlan(service="web", current=2, steps=())])
        failed.runs.state_of_all = ChildRunState.FAILED
        for observation in (failed, idle):
            self.prepared(observation)
            assert observation.store.preparations() == ()

    def test_a_sweep_and_a_way_back_teach_nothing(self) -> None:
        observation = Scene([growing("web")])
        sweep = Due(began_at=NOW, planned_at=NOW)
        conducted(observation.conductor(), sweep, lambda _turn: None)
        observation.memory = ProcessMemory()
        conducted(observation.conductor(way="back-"), observation.due, lambda _turn: None)

        assert observation.store.preparations() == ()

    def test_one_in_which_a_person_was_asked_teaches_nothing(self) -> None:
        observation = Scene([growing("web")])
        observation.turn()
        observation.store.save(asked_a_person(observation.runs.started[0].run_id))
        self.prepared(observation)

        assert observation.store.preparations() == ()

    def test_a_store_that_is_away_fails_no_preparation(self) -> None:
        class Away(MemoryStore):
            def save_preparation(self, preparation: Preparation) -> None:
                assert preparation.seconds > 0
                raise TemporaryError("the store does not answer", code="store_unavailable")

        observation = Scene([growing("web")], store=Away())
        self.prepared(observation)


def asked_a_person(run_id: str) -> ScalingRun:
    """Return a run that waited for an hour between its plan and its first act."""
    fleet = Fleet({"web": ()})
    run = ScalingRun(
        run_id=run_id,
        policy="web",
        target=fleet.policies["web"].spec.target.workload,
        strategy="in_place",
        requested_by="ada",
        reason="",
        started_at=NOW,
        plan={"current": START, "replicas": 3},
    )
    for name, at in (("calculate_capacity", NOW), ("create_instances", NOW + timedelta(hours=1))):
        run = run.with_phase(
            PhaseRecord(phase=name, status=PhaseStatus.SUCCEEDED, started_at=at, ended_at=at, seconds=0.0)
        )
    return run.with_outcome(RunOutcome.SUCCEEDED, at=NOW + timedelta(hours=1, minutes=1))


class TestNotes:
    INSPECTIONS: ClassVar = {
        "web": Inspection(service="web", current=2, planned=2, expected=2),
        "db": Inspection(service="db", current=2, planned=2, expected=2),
    }

    def fleet(self, store: Path) -> FleetPorts:
        def opened() -> AbstractContextManager[RunStore]:
            return open_store(f"sqlite:///{store}")

        return replace(Fleet({"web": (), "db": ()}).fleet_ports(), clock=ManualClock(NOW), open_store=opened)

    def test_two_preparations_at_one_moment_both_hold_what_they_ask_for(self, tmp_path: Path) -> None:
        fleet = self.fleet(tmp_path / "runs.db")
        together = threading.Barrier(2)
        fleet.open_store().__exit__(None, None, None)  # its tables are there
        events = [FLASH, occurrence("launch", "2026-11-11T10:00", web=7, db=8)]

        def prepare(number: int) -> None:
            due = Due(events=(events[number],), services=("db", "web"), began_at=NOW, planned_at=NOW)
            together.wait()
            decided_orders(fleet, due, self.INSPECTIONS)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(prepare, range(2)))

        sweep = Due(services=("db", "web"), began_at=NOW, planned_at=NOW)
        wanted = {order.service: order.steps[-1] for order in decided_orders(fleet, sweep, self.INSPECTIONS)}
        assert wanted == {"web": 9, "db": 8}  # of each service the larger: no note was lost

    def test_a_dry_run_plans_with_its_event_and_notes_nothing(self, tmp_path: Path) -> None:
        fleet = self.fleet(tmp_path / "runs.db")
        due = Due(events=(FLASH,), services=("db", "web"), began_at=NOW, planned_at=NOW)

        orders = decided_orders(fleet, due, self.INSPECTIONS, is_dry=True)

        assert {order.service: order.steps[-1] for order in orders} == {"web": 9, "db": 3}
        with fleet.open_store() as store:
            assert store.notes(["web", "db"], now=NOW) == {"web": (), "db": ()}


def test_why_a_service_could_not_be_looked_at_is_in_its_report() -> None:
    fleet = replace(Fleet({"web": ()}).fleet_ports(), clock=ManualClock(NOW))
    due = Due(services=("web",), began_at=NOW, planned_at=NOW)
    conductor = Conductor(
        fleet=fleet,
        runs=NotedRuns(),
        memory=ProcessMemory(),
        decide=lambda wanted: decided_orders(fleet, wanted, {}, unseen={"web": str(InputError("x", code="c"))}),
        parent="sweep",
    )

    report = conducted(conductor, due, lambda _turn: None)

    assert report.problems == {"web": "it could not be looked at: x"}


def test_time_is_never_read_but_from_the_clock_that_is_given() -> None:
    observation = Scene([growing("web")], clock=ManualClock(datetime(2001, 1, 1, tzinfo=NOW.tzinfo)))
    observation.turn()

    assert observation.memory.get("started") == {"web/0": "2001-01-01T00:00:00+00:00"}
