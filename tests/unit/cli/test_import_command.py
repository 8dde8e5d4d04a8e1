"""`springtide import` and `springtide init`: both print what they would do, and write files on request alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from springtide.cli.main import app
from springtide.kube import live
from springtide.sandbox.messages import Request, Response
from springtide.settings import variable_name
from support.courses import autoscaler
from support.simulation import Simulation

MANIFEST = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 2
  triggers:
    - type: cron
      metadata: {timezone: Europe/Berlin, start: 0 8 * * 1-5, end: 0 20 * * 1-5, desiredReplicas: "10"}
    - type: prometheus
      metadata: {query: sum(x)}
"""


def run(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == code, result.output
    return result


def said(result: Result) -> str:
    """Return all that was printed, however it was wrapped."""
    return " ".join(result.output.split())


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "scaledobject.yaml"
    path.write_text(MANIFEST)
    return path


def test_documents_are_printed_with_where_they_belong_and_what_they_are_from(manifest: Path, tmp_path: Path) -> None:
    printed = run("import", manifest).stdout

    policy, calendar = YAML(typ="safe", pure=True).load_all(printed)
    assert (policy["kind"], calendar["kind"]) == ("ScalingPolicy", "EventCalendar")
    assert "# policies/web.yaml\n# Proposed by `springtide import` from ScaledObject shop/web.\n" in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scaledobject.yaml"]


def test_what_is_to_be_known_stands_below_them_as_comments(manifest: Path) -> None:
    lines = run("import", manifest).stdout.splitlines()

    assert "# What stays as it is:" in lines
    assert "# What to do:" in lines
    assert any("ScaledObject shop/web: triggers: cron: remove its cron triggers" in line for line in lines)


def test_written_files_are_valid_and_named(manifest: Path, tmp_path: Path) -> None:
    printed = run("import", manifest, "--write", tmp_path / "repository", "--owner", "platform").stdout

    assert f"# {tmp_path}/repository/policies/web.yaml: written" in printed
    judged = json.loads(run("validate", tmp_path / "repository", "--output", "json").stdout)
    # Valid, and it says that its events are only planned: what is proposed begins by advising.
    assert (judged["errors"], [each["code"] for each in judged["warnings"]]) == ([], ["event_advised"])
    assert "owner: platform" in (tmp_path / "repository" / "policies" / "web.yaml").read_text()


def test_a_file_that_holds_something_else_is_written_over_only_on_request(manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    mine = tmp_path / "policies" / "web.yaml"
    mine.write_text("mine\n")

    refused = run("import", manifest, "--write", tmp_path, code=1)
    assert "--replace" in said(refused)
    assert (mine.read_text(), (tmp_path / "calendars").exists()) == ("mine\n", False)

    run("import", manifest, "--write", tmp_path, "--replace")
    assert "kind: ScalingPolicy" in mine.read_text()


def test_for_programs_all_of_it_is_json(manifest: Path) -> None:
    answer = json.loads(run("import", manifest, "-o", "json").stdout)

    assert [each["path"] for each in answer["documents"]] == [
        "policies/web.yaml", "calendars/shop-europe-berlin.yaml",
    ]  # fmt: skip
    assert {"standing", "subject", "field", "value", "advice"} == set(answer["remarks"][0])
    assert answer["files"] == []


@pytest.mark.parametrize(("arguments", "told"), [
    ([], "--namespace"),
    (["missing.yaml"], "missing.yaml"),
    (["--timezone", "Mars/Olympus", "x.yaml"], "Mars/Olympus"),
])  # fmt: skip
def test_a_mistake_is_told_with_what_to_write(arguments: list[str], told: str) -> None:
    assert told in said(run("import", *arguments, code=1))


def test_a_file_that_cannot_be_read_ends_with_1_and_the_others_are_read(manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("a: [\n")

    printed = run("import", manifest, tmp_path / "broken.yaml", code=1).output

    assert "kind: ScalingPolicy" in printed
    assert "broken.yaml" in printed


def test_files_that_scale_nothing_are_no_import(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n")

    assert "springtide init" in said(run("import", tmp_path / "config.yaml", code=1))


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    """A namespace `shop` with a Deployment `web`, its Service and its HPA, in an embedded cluster."""
    simulation = Simulation.of(2)
    simulation.world.apply(autoscaler(3))
    entry = {"server": "https://shop.example:6443"}
    contexts = [{"name": "shop", "context": {"cluster": "shop"}}]
    document: dict[str, Any] = {"clusters": [{"name": "shop", "cluster": entry}], "contexts": contexts}
    (tmp_path / "kubeconfig").write_text(json.dumps(document | {"current-context": "shop"}))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.delenv(variable_name("prometheus_url"), raising=False)
    monkeypatch.setattr(live, "connected", lambda *_arguments, **_options: simulation.ports().kube)
    return simulation


@pytest.mark.usefixtures("cluster")
def test_a_namespace_of_a_cluster_is_imported_as_files_are() -> None:
    answer = json.loads(run("import", "--namespace", "shop", "-o", "json").stdout)

    (document,) = answer["documents"]
    assert document["sources"] == ["HorizontalPodAutoscaler shop/web"]
    assert document["content"]["spec"]["replicas"] == {"min": 3, "max": 5}


@pytest.mark.usefixtures("cluster")
def test_a_first_policy_is_proposed_and_may_be_written(tmp_path: Path) -> None:
    printed = run("init", "shop", "--write", tmp_path / "new").stdout

    policy = YAML(typ="safe", pure=True).load((tmp_path / "new" / "policies" / "web.yaml").read_text())
    assert policy["spec"]["target"] == {"namespace": "shop", "deployment": "web", "service": "web"}
    assert policy["spec"]["smoke"] == [{"http": {"path": "/readiness"}}]
    assert policy["spec"]["strategy"] == {"type": "floor"}
    assert "no Prometheus was given" in printed
    assert run("validate", tmp_path / "new").exit_code == 0


@pytest.mark.usefixtures("cluster")
def test_a_namespace_without_workloads_is_told() -> None:
    assert "nowhere" in said(run("init", "nowhere", code=1))


def test_the_cluster_is_only_read(cluster: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    methods: list[str] = []
    answer = cluster.world.call

    def recorded(request: Request) -> Response:
        methods.append(request.method)
        return answer(request)

    monkeypatch.setattr(cluster.world, "call", recorded)
    run("import", "--namespace", "shop")
    run("init", "shop")

    assert set(methods) == {"GET"}
