"""The pages in Airflow's own navigation: what its page is told about them, by its own model."""

from __future__ import annotations

from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse

from springtide.web.pages.frame import static_file
from springtide_plugin import SpringtidePlugin


def test_services_and_events_stand_below_capacity_with_icons_that_are_there() -> None:
    views = [ExternalViewResponse.model_validate(view) for view in SpringtidePlugin().external_views]
    pages = {view.name: view for view in views if view.destination == "nav"}

    assert set(pages) == {"Services", "Events"}
    assert {view.category for view in pages.values()} == {"Capacity"}
    assert {view.href for view in pages.values()} == {"/springtide/pages/services", "/springtide/pages/events"}
    for view in pages.values():
        for icon in (view.icon, view.icon_dark_mode):
            assert icon is not None
            assert static_file(icon.rpartition("/")[2]).status_code == 200


def test_no_two_pages_have_one_address_for_airflow_would_leave_one_out() -> None:
    routes = [view["url_route"] for view in SpringtidePlugin().external_views]

    assert len(routes) == len(set(routes))
