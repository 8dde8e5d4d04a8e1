"""The pages of events as people see and use them: none, three and a hundred events, wide and narrow, light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import expect

from browser.pages import Looked
from browser.serving import served
from support.simulation import Simulation
from support.web import WebScene
from support.web_events import launch, with_events

Serve = Callable[[int], tuple[str, WebScene]]
Look = Callable[..., Looked]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return a function that serves the pages over so many events; the first cannot be met."""
    with ExitStack() as stack:

        def opened(count: int) -> tuple[str, WebScene]:
            scene = WebScene.of(Simulation.of(2), tmp_path)
            events = [
                launch(scene, name=f"event-{number}", begins_in=timedelta(hours=3 * number + 5))
                for number in range(count)
            ]
            if events:
                events[0]["services"] = {"web": {"replicas": 5000}}
            root = FastAPI()
            root.mount("/springtide", with_events(scene, events).app())
            return stack.enter_context(served(root)) + "/springtide", scene

        yield opened


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")])
@pytest.mark.parametrize("count", [0, 3, 100])
def test_the_list_fits_says_nothing_to_the_console_and_has_no_serious_fault(
    serve: Serve, look: Look, axe: str, *, count: int, width: int, theme: str
) -> None:
    url, _ = serve(count)
    looked = look(f"{url}/pages/events", width=width, theme=theme)
    looked.shot(f"events-{count}-{width}-{theme}")

    assert looked.said == []
    assert not looked.is_too_wide
    assert looked.faults(axe) == []
    assert looked.page.locator("#events tbody tr").count() == count


@pytest.mark.parametrize("width", [1440, 390])
def test_the_card_of_an_event_fits_and_has_no_serious_fault(serve: Serve, look: Look, axe: str, width: int) -> None:
    url, _ = serve(3)
    looked = look(f"{url}/pages/events", width=width)
    looked.page.get_by_role("link", name="event-0", exact=True).click()
    looked.page.wait_for_load_state("networkidle")
    looked.shot(f"event-{width}")

    assert looked.said == []
    assert not looked.is_too_wide
    assert looked.faults(axe) == []
    expect(looked.page.locator(".headline")).to_contain_text("Not ready: web asks for 5000, replicas.max is")


def test_every_event_that_is_shown_is_looked_at(serve: Serve, look: Look) -> None:
    url, _ = serve(3)
    page = look(f"{url}/pages/events").page

    expect(page.locator("[data-check]").nth(2)).not_to_contain_text("not looked at")
    expect(page.locator("[data-check]").first).to_contain_text("to look at")


def test_an_event_is_estimated_while_it_is_typed_and_added(serve: Serve, look: Look) -> None:
    url, scene = serve(0)
    looked = look(f"{url}/pages/events")
    page = looked.page
    page.get_by_role("button", name="Add an event…").click()
    dialog = page.locator("#add")
    dialog.get_by_label("What it is called").fill("flash-sale")
    dialog.get_by_label("How much").fill("5000")
    expect(dialog.locator("[data-estimate]")).to_contain_text("asks for 5000, replicas.max is")
    page.screenshot(path="/tmp/springtide-screenshots/event-estimate-red.png")

    dialog.get_by_label("How much").fill("4")
    expect(dialog.locator("[data-estimate]")).to_contain_text("asks for 4, replicas.max is")
    dialog.get_by_label("Why").fill("the newsletter goes out")
    dialog.get_by_role("button", name="Add it").click()

    expect(dialog.locator("[data-said]")).to_contain_text("The event is queued.")
    page.screenshot(path="/tmp/springtide-screenshots/event-added.png")
    (run,) = scene.starts.runs
    assert (run.dag_id, run.caller) == ("prepare_events", "ann")
    assert run.conf["event"]["services"] == {"web": {"replicas": 4}}
    assert looked.said == []


def test_an_event_that_cannot_be_met_is_refused_with_both_numbers(serve: Serve, look: Look) -> None:
    url, scene = serve(0)
    page = look(f"{url}/pages/events").page
    page.get_by_role("button", name="Add an event…").click()
    dialog = page.locator("#add")
    dialog.get_by_label("What it is called").fill("flash-sale")
    dialog.get_by_label("How much").fill("5000")
    dialog.get_by_label("Why").fill("the newsletter goes out")
    dialog.get_by_role("button", name="Add it").click()

    expect(dialog.locator("[data-said]")).to_contain_text("asks for 5000, replicas.max is")
    assert scene.starts.runs == []


def test_a_preparation_is_approved_ahead_by_the_keyboard_alone(serve: Serve, look: Look) -> None:
    url, scene = serve(3)
    page = look(f"{url}/pages/events").page
    page.locator("#events tbody tr").nth(1).get_by_role("button", name="Approve ahead…").focus()
    page.keyboard.press("Enter")
    dialog = page.locator("#approve")
    expect(dialog).to_contain_text("event-1")
    dialog.get_by_label("Up to how many replicas").focus()
    page.keyboard.type("8")
    dialog.get_by_label("Why").focus()
    page.keyboard.type("nobody is awake")
    page.keyboard.press("Enter")

    expect(dialog.locator("[data-said]")).to_contain_text("The approval is queued")
    (run,) = scene.starts.runs
    assert (run.dag_id, run.conf["service"], run.conf["up_to"]) == ("approve_event", "web", 8)
    assert run.conf["event"] == scene.calendars.calendars.occurrences[1].id


def test_a_block_of_the_timeline_is_reached_and_followed_by_the_keyboard(serve: Serve, look: Look) -> None:
    url, scene = serve(3)
    page = look(f"{url}/pages/events").page
    page.locator("svg.timeline a").first.focus()
    page.keyboard.press("Enter")

    page.wait_for_url(f"**/pages/events/{scene.calendars.calendars.occurrences[0].id}")
