"""Whole runs of `rehearse_event` against a world in virtual time; only the requests of the load are made up."""

from __future__ import annotations

from array import array
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from airflow.sdk import TriggerRule

from springtide.demand.model import DemandSeries
from springtide.errors import InputError, PermanentError
from springtide.events.calendars import Calendars
from springtide.events.rehearsed import RehearsalVerdict
from springtide.events.waves import ChildRunState
from springtide.fleet.conductor import Conductor, Decide
from springtide.fleet.looking import look_at
from springtide.fleet.memory import ProcessMemory
from springtide.fleet.rehearsal import WAY_BACK, ServiceRehearsal
from springtide.fleet.rehearsal_bounds import PARAMETERS
from springtide.fleet.rehearsal_request import begin_rehearsal, rehearsal_asked
from springtide.fleet.report import FleetReport
from springtide.load.recorder import LoadReport, Percentiles
from springtide.load.windows import LoadWindow
from springtide.policy.reading.folder import PolicyFolder
from springtide.training.durations import measured_runs
from springtide_airflow.folders import policy_folder
from springtide_airflow.parameters import rehearsal_params
from support.fleet import START, Fleet, policy_document
from support.fleet_scene import Scene, SceneWiring

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import Context

    from springtide.events.rehearsal import LoadOrder

# Airflow's own: its plugin loader, and the execution API that `dag.test()` asks
pytestmark = pytest.mark.filterwarnings(
    "ignore:GitWildMatchPattern:DeprecationWarning", "ignore:Using `httpx`", "ignore:Multiple rows returned"
)

PER_REPLICA = 70.0
PRESENT = 100.0
"""Demand that asks for two replicas of 70 requests/s."""


class Steady:
    """Demand that never changes."""

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        times = np.arange(start.timestamp(), end.timestamp() + 1, step.total_seconds())
        return DemandSeries(times=times, values=np.full(len(times), PRESENT), unit="requests/s", source="a test")


class Generator:
    """In the place of the load generator: `capacity` requests/s are answered in time."""

    def __init__(self, fleet: Fleet, capacity: float = 10_000) -> None:
        self.fleet = fleet
        self.capacity = capacity
        self.sent: list[LoadOrder] = []
        self.at: list[dict[str, int]] = []

    def __call__(self, _url: str, order: LoadOrder, _watch: object, _clock: object) -> LoadReport:
        self.sent.append(order)
        self.at.append(self.fleet.replicas())
        good = int(min(order.rate, self.capacity))
        is_late = order.rate > self.capacity
        second = LoadWindow(good, 0, array("d", [0.01] * good))
        seconds = 20.0 if is_late else order.seconds
        requests = int(order.rate * seconds)
        return LoadReport(
            url="", keepalive=False, started_at=self.fleet.now, rate_asked=order.rate, rate_achieved=order.rate,
            seconds=seconds, requests=requests, failed=0, resent=0, errors={}, first_error=None, last_error=None,
            longest_gap=0.1, latency_ms=Percentiles(8.0, 12.0, 20.0), lateness_ms=Percentiles(0.0, 0.0, 0.0),
            answers={}, answered={}, failures=(), stopped="p99 was 1200 ms" if is_late else None, is_late=is_late,
            windows=(second,) * int(seconds),
        )  # fmt: skip


@pytest.fixture
def observation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    found = Scene(Fleet({"db": (), "web": ("db",)}), tmp_path, monkeypatch)
    document = policy_document("web", ("db",))
    document["spec"] |= {
        "demand": {"source": "file", "path": "demand.csv", "unit": "requests/s"},
        "capacity": {"models": [{"model": "target_utilization", "per_replica": 100, "target": 0.7}]},
        "smoke": [{"http": {"path": "/healthz", "samples": 3}}],
        "rehearsal": {"max_rate": 1000, "duration": "1m"},
    }
    found.policy(document)
    found.fleet.demand = lambda policy: Steady() if policy.name == "web" else None
    return found


