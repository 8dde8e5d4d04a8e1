"""The lights of the parts that springtide needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from springtide.errors import TemporaryError
from springtide.web.ports import AirflowHealth
from support.simulation import Simulation
from support.web import WebScene


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    return WebScene.of(Simulation.of(2), tmp_path)


async def lights(scene: WebScene) -> dict[str, Any]:
    async with scene.client() as client:
        answer = await client.get("/api/v1/health")
    assert answer.status_code == 200
    return {"all": answer.json()["light"]} | {part["name"]: part["light"] for part in answer.json()["parts"]}


async def test_all_is_green_where_nothing_is_wrong(scene: WebScene) -> None:
    assert set((await lights(scene)).values()) == {"green"}


async def test_a_triggerer_that_is_dead_is_red(scene: WebScene) -> None:
    scene.starts.alive = AirflowHealth(scheduler=True, triggerer=None, dag_processor=True)

    found = await lights(scene)

    assert (found["all"], found["triggerer"], found["scheduler"]) == ("red", "red", "green")


async def test_a_paused_dag_is_amber(scene: WebScene) -> None:
    scene.starts.paused_dags.add("adjust_capacity")

    assert (await lights(scene))["dags"] == "amber"


async def test_a_store_that_does_not_answer_takes_no_other_part_with_it(
    scene: WebScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise TemporaryError("the store does not answer.", code="store_unavailable")

    monkeypatch.setattr(scene.simulation.store, "latest", refuse)

    found = await lights(scene)

    assert (found["store"], found["policies"], found["scheduler"]) == ("red", "green", "green")


async def test_a_broken_policy_is_red_and_the_others_are_counted(scene: WebScene) -> None:
    scene.folder.joinpath("broken.yaml").write_text("apiVersion: nothing")

    async with scene.client() as client:
        answer = await client.get("/api/v1/health")

    (part,) = [part for part in answer.json()["parts"] if part["name"] == "policies"]
    assert part["light"] == "red"
    assert part["sentence"].startswith("1 can be read, 1 cannot: ")
