"""Whole runs of `prepare_events` and `adjust_capacity` against a world in virtual time."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from support.fleet import START, Fleet, forty
from support.fleet_scene import Scene

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

# Airflow's own: its plugin loader, and the execution API that `dag.test()` asks
pytestmark = pytest.mark.filterwarnings(
    "ignore:GitWildMatchPattern:DeprecationWarning", "ignore:Using `httpx`", "ignore:Multiple rows returned"
)


@pytest.fixture
def observation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    small = {"db": (), "web": ("db",), "mail": ()}
    return Scene(Fleet(small), tmp_path, monkeypatch)


def test_forty_services_are_prepared_in_one_run(bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    observation = Scene(Fleet(forty(), frozenset({"db-4"})), tmp_path, monkeypatch)
    asks = {name: {"multiply": "3x"} for name in forty()}
    start = observation.at(hours=-1)
    observation.calendar(
        {"name": "sale", "start": start, "duration": "6h", "services": asks}, pace={"pods_per_minute": 200}
    )

    state, report = observation.run(bag, "prepare_events", at=observation.fleet.now)

    assert state == "failed"  # for db-4, and it says so
    lost = {"db-4", "proxy-4"}
    lost |= {name for name, after in forty().items() if lost & set(after)}
    lost |= {name for name, after in forty().items() if lost & set(after)} | {"gateway"}
    assert set(report["problems"]) == lost
    assert report["problems"]["proxy-4"].startswith("held back: it comes after db-4, which failed: ")
    replicas = observation.fleet.replicas()
    assert {name for name, count in replicas.items() if count == 3 * START} == set(forty()) - lost
    whole = observation.fleet.whole_at()
    for at, name, _ in observation.fleet.grown():
        assert all(whole[other] <= at for other in observation.fleet.after[name]), name


def test_an_event_is_prepared_held_and_given_back(bag: DagBag, observation: Scene) -> None:
    event = {
        "name": "flash",
        "start": observation.at(minutes=10) + "Z",
        "end": observation.at(hours=1) + "Z",
        "owner": "ada",
    }
    state, report = observation.run(
        bag, "prepare_events", event=event | {"services": {"web": {"multiply": "4x"}, "db": {"replicas": 5}}}
    )
    assert (state, observation.fleet.replicas()) == ("success", {"db": 5, "web": 8, "mail": 2})
    assert "asks for 4x of 2" in report["services"]["web"]

    observation.fleet.start("somebody", "web", 4)  # by hand, against the event
    observation.fleet.tick(60)
    state, report = observation.run(bag, "adjust_capacity")
    assert (state, observation.fleet.replicas()["web"]) == ("success", 8)

    observation.fleet.world.advance(3600)
    for _ in range(3):
        state, report = observation.run(bag, "adjust_capacity")
    assert (state, observation.fleet.replicas()) == ("success", {"db": 2, "web": 2, "mail": 2})
    assert report["services"]["web"].startswith("2 stay: ")


def test_a_floor_under_an_autoscaler_is_raised_held_and_given_back(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observation = Scene(Fleet({"api": ()}, autoscaled=frozenset({"api"})), tmp_path, monkeypatch)
    assert observation.run(bag, "adjust_capacity")[0] == "success"
    assert observation.fleet.runs == {}  # no event, nothing to do

    event = {"name": "flash", "start": observation.at(minutes=10) + "Z", "end": observation.at(days=2) + "Z"}
    state, _ = observation.run(bag, "prepare_events", event=event | {"services": {"api": {"replicas": 5}}})
    assert (state, observation.bounds("api"), observation.fleet.replicas()) == ("success", (5, 5), {"api": 5})

    observation.lower("api", 3)
    observation.fleet.world.advance(60)
    assert observation.run(bag, "adjust_capacity")[0] == "success"
    assert (observation.bounds("api"), observation.fleet.replicas()) == ((5, 5), {"api": 5})

    observation.fleet.world.advance(30 * 3600)  # past strategy.expires
    state, report = observation.run(bag, "adjust_capacity")
    assert report["services"]["api"].startswith("5 stay: ad-hoc.flash.")

    observation.fleet.world.advance(24 * 3600)
    for _ in range(3):
        assert observation.run(bag, "adjust_capacity")[0] == "success"
        observation.fleet.world.advance(900)
    # what somebody lowered it to is what they want it to be
    assert (observation.bounds("api"), observation.fleet.replicas()) == ((3, 5), {"api": 3})
    assert "springtide.dev/floor" not in observation.autoscaler("api")["metadata"]["annotations"]


def told_late(logs: list[MutableMapping[str, Any]]) -> list[str]:
    """Return what was said of preparations that cannot make it."""
    return [entry["message"] for entry in logs if entry["event"] == "event_prepared_late"]


def test_that_an_event_will_be_prepared_late_is_told_before_it_begins_and_once(bag: DagBag, observation: Scene) -> None:
    for service in observation.fleet.after:
        observation.fleet.took(service, 120.0)
    event = {"start": observation.at(minutes=3) + "Z", "end": observation.at(hours=1) + "Z"}

    with capture_logs() as logs:
        observation.run(bag, "prepare_events", event=event | {"name": "one", "services": {"mail": {"replicas": 4}}})
    assert told_late(logs) == []  # two minutes are enough

    event = {"start": observation.at(minutes=3) + "Z", "end": observation.at(hours=1) + "Z"}
    asks = {"web": {"replicas": 4}, "db": {"replicas": 4}}  # one after the other: four are not
    with capture_logs() as logs:
        state, report = observation.run(bag, "prepare_events", event=event | {"name": "two", "services": asks})
    told = told_late(logs)
    assert (state, len(told)) == ("success", 1)
    assert "s after the start" in told[0]
    assert report["late"] == told[0]


def test_a_sweep_and_a_preparation_due_at_one_instant_start_runs_of_their_own(bag: DagBag, observation: Scene) -> None:
    at = observation.fleet.now
    observation.fleet.start("somebody", "web", 1)
    observation.fleet.tick(60)
    assert observation.run(bag, "adjust_capacity", at=at)[0] == "success"  # back to what its demand asks for
    event = {"name": "sale", "start": observation.at(hours=-1), "duration": "6h", "services": {"web": {"replicas": 6}}}
    observation.calendar(event)

    state, _ = observation.run(bag, "prepare_events", at=at)

    assert (state, observation.fleet.replicas()["web"]) == ("success", 6)
    instant = at.isoformat()
    assert list(observation.fleet.runs) == [
        "somebody",
        f"web__adjust_capacity__manual__{instant}__0",
        f"web__prepare_events__manual__{instant}__0",
    ]


def test_a_sweep_in_a_freeze_changes_nothing(bag: DagBag, observation: Scene) -> None:
    freeze = {"name": "year-end", "start": observation.at(hours=-1), "duration": "2d", "reason": "nobody is here"}
    event = {"name": "flash", "start": observation.at(hours=-1), "duration": "3h", "services": {"web": {"replicas": 9}}}
    observation.calendar(event, freezes=[freeze])

    state, report = observation.run(bag, "adjust_capacity")

    assert (state, set(observation.fleet.replicas().values())) == ("success", {START})
    assert "is frozen until" in report["services"]["web"]


def test_a_broken_calendar_fails_one_task_and_not_the_sweep(bag: DagBag, observation: Scene) -> None:
    (observation.folder / "calendars" / "sales.yaml").write_text("spec: [")

    state, report = observation.run(bag, "adjust_capacity")

    assert state == "failed"
    assert report["problems"] == {}
    assert set(report["services"]) == {"db", "web", "mail"}


def test_a_service_that_cannot_be_looked_at_holds_back_what_needs_it_and_fails_the_sweep(
    bag: DagBag, observation: Scene
) -> None:
    event = {"name": "flash", "start": observation.at(hours=-1), "duration": "3h"}
    observation.calendar(event | {"services": {name: {"replicas": 6} for name in ("db", "web", "mail")}})
    (observation.folder / "policies" / "db.yaml").write_text("spec: [")

    state, report = observation.run(bag, "adjust_capacity")

    assert (state, observation.fleet.replicas()) == ("failed", {"db": START, "web": START, "mail": 6})
    assert set(report["problems"]) == {"db", "web"}
    assert report["problems"]["web"].startswith("held back: it comes after db, which failed: it could not be looked at")


def test_what_is_over_is_rehearsed_on_paper(bag: DagBag, observation: Scene) -> None:
    before = len(observation.fleet.world.history.calls)
    event = {
        "name": "past",
        "start": observation.at(hours=-9) + "Z",
        "duration": "1h",
        "services": {"web": {"replicas": 9}},
    }

    state, report = observation.run(bag, "prepare_events", event=event)

    assert state == "success"
    assert report["services"]["web"].startswith("2 → 9 planned; demand asked for at most 2: 0 of 60 minutes short")
    assert len(observation.fleet.world.history.calls) == before  # the cluster was not even read