@pytest.fixture
def generator(observation: Scene) -> Generator:
    found = Generator(observation.fleet)
    observation.send = found
    return found


ASKED: dict[str, Any] = {
    "event": None,
    "services": {"web": {"multiply": "3x"}, "db": {"replicas": 4}},
    "minutes": 60,
    "load_test": True,
    "max_rate": 1000,
    "seconds": 60,
    "confirm": True,
}
"""Every value: `dag.test()` keeps those of the run before in the place of defaults."""


def test_a_rehearsal_prepares_loads_judges_and_gives_everything_back(
    bag: DagBag, observation: Scene, generator: Generator
) -> None:
    state, report = observation.run(bag, "rehearse_event", **ASKED)

    assert (state, observation.fleet.replicas()) == ("success", {"db": START, "web": START})
    assert observation.note.startswith("rehearse_event: held")
    assert "    now: web: " in observation.note
    assert report["standing"] == {"db": 4, "web": 6}
    assert generator.at == [{"db": 4, "web": 6}]
    assert [(one.service, one.peak, one.present, one.rate) for one in generator.sent] == [("web", 300, 100, 200)]
    asked = [(one.request.policy.name, one.request.replicas) for one in observation.fleet.runs.values()]
    assert asked == [("db", 4), ("web", 6), ("web", 3), ("web", 2), ("db", 2)]  # the way back: by half at most
    (web,) = observation.fleet.store.rehearsals("web")
    assert (web.verdict, web.message[:36]) == (RehearsalVerdict.HELD, "held: 6 replicas, 200 of 200 request")
    assert web.measured is not None
    assert (web.measured.per_replica, web.measured.is_limit) == (50, False)
    (db,) = observation.fleet.store.rehearsals("db")
    assert (db.verdict, db.message) == (
        RehearsalVerdict.NOT_TESTED,
        f"2 → 4: {db.event} asks for 4; no load: the policy has no `rehearsal`",
    )

    observation.run(bag, "adjust_capacity")
    assert observation.fleet.replicas() == {"db": START, "web": START}  # nothing asks for it any more


def test_its_runs_are_ordinary_ones_that_the_lead_is_learned_from(
    bag: DagBag, observation: Scene, generator: Generator
) -> None:
    observation.run(bag, "rehearse_event", **ASKED)

    assert generator.sent
    seconds, last = measured_runs(observation.fleet.store, "web")
    assert len(seconds) == 3  # there, and back in two steps
    assert all(one > 0 for one in seconds)
    assert last == START


def test_what_would_not_hold_fails_the_run_and_raises_what_is_asked_for_next(
    bag: DagBag, observation: Scene, generator: Generator
) -> None:
    generator.capacity = 110

    state, _ = observation.run(bag, "rehearse_event", **ASKED)

    assert (state, observation.fleet.replicas()) == ("failed", {"db": START, "web": START})
    assert observation.note.startswith("rehearse_event: would not hold\n")
    (web,) = observation.fleet.store.rehearsals("web")
    assert web.verdict is RehearsalVerdict.WOULD_NOT_HOLD
    assert web.message.endswith("p99 was 1200 ms. One replica serves 35 requests/s: the peak needs 9 of them")

    state, report = observation.run(bag, "rehearse_event", **(ASKED | {"load_test": False}))
    assert (state, report["standing"]["web"]) == ("success", 9)  # 3x of 3, not of 2


def test_nothing_is_rehearsed_unless_it_is_confirmed(bag: DagBag, observation: Scene, generator: Generator) -> None:
    before = len(observation.fleet.world.history.calls)

    state, _ = observation.run(bag, "rehearse_event", **(ASKED | {"confirm": False}))

    assert (state, generator.sent) == ("failed", [])
    assert len(observation.fleet.world.history.calls) == before


