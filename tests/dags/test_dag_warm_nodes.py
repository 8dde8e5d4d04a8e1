"""A run whose policy names placeholders, by Airflow's own tasks: nodes before pods, and elsewhere no task more."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from springtide.policy.reading.folder import PolicyFolder
from springtide_airflow import sensors
from springtide_airflow.hook import SpringtideHook
from support.warming import NODE_SECONDS, WarmScene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.dag_processing.dagbag import DagBag

    from springtide.run.ports import Ports

# Airflow's own: its plugin loader, and the execution API that `dag.test()` asks
pytestmark = pytest.mark.filterwarnings(
    "ignore:GitWildMatchPattern:DeprecationWarning", "ignore:Using `httpx`", "ignore:Multiple rows returned"
)

WARMING = ("warm_nodes", "nodes_ready")


def run_of(scene: WarmScene, bag: DagBag, folder: Path, monkeypatch: pytest.MonkeyPatch, to: int) -> dict[str, str]:
    """Run the DAG to its end and return how its tasks ended, and itself."""
    document = scene.simulation.policy.model_dump(mode="json")
    document["metadata"]["name"] = "checkout"
    (folder / "checkout.yaml").write_text(json.dumps(document))
    policies = PolicyFolder(folder)

    @contextmanager
    def ports(_hook: object, _on_wait: object) -> Iterator[Ports]:
        yield replace(scene.simulation.ports(), policy_of=policies.get)

    monkeypatch.setenv("SPRINGTIDE_POLICIES", str(folder))
    monkeypatch.setattr(SpringtideHook, "ports", ports)
    monkeypatch.setattr(sensors, "PATIENCE", timedelta(hours=1))
    done = bag.dags["scale_service"].test(run_conf={"service": "checkout", "replicas": str(to)})
    return {ti.task_id: str(ti.state) for ti in done.get_task_instances()} | {"run": str(done.state.value)}


def test_the_tasks_that_warm_nodes_come_before_those_that_add_pods(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = WarmScene.of("in_place")
    began = scene.world.elapsed
    ended = run_of(scene, bag, tmp_path, monkeypatch, 5)

    assert [ended[name] for name in (*WARMING, "create_instances", "run")] == ["success"] * 4
    assert (scene.numbers, scene.refused, scene.ready()) == ([2, 0], [], 5)
    assert scene.world.elapsed - began > NODE_SECONDS


def test_without_placeholders_they_are_skipped_and_the_run_goes_on(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = run_of(WarmScene.of("in_place", warm_nodes=None), bag, tmp_path, monkeypatch, 2)

    assert [ended[name] for name in WARMING] == ["skipped", "skipped"]
    assert (ended["create_instances"], ended["run"]) == ("success", "success")


def test_nodes_that_do_not_come_roll_the_run_back_where_the_policy_says_so(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = WarmScene.of("in_place", limit=0, warm={"deadline": "60s", "on_failure": "fail"})
    ended = run_of(scene, bag, tmp_path, monkeypatch, 5)

    states = [ended[name] for name in ("nodes_ready", "create_instances", "roll_back", "run")]
    assert states == ["failed", "upstream_failed", "success", "failed"]
    assert (scene.numbers, scene.web) == ([2, 0], 3)
