"""Connections of Airflow become ports of a run, and their secrets appear nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from springtide.demand.access import PrometheusAccess
from springtide.errors import InputError
from springtide.kube.write_pace import pace_of
from springtide_airflow.hook import SpringtideHook

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: me, user: {token: hidden-token}}]
"""


def connect(monkeypatch: pytest.MonkeyPatch, name: str, **fields: object) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(fields))


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"conn_type": "http", "host": "prom"}, "http://prom"),
        ({"conn_type": "http", "host": "prom", "port": 9090}, "http://prom:9090"),
        ({"conn_type": "http", "host": "prom", "schema": "https", "port": 443}, "https://prom:443"),
        ({"conn_type": "http", "host": "https://prom.example/tenant/"}, "https://prom.example/tenant"),
        ({"conn_type": "http", "host": "http://prom/tenant", "port": 9090}, "http://prom:9090/tenant"),
        ({"conn_type": "http", "host": "http://me:hidden@prom"}, "http://prom"),
    ],
)
def test_prometheus_address_holds_no_credentials(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, object], url: str
) -> None:
    connect(monkeypatch, "prometheus_default", **fields)

    assert SpringtideHook().metrics().url == url


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({}, {}),
        ({"login": "me", "password": "hidden"}, {"Authorization": "Basic bWU6aGlkZGVu"}),
        ({"password": "hidden"}, {"Authorization": "Bearer hidden"}),
        ({"extra": {"headers": {"X-Scope-OrgID": "shop"}}}, {"X-Scope-OrgID": "shop"}),
    ],
)
def test_prometheus_credentials_travel_in_headers(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, object], headers: dict[str, str]
) -> None:
    connect(monkeypatch, "prometheus_default", conn_type="http", host="prom", **fields)

    assert SpringtideHook().metrics().headers == headers


@pytest.mark.parametrize("host", ["", "ftp://prom", "file:///etc/passwd"])
def test_prometheus_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    connect(monkeypatch, "prometheus_default", conn_type="http", host=host, password="hidden")

    with pytest.raises(InputError) as refused:
        SpringtideHook().metrics()

    assert refused.value.field == "prometheus_default"
    assert "hidden" not in refused.value.message


def test_files_to_log_in_with_are_extra_fields_of_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"token_file": "/run/token", "ca": "/tls/ca.pem", "certificate": "/tls/tls.crt", "key": "/tls/tls.key"}
    extra = {"headers": {"X-Scope-OrgID": "shop"}, **files}
    connect(monkeypatch, "prometheus_default", conn_type="http", host="mimir/prometheus", schema="https", extra=extra)

    metrics = SpringtideHook().metrics()

    assert metrics.url == "https://mimir/prometheus"
    assert metrics.access == PrometheusAccess(
        headers={"X-Scope-OrgID": "shop"}, **{name: Path(file) for name, file in files.items()}
    )


@pytest.mark.parametrize("headers", ["hidden", ["hidden"], {"X Y": "hidden"}, {"X-Scope-OrgID": "hidden\r\nX: y"}])
def test_headers_that_are_none_are_refused_without_their_content(
    monkeypatch: pytest.MonkeyPatch, headers: object
) -> None:
    connect(monkeypatch, "prometheus_default", conn_type="http", host="prom", extra={"headers": headers})

    with pytest.raises(InputError) as refused:
        SpringtideHook().metrics()

    assert refused.value.code == "header_invalid"
    assert "hidden" not in refused.value.message


def test_without_a_prometheus_connection_there_is_no_prometheus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_PROMETHEUS_DEFAULT", raising=False)

    assert SpringtideHook(prometheus_conn_id="prometheus_missing").metrics().url is None


def test_cluster_of_the_kubernetes_connection_never_has_a_request_sent_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(KUBECONFIG)
    extra = {"kube_config_path": str(tmp_path / "config")}
    connect(monkeypatch, "kubernetes_default", conn_type="kubernetes", extra=extra)

    client = SpringtideHook().kube()._client

    assert client.configuration.host == "http://127.0.0.1:9"
    assert client.rest_client.pool_manager.connection_pool_kw["retries"].total is False


@pytest.mark.usefixtures("cluster")
def test_all_clients_of_a_task_write_at_the_pace_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPRINGTIDE_API_WRITES", "7")

    clients = [SpringtideHook().kube(), SpringtideHook().kube()]

    assert [client._pace for client in clients] == [pace_of("http://127.0.0.1:9", 7)] * 2
    assert clients[0]._pace is clients[1]._pace


@pytest.mark.parametrize("text", ["not a kubeconfig: hidden-token", "{", None])
def test_kubernetes_connection_that_cannot_be_used_is_named_without_its_content(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "config").write_text(text)
    extra = {"kube_config_path": str(tmp_path / "config")}
    connect(monkeypatch, "kubernetes_default", conn_type="kubernetes", extra=extra)

    with pytest.raises(InputError) as refused:
        SpringtideHook().kube()

    assert refused.value.field == "kubernetes_default"
    assert "hidden-token" not in refused.value.message


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A connection that can be used, and a store of its own."""
    (tmp_path / "config").write_text(KUBECONFIG)
    connect(monkeypatch, "kubernetes_default", conn_type="kubernetes", extra={"kube_config_path": f"{tmp_path}/config"})
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", f"sqlite:///{tmp_path}/runs.db")


def installation() -> str:
    """Return how a new task of this Airflow calls it in its Leases."""
    with SpringtideHook().ports(lambda _message: None) as ports:
        return ports.installation


@pytest.mark.usefixtures("cluster")
def test_every_task_has_the_installation_of_the_store_and_another_store_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = installation()
    assert installation() == first

    monkeypatch.setenv("SPRINGTIDE_STORE_URL", f"sqlite:///{tmp_path}/other.db")

    assert installation() not in {"", first}


@pytest.mark.usefixtures("cluster")
def test_a_name_of_the_environment_goes_before_the_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPRINGTIDE_INSTALLATION", "shop-production")

    assert installation() == "shop-production"
