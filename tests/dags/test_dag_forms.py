"""The forms of Airflow's pages: services and events to choose from, no box for JSON, no regular expression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from springtide.policy.reading.folder import PolicyFolder
from springtide_airflow.folders import known_events
from springtide_airflow.parameters import approval_params, event_params, rehearsal_params, scaling_params

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag

CALENDAR = """
apiVersion: springtide/v1
kind: EventCalendar
metadata: {name: sales, owner: shop}
spec:
  timezone: UTC
  events:
    - {name: launch, start: "2026-11-27T18:00", end: "2026-11-27T22:00", services: {checkout: {multiply: 3x}}}
    - {name: flash, start: "2026-12-24T18:00", end: "2026-12-24T22:00", services: {checkout: {replicas: 8}}}
"""
FORMS = ("scale_service", "prepare_events", "rehearse_event", "approve_event")


@pytest.fixture
def calendars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPRINGTIDE_CALENDARS", str(tmp_path))
    (tmp_path / "sales.yaml").write_text(CALENDAR)
    (tmp_path / "broken.yaml").write_text("no: calendar")
    return tmp_path


@pytest.mark.parametrize("name", FORMS)
def test_no_field_is_a_box_for_json_or_answered_by_a_regular_expression(bag: DagBag, name: str) -> None:
    params = bag.dags[name].params
    for field in map(params.get_param, params):
        kinds = field.schema.get("type", [])
        assert "object" not in kinds, field.schema
        assert "pattern" not in str(field.schema), field.schema
        assert field.schema["title"]
        assert field.description


@pytest.mark.parametrize("name", FORMS)
def test_no_reason_is_written_for_anybody(bag: DagBag, name: str) -> None:
    assert bag.dags[name].params.get_param("reason").value == ""


def test_events_are_those_of_the_calendars_that_can_be_read(calendars: Path, policies: Path) -> None:
    assert calendars.is_dir()
    events = known_events()

    assert events == ("sales.launch", "sales.flash")
    assert rehearsal_params(PolicyFolder(policies), events)["event"].schema["examples"] == list(events)
    assert approval_params(PolicyFolder(policies), events)["event"].schema["examples"] == list(events)


def test_without_a_folder_of_calendars_the_forms_are_there_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPRINGTIDE_CALENDARS", str(tmp_path / "none"))

    assert known_events() == ()
    assert "examples" not in approval_params(PolicyFolder(tmp_path), ())["event"].schema


def test_services_are_offered_or_named_in_an_example(policies: Path) -> None:
    folder = PolicyFolder(policies)

    assert approval_params(folder, ())["service"].schema["enum"] == ["checkout", "search"]
    assert "checkout=3x" in str(event_params(folder)["services"].description)
    assert "Services: checkout, search" in str(rehearsal_params(folder, ())["asks"].description)


def test_what_a_floor_is_for_stands_beside_it(policies: Path) -> None:
    form = scaling_params(PolicyFolder(policies))

    assert "autoscaler" in str(form["until"].description)
    assert "autoscaler" in str(form["strategy"].description)
