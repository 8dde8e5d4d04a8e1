"""What a plain `pip install springtide` can do, and how it names what an extra would add."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.sandbox_cluster import SandboxCluster, start_sandbox
from package.installed import ROOT, Installation, build_wheel, install

pytestmark = pytest.mark.xdist_group("installed_package")  # one worker installs once

POLICY = """
apiVersion: springtide/v1
kind: ScalingPolicy
metadata: {name: checkout, owner: payments}
spec:
  target: {namespace: shop, deployment: checkout, service: checkout}
  replicas: {min: 3, max: 20}
  demand: {source: file, path: demand.csv.gz, as_of: "1998-06-23T14:15:00Z", unit: requests/s, lookback: 21d}
  capacity:
    models:
      - {model: auto, per_replica: 310}
  strategy: {type: blue_green}
"""
OF_EXTRAS = {"great-expectations", "jsonpatch", "plotly", "psycopg", "pyarrow", "statsforecast", "uvloop"}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("installed")
    installed = install(folder, build_wheel(folder))
    policies = folder / "policies"
    policies.mkdir()
    (policies / "checkout.yaml").write_text(POLICY)
    shutil.copy(ROOT / "examples" / "traces" / "wc98-match-day.csv.gz", policies / "demand.csv.gz")
    return installed


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[SandboxCluster]:
    sandbox = start_sandbox(tmp_path, "-f", str(ROOT / "examples" / "workloads" / "checkout.yaml"))
    yield sandbox
    sandbox.stop()


def test_nothing_of_an_extra_or_of_airflow_comes_with_it(installation: Installation) -> None:
    installed = installation.distributions()

    assert "springtide" in installed
    assert installed & (OF_EXTRAS | {"apache-airflow", "apache-airflow-core", "pytest"}) == set()


def test_it_carries_the_plugin_and_every_dag(installation: Installation) -> None:
    (site,) = (installation.folder / "venv" / "lib").glob("python*/site-packages")
    installed = {str(path.relative_to(site)) for path in site.rglob("*.py")}
    plugin = {f"springtide_airflow/{path.name}" for path in (ROOT / "plugins" / "springtide_airflow").glob("*.py")}
    dags = {f"springtide_airflow/dags/{path.name}" for path in (ROOT / "dags").glob("*.py")}

    assert len(dags) >= 7
    assert sorted({*plugin, *dags, "springtide_plugin.py"} - installed) == []
    assert [path for path in installed if path.startswith(("tests/", "examples/", "dags/"))] == []


def test_it_lists_its_commands(installation: Installation) -> None:
    done = installation.springtide("--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert {"plan", "run", "status", "sandbox"} <= set(done.stdout.split())


def test_it_plans_with_the_model_auto(installation: Installation, cluster: SandboxCluster) -> None:
    done = installation.springtide("plan", "checkout", "--kubeconfig", cluster.kubeconfig, "--output", "json")

    told = done.stderr.splitlines()
    assert (done.returncode, len(told)) == (0, 1)
    assert "demand is known for 2.6 days" in told[0]  # the file is of three days, and the policy asks for 21
    plan = json.loads(done.stdout)
    assert [answer["model"] for answer in plan["estimate"]["answers"]] == ["auto"]
    assert (plan["current"], plan["replicas"]) == (3, 6)


def test_it_validates_policies_without_a_cluster(installation: Installation) -> None:
    done = installation.springtide("validate", ROOT / "examples" / "policies")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("sandbox",), "sandbox"),
        (("backtest", "checkout", "--from", "1998-06-23", "--to", "1998-06-24", "--report", "page.html"), "plots"),
        (("status", "--store", "postgresql://nobody@localhost/none"), "postgresql"),
    ],
    ids=["sandbox", "plots", "postgresql"],
)
def test_a_command_of_an_extra_names_it(installation: Installation, arguments: tuple[str, ...], extra: str) -> None:
    done = installation.springtide(*arguments)

    assert done.returncode == 1
    assert "extra_missing" in done.stderr
    assert f"pip install 'springtide[{extra}]'" in " ".join(done.stderr.split())
