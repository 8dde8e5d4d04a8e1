"""The pages of services as people see them: wide and narrow, light and dark, with none, three and a thousand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from playwright.sync_api import expect

from browser.pages import Looked
from support.many_services import ManyServices

Serve = Callable[[int], tuple[str, ManyServices]]
Look = Callable[..., Looked]
SEEN: Final = [{"width": width, "theme": theme} for width in (1440, 390) for theme in ("light", "dark")]


@pytest.mark.parametrize("how", SEEN)
@pytest.mark.parametrize("count", [0, 3, 1000])
def test_the_wall_screen_fits_says_nothing_to_the_console_and_has_no_serious_fault(
    served_services: Serve, look: Look, axe: str, count: int, how: dict[str, Any]
) -> None:
    url, _ = served_services(count)
    looked = look(f"{url}/pages/services", **how)
    looked.shot(f"services-{count}-{how['width']}-{how['theme']}")

    assert looked.said == []
    assert not looked.is_too_wide
    assert looked.faults(axe) == []
    assert looked.page.locator("tbody tr").count() == min(count, 50)


@pytest.mark.parametrize("how", SEEN)
def test_the_page_of_a_service_draws_its_seven_days(
    served_services: Serve, look: Look, axe: str, how: dict[str, Any]
) -> None:
    url, _ = served_services(3)
    looked = look(f"{url}/pages/services/checkout", **how)
    expect(looked.page.locator(".chart svg.main-svg").first).to_be_visible()
    expect(looked.page.locator("[data-plan-of] .banner.bad")).to_be_visible()
    looked.shot(f"service-{how['width']}-{how['theme']}")

    assert not looked.is_too_wide
    assert looked.faults(axe) == []


def test_a_page_is_dark_when_airflow_around_it_is(served_services: Serve, look: Look) -> None:
    url, _ = served_services(0)
    looked = look(f"{url}/pages/services")
    assert looked.page.evaluate("document.documentElement.dataset.theme") == "light"

    looked.page.evaluate("localStorage.setItem('theme', 'dark')")
    looked.page.reload()

    assert looked.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_what_somebody_wrote_into_a_reason_does_nothing(served_services: Serve, look: Look) -> None:
    url, _ = served_services(3)
    looked = look(f"{url}/pages/services/search")

    assert looked.page.evaluate("window.evil") is None
    assert "<img" in looked.page.locator("#runs ~ .table").inner_text()


def test_a_service_is_paused_by_the_keyboard_alone_with_a_reason(served_services: Serve, look: Look) -> None:
    url, services = served_services(3)
    page = look(f"{url}/pages/services").page
    button = page.get_by_role("group", name="Actions for checkout").get_by_role("button", name="Pause…")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Pause checkout")
    expect(dialog).to_be_visible()

    dialog.get_by_role("button", name="Pause").click()
    assert services.starts.runs == [], "a reason is required"
    dialog.get_by_label("Why").fill("the load balancer is moved")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("status")).to_contain_text("The pause is queued.")
    page.keyboard.press("Escape")

    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    (run,) = services.starts.runs
    assert (run.dag_id, run.conf["service"], run.conf["reason"]) == (
        "pause_service",
        "checkout",
        "the load balancer is moved",
    )


def test_a_refusal_is_said_in_the_dialog_and_may_be_tried_again(served_services: Serve, look: Look) -> None:
    url, services = served_services(3)
    services.starts.paused_dags = {"pause_service"}
    page = look(f"{url}/pages/services").page
    page.get_by_role("group", name="Actions for checkout").get_by_role("button", name="Pause…").click()
    dialog = page.get_by_role("dialog", name="Pause checkout")
    dialog.get_by_label("Why").fill("a test")
    dialog.get_by_role("button", name="Pause").click()

    expect(dialog.get_by_role("status")).to_contain_text("dag_paused")
    expect(dialog.get_by_role("button", name="Pause")).to_be_enabled()


def test_a_page_that_was_open_for_long_acts_all_the_same(served_services: Serve, look: Look) -> None:
    url, services = served_services(3)
    page = look(f"{url}/pages/services").page
    page.evaluate("document.querySelector('meta[name=springtide-token]').content = 'expired'")
    page.get_by_role("group", name="Actions for checkout").get_by_role("button", name="Pause…").click()
    dialog = page.get_by_role("dialog", name="Pause checkout")
    dialog.get_by_label("Why").fill("a test")
    dialog.get_by_role("button", name="Pause").click()

    expect(dialog.get_by_role("status")).to_contain_text("The pause is queued.")
    assert [run.caller for run in services.starts.runs] == ["ann"]


def test_a_login_that_is_over_is_said_in_the_dialog_and_by_the_page(served_services: Serve, look: Look) -> None:
    url, services = served_services(3)
    page = look(f"{url}/pages/services").page
    page.evaluate("document.querySelector('meta[name=springtide-token]').content = 'expired'")
    page.context.clear_cookies()
    page.get_by_role("group", name="Actions for checkout").get_by_role("button", name="Pause…").click()
    dialog = page.get_by_role("dialog", name="Pause checkout")
    dialog.get_by_label("Why").fill("a test")
    dialog.get_by_role("button", name="Pause").click()

    expect(dialog.get_by_role("status")).to_contain_text("Nothing was done: your login to Airflow is over.")
    assert services.starts.runs == []
    page.reload()
    expect(page.get_by_role("heading", name="Log in to Airflow")).to_be_visible()
    expect(page.get_by_role("link", name="Log in, and come back here")).to_be_visible()


def test_what_one_run_may_do_bounds_the_slider(served_services: Serve, look: Look) -> None:
    url, services = served_services(3)
    page = look(f"{url}/pages/services").page
    page.get_by_role("group", name="Actions for checkout").get_by_role("button", name="Scale…").click()
    dialog = page.get_by_role("dialog", name="Scale checkout")
    slider = dialog.get_by_role("slider")
    now = services.cluster.deployments[0]["spec"]["replicas"]

    assert int(slider.get_attribute("max") or 0) == now * 3
    slider.focus()
    page.keyboard.press("End")
    assert dialog.get_by_role("spinbutton").input_value() == str(now * 3)
