"""Pausing and resuming over REST: judged at once, done by a run of the DAG `pause_service` in the caller's name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from springtide.record.pauses import Pause
from support.simulation import Simulation
from support.web import WebScene

PAUSE = "/api/v1/services/web/pause"
RESUME = "/api/v1/services/web/resume"
WHY = {"reason": "its cache is cold"}


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    return WebScene.of(Simulation.of(2), tmp_path)


def paused(scene: WebScene) -> Pause:
    pause = Pause(service="web", at=scene.clock.now(), by="ann", reason="its cache is cold", namespace="shop")
    return scene.simulation.store.pause(pause)


async def posted(scene: WebScene, path: str, body: Any) -> tuple[int, Any]:
    async with scene.client() as client:
        answer = await client.post(path, json=body)
    return answer.status_code, answer.json()


async def test_a_pause_queues_the_run_that_keeps_it_and_says_which(scene: WebScene) -> None:
    status, answer = await posted(scene, PAUSE, WHY | {"until": "2h"})

    (run,) = scene.starts.runs
    until = (scene.clock.now() + timedelta(hours=2)).isoformat()
    assert (status, answer["run_id"], answer["dag_id"]) == (202, run.run_id, "pause_service")
    assert answer["link"].endswith(run.run_id)
    assert run.conf == {"service": "web", "action": "pause", "reason": "its cache is cold", "until": until}
    assert (run.caller, run.note) == ("ann", "pause web: its cache is cold")
    assert run.run_id.startswith("web__pause__")


async def test_a_service_that_is_paused_is_resumed_by_such_a_run(scene: WebScene) -> None:
    pause = paused(scene)

    status, answer = await posted(scene, RESUME, {"reason": "it is warm"})

    (run,) = scene.starts.runs
    assert (status, answer["pause"]) == (202, pause.to_record())
    assert run.conf == {"service": "web", "action": "resume", "reason": "it is warm"}


async def test_who_looks_sees_every_pause(scene: WebScene) -> None:
    pause = paused(scene)

    async with scene.client() as client:
        answer = await client.get("/api/v1/pauses")

    assert answer.json() == {"items": [pause.to_record()], "next": None, "left_out": []}


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (RESUME, WHY, 409, "not_paused"),
        (RESUME, {}, 400, "parameter_required"),
        (PAUSE, {}, 400, "parameter_required"),
        (PAUSE, {"reason": " "}, 422, "reason_invalid"),
        (PAUSE, WHY | {"until": "tomorrow"}, 422, "until_invalid"),
        (PAUSE, WHY | {"until": "2001-01-01T00:00:00+00:00"}, 422, "until_invalid"),
        (PAUSE, WHY | {"for": "2h"}, 422, "parameter_invalid"),
        (PAUSE, [], 422, "parameter_invalid"),
        ("/api/v1/services/wed/pause", WHY, 404, "service_unknown"),
        ("/api/v1/services/wed/resume", WHY, 404, "service_unknown"),
    ],
)
async def test_what_is_no_request_starts_nothing(scene: WebScene, path: str, body: Any, status: int, code: str) -> None:
    answered, answer = await posted(scene, path, body)

    assert (answered, answer["code"]) == (status, code)
    assert scene.starts.runs == []


async def test_a_dag_that_is_paused_is_told(scene: WebScene) -> None:
    scene.starts.paused_dags.add("pause_service")

    status, answer = await posted(scene, PAUSE, WHY)

    assert (status, answer["code"]) == (409, "dag_paused")
