"""Who may come in: every route by walking the application's own, so that later ones are looked at as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from springtide.errors import PermanentError
from springtide.web.access import guards_of
from springtide.web.app import require_guarded
from support.simulation import Simulation
from support.web import NOBODY, OPERATOR, VIEWER, WebScene


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    return WebScene.of(Simulation.of(2), tmp_path)


def routes(app: FastAPI) -> Iterator[tuple[str, str, bool]]:
    """Yield the method and the address of every route, and whether it writes."""
    for route in app.routes:
        assert isinstance(route, APIRoute)
        path = route.path.replace(":path", "").replace("{", "").replace("}", "")
        for method in sorted(route.methods):
            yield method, path, any(guard.is_write for guard in guards_of(route.dependant))


async def statuses(scene: WebScene, caller: object, **how: bool) -> dict[str, tuple[int, str]]:
    """Return what every route answers to `caller`."""
    found = {}
    async with scene.client(caller, **how) as client:  # type: ignore[arg-type]
        for method, path, _ in routes(scene.app()):
            answer = await client.request(method, path)
            is_json = "json" in answer.headers.get("content-type", "")
            found[f"{method} {path}"] = (answer.status_code, answer.json().get("code", "") if is_json else "")
    return found


async def test_nobody_comes_in_without_a_login(scene: WebScene) -> None:
    found = await statuses(scene, None)

    assert found
    assert {route: answer for route, answer in found.items() if answer != (401, "auth_required")} == {}


async def test_who_has_no_right_sees_and_does_nothing(scene: WebScene) -> None:
    found = await statuses(scene, NOBODY)

    assert {route: answer for route, answer in found.items() if answer != (403, "not_allowed")} == {}


async def test_a_viewer_writes_nothing(scene: WebScene) -> None:
    found = await statuses(scene, VIEWER)
    writing = {f"{method} {path}" for method, path, is_write in routes(scene.app()) if is_write}

    assert {route: found[route] for route in writing if found[route] != (403, "not_allowed")} == {}


async def test_a_cookie_alone_writes_nothing(scene: WebScene) -> None:
    found = await statuses(scene, OPERATOR, by_cookie=True)
    writing = {f"{method} {path}" for method, path, is_write in routes(scene.app()) if is_write}

    assert {route: found[route] for route in writing if found[route] != (403, "bearer_required")} == {}


def test_an_application_with_an_open_route_is_not_made() -> None:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    router = APIRouter()
    router.add_api_route("/forgotten", lambda: None)
    app.include_router(router)

    with pytest.raises(PermanentError) as refused:
        require_guarded(app)

    assert refused.value.code == "route_unguarded"
    assert "/forgotten" in refused.value.message
