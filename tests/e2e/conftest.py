"""One suite, two clusters: `--cluster=sandbox` (the embedded one) or `--cluster=real`."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import pytest

from cluster.build import obstacle
from e2e.command import Springtide
from e2e.manifests import Web
from e2e.observer import Observer
from e2e.real_cluster import open_real_cluster
from e2e.sandbox_cluster import start_sandbox
from e2e.stages import Given, Scenario

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


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The chosen cluster, running."""
    is_real = chosen(request.config) == "real"
    opened: Cluster = open_real_cluster() if is_real else start_sandbox(tmp_path_factory.mktemp("sandbox"))
    yield opened
    opened.stop()


@pytest.fixture
def given(cluster: Cluster, tmp_path: Path) -> Iterator[Given]:
    """The beginning of a scenario, in a namespace of its own."""
    namespace = f"e2e-{secrets.token_hex(4)}"
    see = Observer(cluster.kubeconfig, namespace)
    see.create_namespace()
    scenario = Scenario(cluster, see, Springtide(cluster.kubeconfig, tmp_path), Web(namespace))
    yield Given(scenario)
    scenario.close()
    see.delete_namespace()
    see.close()
