"""The evening before a sale in a real browser: a card goes from red to green by what somebody does on the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import expect

from browser.pages import Looked
from browser.serving import served
from e2e.sandbox_cluster import start_sandbox
from springtide.clock import SystemClock
from springtide.overview.event_surroundings import ADJUST_CAPACITY, PREPARE_EVENTS
from support.evening import Evening, write_web

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

Look = Callable[..., Looked]
Begin = Callable[..., tuple[str, Evening]]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Return a function that serves the pages of one evening; its keys are the policy's."""
    with ExitStack() as stack:

        def begun(**spec: Any) -> tuple[str, Evening]:
            cluster = start_sandbox(tmp_path, "--manifest", str(write_web(tmp_path)))
            stack.callback(cluster.stop)
            evening = Evening.of(cluster, tmp_path / "policies", **spec)
            address = stack.enter_context(served(evening.app()))
            until_it_runs(address)
            return f"{address}/springtide", evening

        yield begun


def until_it_runs(address: str) -> None:
    """Wait, within a minute, until the page of services sees both replicas ready."""
    clock = SystemClock()
    end = clock.monotonic() + 60
    with httpx.Client(base_url=address, headers={"Authorization": "Bearer ann"}, timeout=30) as client:
        while [row["ready"] for row in client.get("/springtide/api/v1/services").json()["items"]] != [2]:
            assert clock.monotonic() < end, "the cluster has no two replicas that are ready"
            clock.sleep(0.2)


def add(page: Page, *, replicas: int, says: str = "The event is queued.") -> Locator:
    """Fill the form of an event of no calendar, send it, and return its dialog once that says `says`."""
    page.get_by_role("button", name="Add an event…").click()
    dialog = page.locator("#add")
    dialog.get_by_label("What it is called").fill("flash-sale")
    dialog.get_by_label("How much").fill(str(replicas))
    dialog.get_by_label("Why").fill("the newsletter goes out")
    dialog.get_by_role("button", name="Add it").click()
    expect(dialog.locator("[data-said]")).to_contain_text(says)
    return dialog


def acts_on_the_service(page: Page, action: str, reason: str) -> None:
    """Press a button of the service's row, give a reason, and send it."""
    page.get_by_role("group", name="Actions for web").get_by_role("button", name=f"{action}…").click()
    dialog = page.get_by_role("dialog", name=f"{action} web")
    dialog.get_by_label("Why").fill(reason)
    dialog.get_by_role("button", name=action, exact=True).click()
    expect(dialog.get_by_role("status")).to_contain_text("queued")


def lights(page: Page) -> dict[str, str]:
    """Return the checks of the card that are not green, each with its light."""
    rows = page.locator("table.cards tbody tr").all()
    found = {row.locator("th .cell").inner_text().split()[0]: row.locator(".light").inner_text() for row in rows}
    return {name: light.split()[-1] for name, light in found.items() if not light.endswith("green")}


def test_a_card_goes_from_red_to_green_by_the_pages_alone(begin: Begin, look: Look, axe: str) -> None:
    url, evening = begin()
    evening.starts.paused_dags = {ADJUST_CAPACITY}
    page = look(f"{url}/pages/services").page
    acts_on_the_service(page, "Pause", "the load balancer is moved")
    evening.goes_on()

    page.goto(f"{url}/pages/events")
    dialog = add(page, replicas=80, says="asks for 80, replicas.max is 20, so it gets 20")
    dialog.get_by_label("How much").fill("3")
    dialog.get_by_role("button", name="Add it").click()
    expect(dialog.locator("[data-said]")).to_contain_text("The event is queued.")
    page.reload()
    page.get_by_role("link", name="flash-sale", exact=True).click()
    looked = Looked(page)
    expect(page.locator(".headline")).to_contain_text("Not ready: web is paused by ann")
    assert lights(page) == {"pause": "red", "time": "unknown", "adjust_capacity": "amber", "rehearsal": "amber"}
    assert looked.faults(axe) == []
    looked.shot("evening-red")
    card = page.url

    page.goto(f"{url}/pages/services")
    acts_on_the_service(page, "Resume", "the load balancer is back")
    evening.goes_on()
    evening.starts.paused_dags = set()  # Airflow's own switch, on its own page
    page.goto(card)
    assert lights(page) == {"time": "unknown", "rehearsal": "amber"}

    page.get_by_role("button", name="Rehearse…").click()
    dialog = page.locator("#rehearse")
    dialog.get_by_label("Seconds of load").fill("10")
    dialog.get_by_label("Why").fill("is tonight ready?")
    dialog.get_by_label("I know that this scales these services now").check()
    dialog.get_by_role("button", name="Rehearse now").click()
    expect(dialog.locator("[data-said]")).to_contain_text("The rehearsal has begun.")
    evening.goes_on()
    page.goto(card)

    assert lights(page) == {}
    expect(page.locator(".headline")).to_contain_text("Ready")
    expect(page.locator(".headline .light")).to_have_class("light green")
    expect(page.locator("table.cards")).to_contain_text("with 3 replicas, now 3 are asked for: held: 3 replicas")
    expect(page.locator("table.cards")).to_contain_text("of 45 requests/s on top of 60, 0 of")
    assert looked.faults(axe) == []
    looked.shot("evening-green")


@pytest.mark.parametrize(("width", "theme"), [(1440, "dark"), (390, "light"), (390, "dark")])
def test_a_red_card_fits_and_has_no_serious_fault(
    begin: Begin, look: Look, axe: str, *, width: int, theme: str
) -> None:
    url, evening = begin()
    evening.starts.paused_dags = {ADJUST_CAPACITY}
    add(look(f"{url}/pages/events").page, replicas=3)
    evening.starts.paused_dags = {ADJUST_CAPACITY, PREPARE_EVENTS}

    looked = look(f"{url}/pages/events/flash-sale", width=width, theme=theme)

    expect(looked.page.locator(".headline")).to_contain_text("Not ready: prepare_events is paused")
    assert looked.said == []
    assert not looked.is_too_wide
    assert looked.faults(axe) == []


def test_an_approval_that_nobody_is_awake_for_is_given_ahead_on_the_card(begin: Begin, look: Look) -> None:
    now = datetime.now(UTC)
    awake = f"{now - timedelta(hours=1):%H:%M}-{now:%H:%M} UTC"
    url, evening = begin(awake=awake, approval={"always": True, "within": "1m"})
    page = look(f"{url}/pages/events").page
    add(page, replicas=3, says="nobody is awake")
    page.goto(f"{url}/pages/events/flash-sale")
    assert lights(page)["approval"] == "red"

    page.get_by_role("button", name="Approve ahead…").click()
    dialog = page.locator("#approve")
    dialog.get_by_label("Up to how many replicas").fill("3")
    dialog.get_by_label("Why").fill("I am asleep by then")
    dialog.get_by_role("button", name="Approve").click()
    expect(dialog.locator("[data-said]")).to_contain_text("The approval is queued")
    evening.goes_on()
    page.reload()

    assert "approval" not in lights(page)
    expect(page.locator("table.cards")).to_contain_text("3 are to stand")
