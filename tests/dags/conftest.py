"""A throw-away Airflow: its settings stand before anything imports Airflow, and its folder goes with the session."""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

    from springtide.run.ports import Ports
    from support.simulation import Simulation

ROOT = Path(__file__).parents[2]
HOME = Path(tempfile.mkdtemp(prefix="springtide-airflow-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

os.environ.update(
    AIRFLOW_HOME=str(HOME),
    AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(ROOT / "plugins"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    # `dag.test()` keeps every DAG anew, but by default not within 30 s: forms would have an earlier test's services.
    AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL="0",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{HOME}/airflow.db",
    AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
    AIRFLOW__API_AUTH__JWT_SECRET="a-secret-of-this-session-alone-with-more-than-sixty-four-characters",
    SPRINGTIDE_POLICIES=str(HOME / "policies"),
    SPRINGTIDE_STORE_URL=f"sqlite:///{HOME}/runs.db",
)


@pytest.fixture(scope="session")
def policies() -> Path:
    """Return the folder of policies that the DAGs see: two services."""
    folder = HOME / "policies"
    folder.mkdir(exist_ok=True)
    for name in ("checkout", "search"):
        (folder / f"{name}.yaml").touch()
    return folder


@pytest.fixture(scope="session")
def bag(policies: Path) -> DagBag:
    """Return every DAG of the repository, with Airflow's database behind it."""
    assert policies.is_dir()
    from airflow import plugins_manager
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    initdb()
    with warnings.catch_warnings(action="ignore", category=Warning):  # Airflow's own, when these are first loaded
        plugins_manager.get_timetables_plugins()
        importlib.import_module("starlette.testclient")  # `dag.test()` asks the execution API through it
    return DagBag(str(ROOT / "dags"))


@pytest.fixture(autouse=True)
def params_as_written(request: pytest.FixtureRequest) -> Iterator[None]:
    """Put the parameters of every DAG back: `dag.test()` leaves the conf of one run as the default of the next."""
    if "bag" not in request.fixturenames:
        yield
        return
    bag: DagBag = request.getfixturevalue("bag")
    owners: list[Any] = [owner for dag in bag.dags.values() for owner in (dag, *dag.tasks)]  # they share their values
    written = [deepcopy(owner.params) for owner in owners]
    yield
    for owner, params in zip(owners, written, strict=True):
        owner.params = params


@pytest.fixture(scope="session")
def scale_service(bag: DagBag) -> DAG:
    """Return the DAG of one scaling run."""
    return bag.dags["scale_service"]


@pytest.fixture
def simulation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    """A workload of two pods; the tasks' ports are the simulation's, and their policy is `checkout`."""
    from springtide_airflow.hook import SpringtideHook
    from support.builders import policy_text
    from support.simulation import Simulation

    monkeypatch.setenv("SPRINGTIDE_POLICIES", str(tmp_path))
    (tmp_path / "checkout.yaml").write_text(policy_text("checkout"))
    made = Simulation.of(2)

    @contextmanager
    def ports(_hook: SpringtideHook, _on_wait: Callable[[str], None]) -> Iterator[Ports]:
        yield made.ports()

    monkeypatch.setattr(SpringtideHook, "ports", ports)
    monkeypatch.setattr(SpringtideHook, "cluster_ports", lambda _hook: made.ports())
    monkeypatch.setattr(SpringtideHook, "kept_kube", lambda _hook: made.ports().kube)
    return made
