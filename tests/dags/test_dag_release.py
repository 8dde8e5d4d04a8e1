"""Floors whose time is over are given back every few minutes, and one that cannot be makes the DAG red."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from springtide_airflow.hook import SpringtideHook
from support.courses import autoscaler
from support.simulation import NAMESPACE, Simulation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.dag_processing.dagbag import DagBag

    from springtide.run.ports import Ports

# Airflow's own: its plugin loader, and the execution API that `dag.test()` asks
pytestmark = pytest.mark.filterwarnings(
    "ignore:GitWildMatchPattern:DeprecationWarning", "ignore:Using `httpx`", "ignore:Multiple rows returned"
)


@pytest.fixture
def floored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    """A workload whose minimum a run has raised from 2 to 4, for an hour."""
    simulation = Simulation.of(2, strategy="floor", expires="1h")
    simulation.world.apply(autoscaler(2))
    simulation.world.settle()
    simulation.run(4)
    (tmp_path / "web.yaml").write_text(json.dumps(simulation.policy.model_dump(mode="json")))

    @contextmanager
    def ports(_hook: SpringtideHook, _on_wait: object) -> Iterator[Ports]:
        yield simulation.ports()

    monkeypatch.setenv("SPRINGTIDE_POLICIES", str(tmp_path))
    monkeypatch.setattr(SpringtideHook, "ports", ports)
    return simulation


def swept(bag: DagBag) -> tuple[str, Any]:
    """Run the DAG once; return how it ended and what became of the floors."""
    done = bag.dags["release_floors"].test()
    (task,) = done.get_task_instances()
    return str(done.state.value), task.xcom_pull(task_ids="release_expired")


def minimum(simulation: Simulation) -> int:
    found = simulation.world.get("horizontalpodautoscalers", NAMESPACE, "web")
    assert found is not None
    return int(found["spec"]["minReplicas"])


def test_what_is_over_is_given_back_and_not_before(bag: DagBag, floored: Simulation) -> None:
    assert (*swept(bag), minimum(floored)) == ("success", [], 4)

    floored.world.advance(3700)
    ended, (released,) = swept(bag)
    assert (ended, released["service"], released["outcome"]) == ("success", "web", "succeeded")
    assert minimum(floored) == 2


def test_a_service_that_is_not_well_keeps_its_floor_and_the_dag_is_red(bag: DagBag, floored: Simulation) -> None:
    floored.world.advance(3700)
    floored.world.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": NAMESPACE},
            "spec": {"selector": {"app": "nobody"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
        }
    )
    floored.world.advance(5)

    assert swept(bag)[0] == "failed"
    assert minimum(floored) == 4
