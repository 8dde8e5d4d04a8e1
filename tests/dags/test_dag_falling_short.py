"""An event that gets less than it asks for: its preparation ends failed, and the sweep's check cries before it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.fleet import Fleet
from support.fleet_scene import Scene

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

# Airflow's own: its plugin loader, and the execution API that `dag.test()` asks
pytestmark = pytest.mark.filterwarnings(
    "ignore:GitWildMatchPattern:DeprecationWarning", "ignore:Using `httpx`", "ignore:Multiple rows returned"
)


@pytest.fixture
def observation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(Fleet({"db": (), "web": ("db",)}), tmp_path, monkeypatch)


def test_a_preparation_that_falls_short_ends_failed_with_both_numbers(bag: DagBag, observation: Scene) -> None:
    event = {
        "name": "flash",
        "start": observation.at(minutes=10) + "Z",
        "end": observation.at(hours=1) + "Z",
        "services": {"web": {"replicas": 80}, "db": {"replicas": 5}},
    }

    state, report = observation.run(bag, "prepare_events", event=event)

    assert (state, observation.fleet.replicas()) == ("failed", {"db": 5, "web": 50})
    assert "80 are asked for and 50 stand: " in report["problems"]["web"]
    assert "80 is above replicas.max 50, so 50" in report["problems"]["web"]


def test_the_sweep_goes_on_and_its_check_fails_before_an_event_that_cannot_be_met(
    bag: DagBag, observation: Scene, capfd: pytest.CaptureFixture[str]
) -> None:
    asks = {"web": {"replicas": 80}}
    observation.calendar(
        {"name": "flash", "start": observation.at(hours=20), "duration": "1h", "lead": "1h", "services": asks}
    )

    state, report = observation.run(bag, "adjust_capacity")

    assert (state, report["problems"]) == ("failed", {})
    told = " ".join(capfd.readouterr())
    assert "web: asks for 80, replicas.max is 50, so it gets 50. Raise replicas.max to 80" in told


def test_an_event_far_ahead_does_not_fail_the_check(bag: DagBag, observation: Scene) -> None:
    asks = {"web": {"replicas": 80}}
    observation.calendar(
        {"name": "flash", "start": observation.at(days=9), "duration": "1h", "lead": "1h", "services": asks}
    )

    assert observation.run(bag, "adjust_capacity")[0] == "success"
