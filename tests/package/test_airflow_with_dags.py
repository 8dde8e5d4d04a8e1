"""springtide beside other people's DAGs: by pip alone, and what they have stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.sandbox_cluster import SandboxCluster, start_sandbox
from package.existing_airflow import SETTINGS, ExistingAirflow
from package.first_dry_run import BUNDLES, POLICY
from package.installed import ROOT, UV, build_wheel, call

pytestmark = [pytest.mark.xdist_group("airflow_with_dags"), pytest.mark.timeout(900)]  # one worker makes one Airflow

OURS = {path.stem for path in (ROOT / "dags").glob("*.py")}
BUNDLE_LIST = ("dag_processor", "dag_bundle_config_list")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """An Airflow with springtide in it, and what it was before."""

    airflow: ExistingAirflow
    seen_before: dict[str, Any]
    paused_before: dict[str, bool]


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Beside:
    folder = tmp_path_factory.mktemp("existing")
    airflow = ExistingAirflow.make(folder, "invoices", "payroll")
    airflow.airflow("dags", "unpause", "--yes", "invoices")
    seen = airflow.seen()
    paused = airflow.paused()
    call(UV, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", airflow.python, build_wheel(folder))
    airflow.add_settings(f"\n[dag_processor]\ndag_bundle_config_list = {json.dumps(BUNDLES)}\n")
    airflow.read_dags()
    return Beside(airflow=airflow, seen_before=seen, paused_before=paused)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[SandboxCluster]:
    sandbox = start_sandbox(tmp_path, "-f", str(ROOT / "examples" / "workloads" / "checkout.yaml"))
    yield sandbox
    sandbox.stop()


def test_their_dags_stay_and_ours_come_as_each_says_of_itself(beside: Beside) -> None:
    paused = beside.airflow.paused()

    assert beside.paused_before == {"invoices": False, "payroll": True}
    assert {dag: paused[dag] for dag in beside.paused_before} == beside.paused_before
    assert paused.keys() - beside.paused_before.keys() == OURS
    assert {dag for dag in OURS if paused[dag]} == {"adjust_capacity"}
    assert beside.airflow.import_errors() == []


def test_no_setting_but_the_list_of_bundles_changes_and_the_plugin_is_that_of_the_package(beside: Beside) -> None:
    seen = beside.airflow.seen()
    changed = {
        (section, name): value
        for section, options in seen["settings"].items()
        for name, value in options.items()
        if beside.seen_before["settings"].get(section, {}).get(name) != value
    }

    assert beside.seen_before["settings"]["core"]["parallelism"] == "7"
    assert changed.keys() == {BUNDLE_LIST}
    assert (beside.airflow.folder / "home" / "airflow.cfg").read_text().startswith(SETTINGS)
    assert beside.seen_before["plugins"].keys() == seen["plugins"].keys() - {"springtide"}
    assert seen["plugins"]["springtide"].startswith("springtide==")
    assert seen["errors"] == beside.seen_before["errors"] == {}


def test_a_clone_s_plugins_folder_goes_before_the_package_and_nothing_is_loaded_twice(beside: Beside) -> None:
    seen = beside.airflow.seen(AIRFLOW__CORE__PLUGINS_FOLDER=str(ROOT / "plugins"), PYTHONPATH=str(ROOT / "plugins"))

    assert seen["plugins"]["springtide"] == "$PLUGINS_FOLDER/springtide_plugin.py"
    assert seen["errors"] == {}


def test_the_first_dry_run_plans_and_changes_nothing(beside: Beside, cluster: SandboxCluster) -> None:
    policies = beside.airflow.folder / "home" / "springtide" / "policies"
    policies.mkdir(parents=True)
    (policies / "checkout.yaml").write_text(POLICY)
    asked = json.dumps({"service": "checkout", "dry_run": True, "reason": "the first"})

    told = beside.airflow.airflow("dags", "test", "scale_service", "--conf", asked, KUBECONFIG=str(cluster.kubeconfig))

    assert "3 → 4 replicas: 4 replicas are needed (fixed: the policy's fixed number)" in told
    assert "nothing is changed: this is a dry run" in told
    assert "successful" in told
