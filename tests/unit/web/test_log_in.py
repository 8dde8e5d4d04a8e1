"""Whoever is not logged in: a page says so and leads to the login and back, everything else answers with a problem."""

from __future__ import annotations

from pathlib import Path

import pytest

from springtide.web.pages.frame import PAGE_HEADERS
from support.simulation import Simulation
from support.web import WebScene

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    return WebScene.of(Simulation.of(2), tmp_path)


@pytest.mark.parametrize("path", ["/pages/services", "/pages/events", "/pages/events/sale?x=1", "/pages/runs/a%2Bb"])
async def test_a_browser_gets_a_page_with_the_sentence_and_the_way_back(scene: WebScene, path: str) -> None:
    async with scene.client(None) as client:
        answer = await client.get(path, headers=BROWSER)

    assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "<p>log in, or send Authorization: Bearer.</p>" in answer.text
    assert 'href="/login?next=%2Fpages%2F' in answer.text
    assert answer.headers.items() >= {name.lower(): text for name, text in PAGE_HEADERS.items()}.items()


async def test_what_stands_in_the_address_becomes_no_markup(scene: WebScene) -> None:
    async with scene.client(None) as client:
        answer = await client.get('/pages/events/"><script>', params={"x": '"><img src=x>'}, headers=BROWSER)

    assert answer.status_code == 401
    assert "<script" not in answer.text
    assert "<img" not in answer.text


@pytest.mark.parametrize(
    ("path", "accept"), [("/pages/events", "*/*"), ("/api/v1/events", "text/html"), ("/scale/", "text/html")]
)
async def test_everything_else_is_a_problem(scene: WebScene, path: str, accept: str) -> None:
    async with scene.client(None) as client:
        answer = await client.get(path, headers={"Accept": accept})

    assert (answer.status_code, answer.json()["code"]) == (401, "auth_required")


async def test_an_error_of_somebody_who_is_logged_in_leads_to_no_login(scene: WebScene) -> None:
    async with scene.client() as client:
        answer = await client.get("/pages/static/nothing.css", headers=BROWSER)

    assert (answer.status_code, answer.json()["code"]) == (404, "page_unknown")
