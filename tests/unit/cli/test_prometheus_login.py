"""How the command line logs in to a Prometheus: by options, and by the environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from springtide.cli.main import app
from unit.demand.prometheus_server import Prometheus, serve, text

POLICY = """\
apiVersion: springtide/v1
kind: ScalingPolicy
metadata: {name: web, owner: shop}
spec:
  target: {namespace: shop, deployment: web, service: web}
  replicas: {min: 1, max: 50}
  demand: {source: prometheus, query: sum(rps), unit: requests/s}
  capacity: {models: [{model: target_utilization, per_replica: 100, target: 0.7}]}
  strategy: {type: in_place}
"""


@pytest.fixture
def mimir() -> Iterator[Prometheus]:
    """A server that wants a tenant and a token."""
    with serve() as server:
        server.prefix = "/prometheus"
        server.value = lambda _moment: 140
        server.refusal = lambda sent: (
            None
            if (sent.get("x-scope-orgid"), sent.get("authorization")) == ("shop", "Bearer hidden")
            else text(401, "no org id\n")
        )
        yield server


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "web.yaml").write_text(POLICY)
    (tmp_path / "token").write_text("hidden\n")
    return tmp_path


def explain(place: Path, mimir: Prometheus, *arguments: str) -> Result:
    where = ["--policies", f"{place}/policies", "--store", f"sqlite:///{place}/runs.db"]
    asked = ["--prometheus", f"{mimir.url}/prometheus", *arguments]
    return CliRunner().invoke(app, ["explain", "web", "--current", "2", *where, *asked])


def test_options_name_the_tenant_and_the_token(place: Path, mimir: Prometheus) -> None:
    tenant = ["--prometheus-header", "X-Scope-OrgID: shop", "--prometheus-token-file", f"{place}/token"]

    done = explain(place, mimir, *tenant)

    assert done.exit_code == 0, done.output
    assert "demand 140 requests/s" in done.output


def test_the_environment_says_the_same(place: Path, mimir: Prometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPRINGTIDE_PROMETHEUS_HEADERS", "X-Team: a\nX-Scope-OrgID: shop\n")
    monkeypatch.setenv("SPRINGTIDE_PROMETHEUS_TOKEN_FILE", f"{place}/token")

    assert explain(place, mimir).exit_code == 0
    assert {sent["X-Team"] for sent in mimir.headers} == {"a"}


def test_without_a_login_the_command_names_the_option(place: Path, mimir: Prometheus) -> None:
    done = explain(place, mimir)

    assert done.exit_code == 1
    assert "no org id" in done.stderr
    assert "--prometheus-header" in done.stderr


@pytest.mark.parametrize("header", ["hidden", ": hidden", "X Y: hidden", "X-Y:"])
def test_a_header_that_is_none_is_refused_without_its_content(place: Path, mimir: Prometheus, header: str) -> None:
    done = explain(place, mimir, "--prometheus-header", header)

    assert done.exit_code == 1
    assert "header_invalid" in done.stderr
    assert "hidden" not in done.stderr
    assert mimir.asked == []