def test_a_service_that_cannot_be_prepared_would_not_hold_and_the_others_are_given_back(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observation = Scene(Fleet({"db": (), "web": ("db",), "mail": ()}, frozenset({"db"})), tmp_path, monkeypatch)
    asks = {name: {"replicas": 4} for name in observation.fleet.after}

    state, _ = observation.run(bag, "rehearse_event", **(ASKED | {"services": asks}))

    assert (state, observation.fleet.replicas()) == ("failed", {"db": START, "web": START, "mail": START})
    (web,) = observation.fleet.store.rehearsals("web")
    assert web.message.startswith("could not be prepared: held back: it comes after db, which failed: ")


def test_a_load_test_that_dies_is_given_back_all_the_same(bag: DagBag, observation: Scene) -> None:
    def dies(*_: object) -> LoadReport:
        raise RuntimeError("the worker is gone")

    observation.send = dies

    state, _ = observation.run(bag, "rehearse_event", **ASKED)

    assert (state, observation.fleet.replicas()) == ("failed", {"db": START, "web": START})


def test_a_load_that_was_begun_is_not_sent_again(observation: Scene, generator: Generator) -> None:
    fleet = replace(observation.fleet.fleet_ports(policy_folder()), send=generator)
    facts = look_at(fleet, ["web"], waits=True).seen["web"]
    load = ServiceRehearsal(
        fleet=fleet,
        rehearsal=begin_rehearsal(fleet, ASKED, requested_by="a test"),
        service="web",
        run_id="r1",
        inspection=facts,
        prepared=FleetReport(services={"web": ""}, problems={}, standing={"web": 6}),
        memory=ProcessMemory(),
    )

    observation.fleet.start("prepared", "web", 6)
    for _ in range(60):
        observation.fleet.tick()
    load.test()
    with pytest.raises(PermanentError) as refused:
        load.test()

    assert (refused.value.code, len(generator.sent)) == ("load_test_interrupted", 1)


class NoWayBack(SceneWiring):
    """Something is broken on the way back."""

    def conductor(self, context: Context, decide: Decide, *, way: str = "") -> Conductor:
        """Return a conductor, but none for the way back."""
        assert way != WAY_BACK
        return super().conductor(context, decide, way=way)


def test_what_a_rehearsal_that_died_left_behind_is_given_back_by_the_sweep_when_it_expires(
    bag: DagBag, observation: Scene, generator: Generator
) -> None:
    observation.run(bag, "rehearse_event", wiring=NoWayBack(observation), **(ASKED | {"minutes": 30}))
    assert (len(generator.sent), observation.fleet.replicas()) == (1, {"db": 4, "web": 6})

    observation.run(bag, "adjust_capacity")
    assert observation.fleet.replicas() == {"db": 4, "web": 6}  # it counts until it expires

    observation.fleet.world.advance(1800)
    for _ in range(3):
        observation.run(bag, "adjust_capacity")
    assert observation.fleet.replicas() == {"db": START, "web": START}


def test_an_event_that_begins_meanwhile_keeps_what_it_asks_for(
    bag: DagBag, observation: Scene, generator: Generator
) -> None:
    def begins(*order: Any) -> LoadReport:
        event = {"name": "flash", "start": observation.at(minutes=-1), "duration": "1h"}
        observation.calendar(event | {"services": {"web": {"replicas": 5}}})
        return generator(*order)

    observation.send = begins

    state, _ = observation.run(bag, "rehearse_event", **ASKED)

    assert (state, observation.fleet.replicas()) == ("success", {"db": START, "web": 5})


def test_the_way_back_waits_for_a_run_that_owns_the_service(
    bag: DagBag, observation: Scene, generator: Generator
) -> None:
    def somebody(*order: Any) -> LoadReport:
        report = generator(*order)
        observation.fleet.start("somebody", "db", 5)
        return report

    observation.send = somebody

    state, _ = observation.run(bag, "rehearse_event", **ASKED)

    assert observation.fleet.runs["somebody"].state is ChildRunState.SUCCEEDED
    assert (state, observation.fleet.replicas()) == ("success", {"db": START, "web": START})


def test_a_floor_is_raised_until_the_rehearsal_is_over_and_given_back(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observation = Scene(Fleet({"web": ()}, autoscaled=frozenset({"web"})), tmp_path, monkeypatch)

    state, report = observation.run(bag, "rehearse_event", **(ASKED | {"services": {"web": {"replicas": 4}}}))

    assert (state, report["standing"], observation.bounds("web")) == ("success", {"web": 4}, (START, 5))
    assert "springtide.dev/floor" not in observation.autoscaler("web")["metadata"]["annotations"]
    assert [one.request.is_release for one in observation.fleet.runs.values()] == [False, True]


def test_the_way_back_and_the_report_are_teardowns_of_what_began_it(bag: DagBag) -> None:
    dag = bag.dags["rehearse_event"]
    back = dag.get_task("release_services")
    report = dag.get_task("report")

    for last in (back, report):  # a run that is marked as failed skips every other task
        assert last.is_teardown
        assert last.on_failure_fail_dagrun
        assert last.trigger_rule == TriggerRule.ALL_DONE_SETUP_SUCCESS
        assert "find_event" in last.upstream_task_ids
    assert dag.get_task("find_event").is_setup
    assert {"find_event", "load_test"} <= back.upstream_task_ids
    assert [task.task_id for task in dag.leaves] == ["report"]


def test_the_form_has_the_fields_that_are_judged(tmp_path: Path) -> None:
    assert tuple(rehearsal_params(PolicyFolder(tmp_path), ())) == PARAMETERS


class TestWhatIsAsked:
    GOOD: dict[str, Any] = {"services": {"web": {"replicas": 3}}, "confirm": True}  # noqa: RUF012

    def test_its_grants_begin_now_and_expire(self, observation: Scene) -> None:
        asked = rehearsal_asked(self.GOOD | {"minutes": 30}, Calendars(), observation.fleet.now)

        assert asked.occurrence.id.startswith("ad-hoc.rehearsal.")
        assert (asked.occurrence.end - asked.occurrence.start).total_seconds() == 1800
        assert asked.occurrence.priority == 0

    def test_an_event_that_was_added_is_named_beside_what_it_asks_for(self, observation: Scene) -> None:
        added = "ad-hoc.flash.20261127T180000Z"

        asked = rehearsal_asked(self.GOOD | {"event": added}, Calendars(), observation.fleet.now)

        assert asked.event == added
        assert {name: ask.replicas for name, ask in asked.occurrence.asks.items()} == {"web": 3}

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"confirm": False}, "confirm"), ({"confirm": "true"}, "confirm"), ({"max_rate": 0}, "max_rate"),
            ({"max_rate": 2001}, "max_rate"), ({"max_rate": float("inf")}, "max_rate"),
            ({"max_rate": float("nan")}, "max_rate"), ({"max_rate": None}, "max_rate"),
            ({"max_rate": True}, "max_rate"),
            ({"seconds": 601}, "seconds"), ({"seconds": 9}, "seconds"), ({"minutes": 4}, "minutes"),
            ({"minutes": 241}, "minutes"), ({"minutes": "60"}, "minutes"), ({"load_test": 1}, "load_test"),
            ({"reason": "two\nlines"}, "reason"), ({"reason": "x" * 501}, "reason"), ({"rate": 5}, "rate"),
            ({"services": None}, "event"), ({"event": "flash"}, "event"),
            ({"event": "ad-hoc." + "x" * 250}, "event"), ({"services": {"web": {}}}, "event"),
            ({"services": {"web": {"replicas": 0}}}, "event"), ({"services": None, "event": "nosuch"}, "event"),
        ],
    )  # fmt: skip
    def test_anything_unbounded_or_unknown_is_refused(
        self, observation: Scene, changes: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(InputError) as refused:
            rehearsal_asked(self.GOOD | changes, Calendars(), observation.fleet.now)

        assert refused.value.field == field
