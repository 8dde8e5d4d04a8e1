"""Which cluster a command goes to: the policy's, and what `--context` has to say beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from springtide.cli.main import app
from springtide.record.model import ScalingRun
from springtide.record.sql import open_store
from springtide.workload import Workload
from support.builders import policy_text

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two policies, `here` and `there`, and a kubeconfig with the contexts `home` and `eu`, behind which is nobody."""
    policies = tmp_path / "policies"
    policies.mkdir()
    target = {"namespace": "shop", "deployment": "web", "service": "web"}
    (policies / "here.yaml").write_text(policy_text("here", target=target))
    (policies / "there.yaml").write_text(policy_text("there", target={"cluster": "eu", **target}))
    (policies / "lost.yaml").write_text(policy_text("lost", target={"cluster": "moon", **target}))
    names = ("home", "eu")
    document = {
        "current-context": "home",
        "clusters": [{"name": name, "cluster": {"server": f"{NOWHERE}/{name}"}} for name in names],
        "users": [{"name": "me", "user": {"token": "hidden"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "me"}} for name in names],
    }
    (tmp_path / "config").write_text(json.dumps(document))
    return tmp_path


def error_of(folder: Path, *arguments: str) -> dict[str, Any]:
    options = [f"--policies={folder}/policies", f"--kubeconfig={folder}/config", "--output=json"]
    result = CliRunner().invoke(app, [*arguments, *options])
    assert result.exit_code in {1, 75}, result.output
    error: dict[str, Any] = json.loads(result.stderr)["error"]
    return error


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["here"], "/home"),
        (["here", "--context=eu"], "/eu"),
        (["there"], "/eu"),
        (["there", "--context=eu"], "/eu"),
    ],
    ids=" ".join,
)
def test_a_policys_cluster_goes_before_the_current_context(
    folder: Path, arguments: list[str], asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    went: list[str] = []

    def connected(cluster: Any, **_: Any) -> Any:
        went.append(cluster.address.server)
        raise _Stop

    monkeypatch.setattr("springtide.kube.live.connected", connected)
    options = [f"--policies={folder}/policies", f"--kubeconfig={folder}/config"]
    CliRunner().invoke(app, ["plan", *arguments, *options])

    assert went == [f"{NOWHERE}{asked}"]


class _Stop(Exception):
    """The command has gone far enough."""


def test_a_context_beside_another_cluster_is_refused(folder: Path) -> None:
    error = error_of(folder, "plan", "there", "--context=home")

    assert error["code"] == "context_conflict"
    assert "--context is home, and target.cluster of policy there is eu" in error["message"]


def test_a_context_that_is_in_no_kubeconfig_is_named_with_its_policy(folder: Path) -> None:
    error = error_of(folder, "plan", "lost")

    assert (error["code"], error["field"]) == ("cluster_unreachable", "target.cluster")
    assert error["message"].startswith("target.cluster of policy lost is moon: ")


def test_status_has_a_column_for_clusters_where_there_are_several(folder: Path) -> None:
    url = f"sqlite:///{folder}/runs.db"
    target = Workload(namespace="shop", deployment="web", service="web")
    run = ScalingRun(
        run_id="run-1",
        policy="here",
        target=target,
        strategy="in_place",
        requested_by="ada",
        reason="a test",
        started_at=datetime(2026, 11, 2, tzinfo=UTC),
    )
    with open_store(url) as store:
        store.save(run)
    alone = CliRunner().invoke(app, ["status", "--store", url]).stdout
    with open_store(url) as store:
        store.save(replace(run, run_id="run-2", policy="there", target=replace(target, cluster="eu")))
    both = CliRunner().invoke(app, ["status", "--store", url]).stdout

    assert "cluster" not in alone
    assert "cluster" in both
    with open_store(url) as store:
        assert [store.get(name).target.cluster for name in ("run-1", "run-2")] == ["", "eu"]
