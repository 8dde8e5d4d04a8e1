"""The pages of events: what comes, whether it is ready, and what it came to; foreign text stays text."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from springtide.plan.recent import SweepDecision
from springtide.record.approvals import ApprovalAhead
from springtide.web.ports import Caller
from support.simulation import Simulation
from support.web import OPERATOR, VIEWER, WebScene
from support.web_events import launch, web_with_event, with_events

EVENTS = "/pages/events"


async def shown(scene: WebScene, path: str = EVENTS, caller: Caller | None = OPERATOR) -> tuple[int, str]:
    async with scene.client(caller, by_cookie=True) as client:
        answer = await client.get(path)
    return answer.status_code, answer.text


def event_id(scene: WebScene) -> str:
    return scene.calendars.calendars.occurrences[0].id


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    return web_with_event(tmp_path)


async def test_what_comes_is_drawn_and_listed_with_what_it_asks_for(scene: WebScene) -> None:
    status, page = await shown(scene)

    assert status == 200
    assert "One event in the next 14 days: nothing that is known stands in the way." in page
    assert '<svg class="timeline"' in page
    assert f'href="/pages/events/{event_id(scene)}" class="block' in page
    assert f'data-check="{event_id(scene)}"' in page
    assert 'href="/api/v1/events.ics"' in page


async def test_an_event_that_cannot_be_met_says_both_numbers(tmp_path: Path) -> None:
    scene = web_with_event(tmp_path, services={"web": {"replicas": 5000}})

    _, page = await shown(scene)

    assert "One event in the next 14 days: one cannot be met as it is." in page
    assert "asks for 5000" in page
    assert 'class="block red"' in page


async def test_without_an_event_the_page_says_what_to_do(tmp_path: Path) -> None:
    status, page = await shown(WebScene.of(Simulation.of(2), tmp_path))

    assert status == 200
    assert "No event begins within the next 14 days." in page
    assert "SPRINGTIDE_CALENDARS" in page
    assert "<svg" not in page


async def test_a_hundred_events_are_one_page(tmp_path: Path) -> None:
    scene = WebScene.of(Simulation.of(2), tmp_path)
    events = [
        launch(scene, name=f"event-{number:03}", begins_in=timedelta(hours=3 * number + 1)) for number in range(100)
    ]

    status, page = await shown(with_events(scene, events))

    assert status == 200
    assert page.count("data-check=") == 100
    assert "100 events in the next 14 days" in page


async def test_a_freeze_is_hatched_and_told(tmp_path: Path) -> None:
    scene = WebScene.of(Simulation.of(2), tmp_path)
    start = scene.clock.now() + timedelta(days=2)
    span = {"start": f"{start:%Y-%m-%dT%H:%M}", "end": f"{start + timedelta(days=1):%Y-%m-%dT%H:%M}"}
    with_events(scene, [launch(scene)], freezes=[{"name": "audit", "reason": "the yearly audit", **span}])

    _, page = await shown(scene)

    assert 'fill="url(#hatch)"' in page
    assert "the yearly audit" in page


async def test_the_card_of_an_event_says_every_check_its_waves_and_what_it_costs(scene: WebScene) -> None:
    status, page = await shown(scene, f"{EVENTS}/{event_id(scene)}")

    assert status == 200
    for part in ("policy maximum", "Waves", "Wave 1", "pods at its height", "Approve ahead…", event_id(scene)):
        assert part in page


async def test_what_was_approved_ahead_stands_on_the_card(scene: WebScene) -> None:
    now = scene.clock.now()
    approval = ApprovalAhead(
        policy="web",
        target=scene.simulation.policy.spec.target.workload,
        event=event_id(scene),
        up_to=6,
        until=now + timedelta(days=1),
        at=now,
        by="ann",
        reason="<script>alert(1)</script>",
    )
    scene.simulation.store.approve_ahead(approval)
    scene.simulation.store.approve_ahead(replace(approval, event="sales.other.20260101T000000Z", reason="another one"))

    _, page = await shown(scene, f"{EVENTS}/{event_id(scene)}")

    assert "up to 6" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "another one" not in page


async def test_an_event_that_is_over_says_what_it_came_to(tmp_path: Path) -> None:
    scene = web_with_event(tmp_path, begins_in=timedelta(hours=-10))
    start = scene.calendars.calendars.occurrences[0].start
    decision = SweepDecision(policy="web", at=start - timedelta(minutes=30), before=2, planned=4, answer=2)
    during = [
        replace(decision, at=start + timedelta(minutes=15 * number), answer=6 if number > 7 else 2, observed=4)
        for number in range(16)
    ]
    scene.simulation.store.save_decisions([decision, *during], now=scene.clock.now())

    status, page = await shown(scene, f"{EVENTS}/{event_id(scene)}")
    _, listed = await shown(scene)

    assert status == 200
    assert "It fell short: web for 120 min." in page
    assert "<strong>3x</strong>" in page
    assert "Lately over" in listed


async def test_an_event_that_nobody_knows_is_told_in_the_frame(scene: WebScene) -> None:
    status, page = await shown(scene, f"{EVENTS}/nosuch")

    assert status == 404
    assert "event_unknown" in page
    assert "All events" in page


async def test_a_broken_store_takes_the_list_not_away(scene: WebScene) -> None:
    def closed(*_names: object, **_values: object) -> None:
        from springtide.errors import TemporaryError

        raise TemporaryError("the store does not answer.", code="store_unavailable")

    scene.simulation.store.notes = closed  # type: ignore[method-assign,assignment]

    status, page = await shown(scene)

    assert status == 200
    assert "launch" in page
    assert "the store does not answer" in page


async def test_a_viewer_sees_it_and_nobody_else_does(scene: WebScene) -> None:
    assert (await shown(scene, caller=VIEWER))[0] == 200
    assert (await shown(scene, caller=None))[0] == 401


async def test_every_file_that_a_page_names_is_served(scene: WebScene) -> None:
    _, page = await shown(scene)
    files = re.findall(r'(?:src|href)="(/pages/static/[^"]+)"', page)

    assert len(files) > 4
    assert [file for file in files if (await shown(scene, file))[0] != 200] == []
