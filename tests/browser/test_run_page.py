"""A run in a browser: aborted from its page while it goes on, and seen to end without the page jumping."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from playwright.sync_api import expect

from browser.pages import Looked
from browser.serving import served
from springtide.errors import SpringtideError
from springtide.run import phases
from springtide.run.aborting import request_abort
from springtide.run.ports import RunRef
from support.simulation import WORKLOAD, Simulation
from support.web import COOKIE, OPERATOR, WebScene

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RUN = "manual__2026-11-27T16:05:21.123456+00:00"
Look = Callable[..., Looked]
SEEN: Final = [{"width": width, "theme": theme} for width in (1440, 390) for theme in ("light", "dark")]


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    scene = WebScene.of(Simulation.of(2), tmp_path)
    scene.environ = {"SPRINGTIDE_GRAFANA_URL": "https://grafana.example/d?s={service}"}
    return scene


@pytest.fixture
def page(scene: WebScene, browser: Browser) -> Iterator[Page]:
    with served(scene.app()) as address:
        context = browser.new_context(base_url=address, viewport={"width": 390, "height": 844})
        context.add_cookies([{"name": COOKIE, "value": OPERATOR.name, "url": address}])
        opened = context.new_page()
        yield opened
        context.close()


def begun(scene: WebScene) -> RunRef:
    ports = scene.simulation.ports(RUN)
    request = scene.simulation.request(4, RUN)
    plan = phases.calculate_capacity(ports, request)
    phases.create_instances(ports, request, plan)
    return RunRef.of_plan(plan, RUN)


def asked_and_undone(scene: WebScene, ref: RunRef) -> None:
    """Do what the DAG `abort_run` does, and what the run makes of it."""
    (started,) = scene.starts.runs
    reason = started.conf["reason"]
    request_abort(scene.simulation.ports(), WORKLOAD, "web", by=started.caller, reason=reason, run_id=RUN)
    undone(scene, ref)


def undone(scene: WebScene, ref: RunRef) -> None:
    """Let the run go on, which finds that it was asked to stop."""
    cause: SpringtideError | None = None
    try:
        phases.instances_ready(scene.simulation.ports(RUN), ref)
        phases.switch_endpoints(scene.simulation.ports(RUN), ref)
    except SpringtideError as error:
        cause = error
    phases.roll_back(scene.simulation.ports(RUN), ref)
    with suppress(SpringtideError):
        phases.report(scene.simulation.ports(RUN), ref, cause)


def test_a_run_is_aborted_from_its_page_which_shows_how_it_rolls_back(scene: WebScene, page: Page) -> None:
    ref = begun(scene)
    page.goto(f"/pages/runs/{quote(RUN, safe='')}")
    page.get_by_role("button", name="Abort and roll back…").click()
    page.get_by_label("Reason").fill("the new pods answer slowly")
    page.get_by_role("dialog").get_by_role("button", name="Abort and roll back").click()
    expect(page.get_by_text("Asked. The run stops between two writes")).to_be_visible()
    page.get_by_role("button", name="Close").click()

    asked_and_undone(scene, ref)

    expect(page.locator("h1")).to_contain_text("rolled back", timeout=15_000)
    expect(page.locator(".headline")).to_contain_text("aborted by ann: the new pods answer slowly.")
    expect(page.get_by_role("button", name="Abort and roll back…")).to_have_count(0)


def test_what_somebody_has_opened_stays_open_while_the_run_goes_on(scene: WebScene, page: Page) -> None:
    ref = begun(scene)
    page.goto(f"/pages/runs/{quote(RUN, safe='')}")
    page.locator("#run-passed > summary").click()

    phases.instances_ready(scene.simulation.ports(RUN), ref)

    expect(page.locator("#run-phases")).to_contain_text("4 of 4 new pods are ready", timeout=15_000)
    assert page.locator("#run-passed").get_attribute("open") is not None


def test_nothing_is_wider_than_a_phone(scene: WebScene, page: Page) -> None:
    begun(scene)
    page.goto(f"/pages/runs/{quote(RUN, safe='')}")
    page.wait_for_selector("#run-chart .main-svg")

    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def goes_on(scene: WebScene) -> None:
    begun(scene)


def succeeds(scene: WebScene) -> None:
    scene.simulation.run(4, RUN)


def rolls_back(scene: WebScene) -> None:
    ref = begun(scene)
    request_abort(scene.simulation.ports(), WORKLOAD, "web", by="ann", reason="they answer slowly", run_id=RUN)
    undone(scene, ref)


@pytest.fixture
def tab(scene: WebScene) -> Iterator[str]:
    """Serve the tab "Scaling" of the run, as Airflow asks for it, and return its address."""
    root = FastAPI()
    root.mount("/springtide", scene.app())
    with served(root) as address:
        yield f"{address}/springtide/pages/runs/{quote(RUN, safe='')}?dag=scale_service"


@pytest.mark.parametrize("how", SEEN)
@pytest.mark.parametrize("becomes", [goes_on, succeeds, rolls_back])
def test_the_tab_of_a_run_fits_says_nothing_to_the_console_and_has_no_serious_fault(
    scene: WebScene, tab: str, look: Look, axe: str, *, becomes: Callable[[WebScene], None], how: dict[str, Any]
) -> None:
    becomes(scene)

    looked = look(tab, **how)

    expect(looked.page.locator("#run-chart .main-svg").first).to_be_visible()
    looked.shot(f"run-{becomes.__name__}-{how['width']}-{how['theme']}")
    assert looked.said == []
    assert not looked.is_too_wide
    assert looked.faults(axe) == []
    for details in looked.page.locator("details:not([open]) > summary").all():
        details.click()
    assert looked.faults(axe) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_dialog_of_an_abort_has_no_serious_fault(
    scene: WebScene, tab: str, look: Look, axe: str, theme: str
) -> None:
    begun(scene)
    looked = look(tab, width=390, theme=theme)
    looked.page.get_by_role("button", name="Abort and roll back…").click()
    expect(looked.page.get_by_role("dialog")).to_be_visible()

    assert looked.faults(axe) == []


def test_a_dashboard_is_a_link_and_in_a_frame_that_opens_no_window_an_address_to_copy(
    scene: WebScene, page: Page
) -> None:
    begun(scene)
    page.goto(f"/pages/runs/{quote(RUN, safe='')}")
    expect(page.get_by_role("link", name="Grafana")).to_be_visible()
    expect(page.get_by_text("https://grafana.example/d?s=web")).to_be_hidden()

    sandbox = "allow-scripts allow-same-origin allow-forms allow-downloads"
    around = f'<iframe sandbox="{sandbox}" src="/pages/runs/{quote(RUN, safe="")}"></iframe>'
    page.route("**/around", lambda route: route.fulfill(body=around, content_type="text/html"))
    page.goto("/around")

    framed = page.frame_locator("iframe")
    expect(framed.get_by_text("https://grafana.example/d?s=web")).to_be_visible()
    expect(framed.get_by_role("link", name="Grafana")).to_be_hidden()
