"""deploy/helm: the settings are those of airflow.env, no secret is in them, and nothing is named that is not there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from architecture.sources import ROOT
from springtide import __version__
from springtide.settings import variables

Json = dict[str, Any]

HELM: Final = ROOT / "deploy" / "helm"
FILES: Final = ("values.yaml", "git-sync.yaml")
ELSEWHERE: Final = {"AIRFLOW__CORE__EXECUTOR"}
"""What airflow.env says and the chart has a key of its own for."""

each_file = pytest.mark.parametrize("name", FILES)


def values(name: str) -> Json:
    document: Json = YAML(typ="safe").load(HELM / name)
    return document


def environment(name: str) -> dict[str, str]:
    return {each["name"]: each["value"] for each in values(name)["env"]}


def airflow_env() -> dict[str, str]:
    lines = (ROOT / "deploy" / "airflow" / "airflow.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def leaves(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value with its path."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from leaves(value, f"{path}.{key}")
    elif isinstance(document, list):
        for value in document:
            yield from leaves(value, path)
    else:
        yield path.lstrip("."), document


@each_file
def test_airflow_is_set_as_everywhere_else(name: str) -> None:
    wanted = {key: value for key, value in airflow_env().items() if key not in ELSEWHERE}

    assert {key: environment(name).get(key) for key in wanted} == wanted


@each_file
def test_a_value_of_the_environment_is_a_string_as_kubernetes_wants_it(name: str) -> None:
    assert {type(value) for value in environment(name).values()} == {str}


@each_file
def test_settings_of_springtide_in_the_chart_are_those_that_it_has(name: str) -> None:
    known = {variable.name for variable in variables().values()}

    assert {key for key in environment(name) if key.startswith("SPRINGTIDE_")} <= known


def test_git_sync_changes_where_policies_and_calendars_are_and_nothing_else() -> None:
    plain = environment("values.yaml")
    synced = environment("git-sync.yaml")

    changed = {key for key in plain.keys() | synced.keys() if plain.get(key) != synced.get(key)}

    assert changed == {"SPRINGTIDE_POLICIES", "SPRINGTIDE_CALENDARS"}


@each_file
def test_secrets_are_named_and_not_said(name: str) -> None:
    words = ("password", "passwd", "fernetkey", "secretkey", "jwtsecret", "brokerurl", "pass")

    said = [path for path, _ in leaves(values(name)) if path.rpartition(".")[2].lower() in words]

    assert said == []
    assert all("@" not in str(value) for _, value in leaves(values(name)))


def test_connections_of_the_environment_hold_no_password() -> None:
    connections = {key: json.loads(value) for key, value in environment("values.yaml").items() if "_CONN_" in key}

    assert connections == {
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": {"conn_type": "kubernetes", "extra": {"in_cluster": True}}
    }


def test_policies_and_calendars_are_mounted_where_the_settings_say() -> None:
    mounts = {each["name"]: each["mountPath"] for each in values("values.yaml")["volumeMounts"]}
    said = environment("values.yaml")

    assert mounts == {"policies": said["SPRINGTIDE_POLICIES"], "calendars": said["SPRINGTIDE_CALENDARS"]}
    assert {each["name"] for each in values("values.yaml")["volumes"]} == mounts.keys()


def test_tasks_and_triggers_have_the_account_that_the_rights_are_bound_to() -> None:
    with (ROOT / "deploy" / "kubernetes" / "rbac.yaml").open() as file:
        account = next(each for each in YAML(typ="safe").load_all(file) if each["kind"] == "ServiceAccount")

    chart = values("values.yaml")
    accounts = [chart["workers"]["kubernetes"]["serviceAccount"], chart["triggerer"]["serviceAccount"]]

    assert {each["name"] for each in accounts} == {account["metadata"]["name"]}
    assert [each["create"] for each in accounts] == [True, False]


def test_programs_of_airflow_s_own_image_are_turned_off() -> None:
    """The image of the Dockerfile has no /clean-logs."""
    chart = values("values.yaml")

    assert [chart[part]["logGroomerSidecar"]["enabled"] for part in ("scheduler", "triggerer", "dagProcessor")] == [
        False
    ] * 3


def test_the_image_is_that_of_all_parts_and_of_the_pods_of_tasks() -> None:
    """The chart takes images.airflow for its own Deployments and not for the pods of tasks."""
    chart = values("values.yaml")

    assert (chart["defaultAirflowRepository"], chart["defaultAirflowTag"]) == (
        "registry.example.com/springtide",
        __version__,
    )
    assert "airflow" not in chart["images"]
