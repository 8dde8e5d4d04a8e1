"""The application of a process that serves it to its end."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from springtide.web.app import app_to_serve
from support.simulation import Simulation
from support.web import WebScene


@pytest.fixture
def nothing_is_frozen_after() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("nothing_is_frozen_after")
async def test_what_was_imported_is_no_longer_gone_through(tmp_path: Path) -> None:
    scene = WebScene.of(Simulation.of(2), tmp_path)

    app = app_to_serve(scene.surroundings())

    left_out = gc.get_freeze_count()
    assert "kubernetes.client" in sys.modules
    assert left_out > 10 * len(gc.get_objects())
    async with scene.client(made=app) as client:
        answer = await client.post("/scale/?name=web&pods=3")
    assert answer.status_code == 202
