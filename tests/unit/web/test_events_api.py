"""Events over REST: the list, the card, adding with an estimate before it, taking back, rehearsing, iCalendar."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from springtide.web.ports import DagRunState
from support.web import NOBODY, OPERATOR, VIEWER, WebScene
from support.web_events import web_with_event


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    return web_with_event(tmp_path)


def event(scene: WebScene, hours: float = 30, **changes: Any) -> dict[str, Any]:
    """Return an event of no calendar, as a page sends it."""
    start = scene.clock.now() + timedelta(hours=hours)
    return {
        "name": "flash",
        "start": f"{start:%Y-%m-%dT%H:%M:%S}.000Z",
        "end": f"{start + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}.000Z",
        "services": {"web": {"replicas": 6}},
        "lead": "45m",
        "reason": "television",
    } | changes


async def asked(scene: WebScene, method: str, path: str, **more: Any) -> tuple[int, Any]:
    async with scene.client() as client:
        answer = await client.request(method, f"/api/v1{path}", **more)
    return answer.status_code, answer.json()


async def test_the_list_has_every_event_and_what_stands_in_its_way(scene: WebScene) -> None:
    status, answer = await asked(scene, "GET", "/events")

    assert (status, answer["next"], answer["left_out"]) == (200, None, [])
    assert [row["event"] for row in answer["items"]] == ["launch"]
    assert {"light", "obstacles", "prepared_at", "asks"} <= answer["items"][0].keys()


async def test_a_card_has_its_light_its_checks_and_a_sentence(scene: WebScene) -> None:
    status, card = await asked(scene, "GET", "/events/sales.launch/check")

    assert (status, card["event"]["event"]) == (200, "launch")
    assert {"quota", "nodes", "policy maximum"} <= {check["name"] for check in card["checks"]}
    assert card["headline"]
    assert (await asked(scene, "GET", "/events/nothing/check"))[0] == 404


async def test_an_event_is_queued_for_its_lead_before_its_start_in_the_name_of_who_asks(scene: WebScene) -> None:
    status, answer = await asked(scene, "POST", "/events", json=event(scene))

    (run,) = scene.starts.runs
    assert (status, run.dag_id, run.run_id, run.caller) == (202, "prepare_events", answer["run_id"], "ann")
    assert run.conf["event"]["owner"] == "ann"
    start = datetime.fromisoformat(run.conf["event"]["start"])
    assert run.due == start - timedelta(minutes=45)
    assert answer["card"]["event"]["origin"] == "added"
    rows = (await asked(scene, "GET", "/events"))[1]["items"]
    assert [(row["event"], row["run_id"]) for row in rows if row["origin"] == "added"] == [("flash", run.run_id)]


async def test_what_cannot_be_met_is_refused_with_both_numbers_and_estimated_all_the_same(scene: WebScene) -> None:
    too_much = event(scene, services={"web": {"replicas": 900}})

    status, problem = await asked(scene, "POST", "/events", json=too_much)
    estimated, card = await asked(scene, "POST", "/events/estimate", json=too_much)

    assert (status, problem["code"], scene.starts.runs) == (422, "event_impossible", [])
    assert "asks for 900, replicas.max is 50" in problem["detail"]
    assert (estimated, card["light"]) == (200, "red")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"services": {"web": {}}}, 422),
        ({"services": {}}, 422),
        ({"services": {"wed": {"replicas": 3}}}, 404),
        ({"services": {"web": {"replicas": True}}}, 422),
        ({"services": {"web": {"replicas": 3, "multiply": "2x"}}}, 422),
        ({"services": {"web": {"multiply": "0.5x"}}}, 422),
        ({"start": "2026-11-11T00:00:00"}, 422),
        ({"start": "tomorrow"}, 422),
        ({"start": 0}, 422),
        ({"end": "2001-01-01T00:00:00Z"}, 422),
        ({"name": "Not A Name"}, 422),
        ({"lead": "soon"}, 422),
        ({"owner": "bob"}, 422),
        ({"priority": 101}, 422),
    ],
)
async def test_what_is_no_event_is_refused(scene: WebScene, changes: dict[str, Any], status: int) -> None:
    assert (await asked(scene, "POST", "/events", json=event(scene, **changes)))[0] == status
    assert scene.starts.runs == []


async def test_an_added_event_is_taken_back_until_its_preparation_begins(scene: WebScene) -> None:
    await asked(scene, "POST", "/events", json=event(scene))
    (run,) = scene.starts.runs
    scene.starts.states[run.dag_id, run.run_id] = DagRunState.RUNNING
    begun, problem = await asked(scene, "DELETE", "/events/flash")
    scene.starts.states[run.dag_id, run.run_id] = DagRunState.QUEUED

    status, answer = await asked(scene, "DELETE", "/events/flash")

    assert (begun, problem["code"]) == (409, "event_began")
    assert (status, answer["run_id"], scene.starts.runs) == (200, run.run_id, [])
    assert (await asked(scene, "DELETE", "/events/flash"))[0] == 404


async def test_an_event_of_a_calendar_is_not_taken_back_and_its_file_is_named(scene: WebScene) -> None:
    status, problem = await asked(scene, "DELETE", "/events/sales.launch")

    assert (status, problem["code"]) == (409, "event_of_calendar")
    assert "remove it there, or freeze its services" in problem["detail"]


async def test_a_rehearsal_is_started_when_it_is_confirmed(scene: WebScene) -> None:
    refused, _ = await asked(scene, "POST", "/events/sales.launch/rehearse", json={"confirm": False})
    status, answer = await asked(
        scene, "POST", "/events/sales.launch/rehearse", json={"confirm": True, "load_test": False, "reason": "before"}
    )

    (run,) = scene.starts.runs
    assert (refused, status, run.dag_id, run.run_id) == (422, 202, "rehearse_event", answer["run_id"])
    assert run.conf["event"] == answer["event"]


async def test_an_event_that_was_added_is_rehearsed_by_what_it_asks_for(scene: WebScene) -> None:
    await asked(scene, "POST", "/events", json=event(scene))

    status, answer = await asked(scene, "POST", "/events/flash/rehearse", json={"confirm": True})

    run = scene.starts.runs[-1]
    assert (status, run.dag_id, answer["event"][:13]) == (202, "rehearse_event", "ad-hoc.flash.")
    assert (run.conf["event"], run.conf["services"]) == (answer["event"], {"web": {"replicas": 6}})


async def test_the_calendar_file_holds_each_event_once_by_its_id(scene: WebScene) -> None:
    async with scene.client(VIEWER) as client:
        answer = await client.get("/api/v1/events.ics")

    (found,) = Calendar.from_ical(answer.content).walk("VEVENT")
    assert answer.headers["content-type"].startswith("text/calendar")
    assert str(found["summary"]) == "launch (sales)"
    assert str(found["uid"]).startswith("sales.launch.20")


async def test_who_only_looks_and_who_may_not_scale_a_service_adds_nothing(scene: WebScene) -> None:
    named = scene.simulation.policy
    metadata = named.metadata.model_copy(update={"may_scale": ("bob",)})
    codes = []
    for caller in (VIEWER, NOBODY):
        async with scene.client(caller) as client:
            codes.append((await client.post("/api/v1/events", json=event(scene))).status_code)
    scene.add_policy(named.model_copy(update={"metadata": metadata}))
    async with scene.client(OPERATOR) as client:
        codes.append((await client.post("/api/v1/events", json=event(scene))).status_code)

    assert (codes, scene.starts.runs) == ([403, 403, 403], [])
