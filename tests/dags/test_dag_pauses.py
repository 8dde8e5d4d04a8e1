"""`pause_service` in Airflow, a sweep that meets a paused service, and the first sweep after they were turned on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from springtide.policy.reading.folder import PolicyFolder
from springtide.settings import Settings
from support.fleet import START, Fleet
from support.fleet_scene import Scene, SceneWiring

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

    from springtide.notify.facts import Fact

# Airflow's own: its plugin loader, and the execution API that `dag.test()` asks
pytestmark = pytest.mark.filterwarnings(
    "ignore:GitWildMatchPattern:DeprecationWarning", "ignore:Using `httpx`", "ignore:Multiple rows returned"
)

WHY = "its cache is cold"


class Told:
    """Keeps the facts that people would be told."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def tell(self, *facts: Fact) -> None:
        self.facts += facts


class TellingWiring(SceneWiring):
    """A scene's, whose facts are kept."""

    def __init__(self, scene: Scene, told: Told) -> None:
        super().__init__(scene)
        self.told = told

    def teller(self) -> Any:
        return self.told


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(Fleet({"checkout": (), "search": ()}), tmp_path, monkeypatch)


def wanted(scene: Scene, **replicas: int) -> None:
    """Let an event that goes on ask for so many."""
    asks = {name: {"replicas": number} for name, number in replicas.items()}
    scene.calendar({"name": "sale", "start": scene.at(hours=-1), "duration": "6h", "services": asks})


def test_a_service_is_paused_met_by_a_sweep_and_resumed(bag: DagBag, scene: Scene) -> None:
    told = Told()
    state, done = scene.run(bag, "pause_service", wiring=TellingWiring(scene, told), service="checkout", reason=WHY)
    assert (state, done["action"], done["pause"]["service"]) == ("success", "pause", "checkout")
    (fact,) = told.facts
    assert (fact.kind, fact.subject) == ("paused", "checkout")

    wanted(scene, search=4)
    state, report = scene.run(bag, "adjust_capacity")
    assert (state, scene.fleet.replicas()) == ("success", {"checkout": START, "search": 4})
    assert report["services"]["checkout"].startswith(f"{START} stay: checkout is paused by ")
    assert WHY in report["paused"]["checkout"]

    wanted(scene, checkout=5, search=4)
    state, report = scene.run(bag, "adjust_capacity")
    assert (state, scene.fleet.replicas()["checkout"]) == ("failed", START)  # the sale lacks three of it
    assert "asks for 5, and 2 stay: checkout is paused by" in report["attention"]["checkout"]

    state, done = scene.run(bag, "pause_service", service="checkout", action="resume", reason="it is warm")
    assert (state, "checkout is resumed by" in done["message"]) == ("success", True)

    state, _ = scene.run(bag, "adjust_capacity")
    assert (state, scene.fleet.replicas()["checkout"]) == ("success", 5)


def test_a_run_that_resumes_nothing_ends_failed(bag: DagBag, scene: Scene) -> None:
    assert scene.run(bag, "pause_service", service="checkout", action="resume", reason=WHY) == ("failed", {})


def test_an_end_that_is_over_is_refused_inside_the_task_too(bag: DagBag, scene: Scene) -> None:
    past = (scene.fleet.now - timedelta(days=9)).isoformat()

    assert scene.run(bag, "pause_service", service="checkout", reason=WHY, until=past) == ("failed", {})
    assert scene.fleet.store.pauses(now=scene.fleet.now) == {}


def test_the_form_offers_the_services_and_takes_no_empty_reason(bag: DagBag, tmp_path: Path) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    from springtide_airflow.pausing import pause_params

    (tmp_path / "checkout.yaml").touch()
    assert pause_params(PolicyFolder(tmp_path))["service"].schema["enum"] == ["checkout"]
    with pytest.raises(ParamValidationError):
        bag.dags["pause_service"].params.get_param("reason").resolve("")


def test_the_first_sweep_only_plans_and_the_next_one_acts(
    bag: DagBag, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPRINGTIDE_SWEEP_PLANS_AFTER", "4")
    wanted(scene, checkout=5)

    state, report = scene.run(bag, "adjust_capacity")
    assert (state, scene.fleet.replicas()["checkout"]) == ("success", START)
    assert report["planned_only"] == {"checkout": 5}
    assert "first sweep after it was turned on: only planned; the next one acts" in report["services"]["checkout"]

    scene.fleet.world.advance(900)
    scene.run(bag, "adjust_capacity")
    assert scene.fleet.replicas()["checkout"] == 5


def test_sweeps_are_due_by_the_schedule_as_airflow_reads_it(scene: Scene) -> None:
    from springtide_airflow.sweeps import next_sweep

    settings = Settings.from_environment(
        {"SPRINGTIDE_SWEEP_CRON": "*/15 8-18 * * mon-fri", "SPRINGTIDE_SWEEP_TIMEZONE": "Europe/Berlin"}
    )
    friday = scene.fleet.now.replace(year=2026, month=11, day=27, hour=18, minute=30)

    after = next_sweep(settings, friday)

    assert after is not None
    assert after.isoformat() == "2026-11-30T07:00:00+00:00"
