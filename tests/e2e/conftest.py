"""One suite, two clusters: `--cluster=sandbox` (the embedded one) or `--cluster=real`."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import pytest

from cluster.build import obstacle
from cluster.lifecycle import Cluster as OwnCluster
from cluster.link import linked_with
from cluster.neighbours import installed
from cluster.settings import place_from_environment
from e2e.command import Springtide
from e2e.manifests import Web
from e2e.observer import Observer
from e2e.real_cluster import RealCluster, is_ours, open_real_cluster
from e2e.sandbox_cluster import start_sandbox
from e2e.scenario import Scenario
from e2e.stages import Given

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.clusters import Cluster


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice."""
    about = "the cluster that tests/e2e runs on"
    parser.addoption("--cluster", choices=("sandbox", "real"), default="sandbox", help=about)


def pytest_sessionstart(session: pytest.Session) -> None:
    """End at once where the chosen cluster cannot be had, with one line that says why; with CI, as a failure."""
    if chosen(session.config) == "real" and "KUBECONFIG" not in os.environ and (reason := obstacle()):
        pytest.exit(f"left out: tests/e2e on a real Kubernetes: {reason}", returncode=1 if os.environ.get("CI") else 0)


def chosen(config: pytest.Config) -> str:
    """Return the choice; when all of tests/ is run, pytest meets this file too late to ask for one."""
    return str(config.getoption("--cluster", default="sandbox"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out what is about a real Kubernetes only, and what only one of ours lets do to it."""
    is_real = chosen(config) == "real"
    is_own = is_real and is_ours()
    is_linked = is_own and linked_with(OwnCluster.find(place_from_environment())) is not None
    unwanted = {"real_cluster": not is_real, "own_cluster": not is_own, "linked": not is_linked}
    there = installed(place_from_environment()) if is_own else frozenset()
    left_out = [
        item
        for item in items
        if any(item.get_closest_marker(name) and out for name, out in unwanted.items())
        or not there.issuperset(name for marker in item.iter_markers("neighbours") for name in marker.args)
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The chosen cluster, running."""
    is_real = chosen(request.config) == "real"
    opened: Cluster = open_real_cluster() if is_real else start_sandbox(tmp_path_factory.mktemp("sandbox"))
    yield opened
    opened.stop()


@pytest.fixture
def own_cluster(cluster: Cluster) -> RealCluster:
    """The chosen cluster, where it is one of tests/cluster."""
    assert isinstance(cluster, RealCluster)
    return cluster


@pytest.fixture
def given(cluster: Cluster, tmp_path: Path) -> Iterator[Given]:
    """The beginning of a scenario, in a namespace of its own."""
    namespace = f"e2e-{secrets.token_hex(4)}"
    see = Observer(cluster.kubeconfig, namespace)
    see.create_namespace()
    springtide = Springtide(cluster.kubeconfig_for(see, tmp_path), tmp_path)
    scenario = Scenario(cluster, see, springtide, Web(namespace))
    yield Given(scenario)
    scenario.close()
    see.delete_namespace()
    see.close()
