"""Whole runs of `prepare_events` and `adjust_capacity` against a world in virtual time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from airflow.sdk import Variable
from ruamel.yaml import YAML

from fleet import START, Fleet, forty
from springtide.errors import InputError, PermanentError
from springtide.events.almanac import Almanac, View
from springtide.events.waves import RunState
from springtide_airflow import child_runs, event_operators, event_runs
from springtide_airflow.event_operators import ScaleServicesSensor
from springtide_airflow.hook import SpringtideHook

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import Context

    from springtide.run.ports import Ports

HERE = Path(__file__).parent

# Airflow's own: its plugin loader, and the execution API that `dag.test()` asks
pytestmark = pytest.mark.filterwarnings(
    "ignore:GitWildMatchPattern:DeprecationWarning", "ignore:Using `httpx`", "ignore:Multiple rows returned"
)


class Scene:
    """A fleet, the calendars and policies that its DAGs see, and time that passes with every turn of theirs."""

    def __init__(self, fleet: Fleet, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fleet, self.folder = fleet, folder
        for name in ("policies", "calendars"):
            (folder / name).mkdir()
            monkeypatch.setenv(f"SPRINGTIDE_{name.upper()}", str(folder / name))
        monkeypatch.setenv("SPRINGTIDE_KNOWN_EVENTS", str(folder / "known.json"))
        for name in fleet.after:
            self._write(f"policies/{name}.yaml", fleet.document(name))
        monkeypatch.setattr(SpringtideHook, "ports", self._ports)
        monkeypatch.setattr(event_operators, "utc_now", lambda: fleet.now)
        monkeypatch.setattr(child_runs, "start", self._start)
        monkeypatch.setattr(child_runs, "state", self._state)
        monkeypatch.setattr(event_runs, "_why", lambda run_id: fleet.runs[run_id].message)
        turn = ScaleServicesSensor.poke

        def turn_and_tick(sensor: ScaleServicesSensor, context: Context) -> Any:
            answer = turn(sensor, context)
            fleet.tick(5.0)
            return answer

        monkeypatch.setattr(ScaleServicesSensor, "poke", turn_and_tick)

    def calendar(self, *events: dict[str, Any], **spec: Any) -> None:
        document = {
            "apiVersion": "springtide/v1",
            "kind": "EventCalendar",
            "metadata": {"name": "sales", "owner": "commerce"},
            "spec": {"timezone": "UTC", "events": list(events)} | spec,
        }
        self._write("calendars/sales.yaml", document)

    def at(self, **ahead: float) -> str:
        return f"{self.fleet.now + timedelta(**ahead):%Y-%m-%dT%H:%M}"

    def autoscaler(self, name: str) -> dict[str, Any]:
        found = self.fleet.world.get("horizontalpodautoscalers", "shop", name)
        assert found is not None
        return found

    def bounds(self, name: str) -> tuple[int, int]:
        spec = self.autoscaler(name)["spec"]
        return spec["minReplicas"], spec["maxReplicas"]

    def lower(self, name: str, least: int) -> None:
        found = self.autoscaler(name)
        self.fleet.world.apply(found | {"spec": found["spec"] | {"minReplicas": least}})

    def _write(self, name: str, document: Any) -> None:
        with (self.folder / name).open("w") as file:
            YAML(typ="safe", pure=True).dump(json.loads(json.dumps(document)), file)

    @contextmanager
    def _ports(self, _on_wait: object) -> Iterator[Ports]:
        yield self.fleet.ports()

    def _start(self, _context: object, run_id: str, conf: dict[str, Any]) -> None:
        self.fleet.start(run_id, conf["service"], conf["replicas"], conf.get("until"))

    def _state(self, _context: object, run_id: str) -> RunState:
        return self.fleet.runs[run_id].state


def run(bag: DagBag, dag_id: str, *, at: datetime | None = None, **conf: Any) -> tuple[str, dict[str, Any]]:
    """Run a DAG to its end, `at` its logical date; return how it ended, and what its report says."""
    dag = deepcopy(bag.dags[dag_id])  # the bag is for the whole session
    dag.deadline = None  # Airflow 3.3.2 takes the second `dag.test()` of a DAG with a deadline for a broken one
    sensor = next(task for task in dag.tasks if isinstance(task, ScaleServicesSensor))
    sensor.mode, sensor.poke_interval = "poke", 0.0
    for task in dag.tasks:
        task.retries = 0
    done = dag.test(run_conf=conf or None, logical_date=at)
    found = {ti.task_id: ti for ti in done.get_task_instances()}
    report = found[sensor.task_id].xcom_pull(task_ids=sensor.task_id) or {}
    return str(done.state.value), report


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    small = {"db": (), "web": ("db",), "mail": ()}
    return Scene(Fleet(small), tmp_path, monkeypatch)


def forget(*services: str) -> None:
    for service in services:
        Variable.delete(f"springtide_floor.{service}")


def test_forty_services_are_prepared_in_one_run(bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(Fleet(forty(), frozenset({"db-4"})), tmp_path, monkeypatch)
    asks = {name: {"multiply": "3x"} for name in forty()}
    start = scene.at(hours=-1)
    scene.calendar({"name": "sale", "start": start, "duration": "6h", "services": asks}, pace={"pods_per_minute": 200})

    state, report = run(bag, "prepare_events", at=scene.fleet.now)

    assert state == "failed"  # for db-4, and it says so
    lost = {"db-4", "proxy-4"}
    lost |= {name for name, after in forty().items() if lost & set(after)}
    lost |= {name for name, after in forty().items() if lost & set(after)} | {"gateway"}
    assert set(report["problems"]) == lost
    assert report["problems"]["proxy-4"].startswith("held back: it comes after db-4, which failed: ")
    replicas = scene.fleet.replicas()
    assert {name for name, count in replicas.items() if count == 3 * START} == set(forty()) - lost
    whole = scene.fleet.whole_at()
    for at, name, _ in scene.fleet.grown():
        assert all(whole[other] <= at for other in scene.fleet.after[name]), name


def test_an_event_is_prepared_held_and_given_back(bag: DagBag, scene: Scene) -> None:
    event = {"name": "flash", "start": scene.at(minutes=10) + "Z", "end": scene.at(hours=1) + "Z", "owner": "ada"}
    state, report = run(
        bag, "prepare_events", event=event | {"services": {"web": {"multiply": "4x"}, "db": {"replicas": 5}}}
    )
    assert (state, scene.fleet.replicas()) == ("success", {"db": 5, "web": 8, "mail": 2})
    assert "asks for 4x of 2" in report["services"]["web"]

    scene.fleet.start("somebody", "web", 4)  # by hand, against the event
    scene.fleet.tick(60)
    state, report = run(bag, "adjust_capacity")
    assert (state, scene.fleet.replicas()["web"]) == ("success", 8)

    scene.fleet.world.advance(3600)
    for _ in range(3):
        state, report = run(bag, "adjust_capacity")
    assert (state, scene.fleet.replicas()) == ("success", {"db": 2, "web": 2, "mail": 2})
    assert report["services"]["web"].startswith("2 stay: ")


def test_a_floor_under_an_autoscaler_is_raised_held_and_given_back(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(Fleet({"api": ()}, autoscaled=frozenset({"api"})), tmp_path, monkeypatch)
    assert run(bag, "adjust_capacity")[0] == "success"
    assert scene.fleet.runs == {}  # no event, nothing to do

    event = {"name": "flash", "start": scene.at(minutes=10) + "Z", "end": scene.at(days=2) + "Z"}
    state, _ = run(bag, "prepare_events", event=event | {"services": {"api": {"replicas": 5}}})
    assert (state, scene.bounds("api"), scene.fleet.replicas()) == ("success", (5, 5), {"api": 5})

    scene.lower("api", 3)
    scene.fleet.world.advance(60)
    assert run(bag, "adjust_capacity")[0] == "success"
    assert (scene.bounds("api"), scene.fleet.replicas()) == ((5, 5), {"api": 5})

    scene.fleet.world.advance(30 * 3600)  # past strategy.expires
    state, report = run(bag, "adjust_capacity")
    assert report["services"]["api"].startswith("5 stay: ad-hoc.flash.")

    scene.fleet.world.advance(24 * 3600)
    for _ in range(3):
        assert run(bag, "adjust_capacity")[0] == "success"
        scene.fleet.world.advance(900)
    # what somebody lowered it to is what they want it to be
    assert (scene.bounds("api"), scene.fleet.replicas()) == ((3, 5), {"api": 3})
    assert "springtide.dev/floor" not in scene.autoscaler("api")["metadata"]["annotations"]


def test_that_an_event_will_be_prepared_late_is_told_before_it_begins_and_once(
    bag: DagBag, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(event_operators, "tell_late_now", lambda _run, words: told.append(words))
    monkeypatch.setattr(event_runs, "measure", lambda services: {"runs": {name: [120.0] for name in services}})
    event = {"start": scene.at(minutes=3) + "Z", "end": scene.at(hours=1) + "Z"}

    run(bag, "prepare_events", event=event | {"name": "one", "services": {"mail": {"replicas": 4}}})
    assert told == []  # two minutes are enough

    event = {"start": scene.at(minutes=3) + "Z", "end": scene.at(hours=1) + "Z"}
    asks = {"web": {"replicas": 4}, "db": {"replicas": 4}}  # one after the other: four are not
    state, report = run(bag, "prepare_events", event=event | {"name": "two", "services": asks})
    assert (state, len(told)) == ("success", 1)
    assert "s after the start" in told[0]
    assert report["late"] == told[0]


def test_a_sweep_in_a_freeze_changes_nothing(bag: DagBag, scene: Scene) -> None:
    freeze = {"name": "year-end", "start": scene.at(hours=-1), "duration": "2d", "reason": "nobody is here"}
    event = {"name": "flash", "start": scene.at(hours=-1), "duration": "3h", "services": {"web": {"replicas": 9}}}
    scene.calendar(event, freezes=[freeze])

    state, report = run(bag, "adjust_capacity")

    assert (state, set(scene.fleet.replicas().values())) == ("success", {START})
    assert "is frozen until" in report["services"]["web"]


def test_a_broken_calendar_fails_one_task_and_not_the_sweep(bag: DagBag, scene: Scene) -> None:
    (scene.folder / "calendars" / "sales.yaml").write_text("spec: [")

    state, report = run(bag, "adjust_capacity")

    assert state == "failed"
    assert report["problems"] == {}
    assert set(report["services"]) == {"db", "web", "mail"}


def test_a_service_that_cannot_be_looked_at_holds_back_what_needs_it_and_fails_the_sweep(
    bag: DagBag, scene: Scene
) -> None:
    event = {"name": "flash", "start": scene.at(hours=-1), "duration": "3h"}
    scene.calendar(event | {"services": {name: {"replicas": 6} for name in ("db", "web", "mail")}})
    (scene.folder / "policies" / "db.yaml").write_text("spec: [")

    state, report = run(bag, "adjust_capacity")

    assert (state, scene.fleet.replicas()) == ("failed", {"db": START, "web": START, "mail": 6})
    assert set(report["problems"]) == {"db", "web"}
    assert report["problems"]["web"].startswith("held back: it comes after db, which failed: it could not be looked at")


def test_what_is_over_is_rehearsed_on_paper(bag: DagBag, scene: Scene) -> None:
    before = len(scene.fleet.world.history.calls)
    event = {"name": "past", "start": scene.at(hours=-9) + "Z", "duration": "1h", "services": {"web": {"replicas": 9}}}

    state, report = run(bag, "prepare_events", event=event)

    assert state == "success"
    assert report["services"]["web"].startswith("2 → 9 planned; demand asked for at most 2: 0 of 60 minutes short")
    assert len(scene.fleet.world.history.calls) == before  # the cluster was not even read


ASKED = {"name": "a", "start": "2026-11-11T10:00Z", "services": {"web": {"replicas": 3}}}


class TestWhatIsDue:
    NOW = datetime(2026, 11, 11, 9, 0, tzinfo=UTC)

    def due(self, asked: object = None, *, starts: str = "2026-11-11T10:00", backfill: bool = False) -> event_runs.Due:
        from unit.events.calendars import calendar

        event = {"name": "flash", "start": starts, "duration": "1h", "services": {"web": {"replicas": 9}}}
        almanac = Almanac((View.of(calendar("UTC", event), HERE, now=self.NOW),))
        end = self.NOW.replace(hour=10)
        facts = {"conf": {"event": asked}, "data_interval_start": self.NOW, "data_interval_end": end, "run_after": end}
        context = cast("Context", {"dag_run": SimpleNamespace(**facts)})
        return event_runs.due_events(context, almanac, self.NOW, is_backfill=backfill)

    def test_a_run_is_about_what_begins_at_the_end_of_its_interval(self) -> None:
        assert [one.event for one in self.due().events] == ["flash"]
        assert not self.due().is_paper
        assert self.due(backfill=True).is_paper

    @pytest.mark.parametrize("empty", [None, {}])
    def test_an_empty_form_asks_for_no_event_of_its_own(self, empty: object) -> None:
        assert [one.event for one in self.due(empty).events] == ["flash"]

    def test_an_event_that_was_taken_out_is_told(self) -> None:
        with pytest.raises(PermanentError, match="no event of the calendars begins or lasts at 2026-11-11 10:00"):
            self.due(starts="2026-11-11T12:00")

    @pytest.mark.parametrize(
        "asked",
        [
            "flash", [], 7, {"name": "flash"}, {"name": "Flash Sale", "start": "2026-11-11T10:00Z"},
            ASKED | {"end": "2026-11-11T09:00Z"}, ASKED | {"duration": "1h", "services": {"web": {"replicas": 0}}},
            ASKED | {"duration": "1h", "repeat": "FREQ=DAILY", "start": "2026-11-11T10:00"},
        ],
    )  # fmt: skip
    def test_an_event_in_a_runs_conf_is_judged_like_one_in_a_calendar(self, asked: object) -> None:
        with pytest.raises(InputError) as refused:
            self.due(asked)

        assert refused.value.code == "event_invalid"
