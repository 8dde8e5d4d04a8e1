"""Which cluster is meant: kubectl's order. The answers for one file and for several are those that kubectl gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from springtide.errors import InputError
from springtide.kube.kubeconfig import IN_CLUSTER, find_cluster, without_credentials

SECRET = "s3cr3t-token"
POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
ALPHA = "http://alpha:1001"
DELTA = "http://delta:3003"
IN_POD = "https://10.96.0.1:443"


def config(
    current: str | None = None, *, contexts: Mapping[str, str] | None = None, clusters: Mapping[str, str] | None = None
) -> str:
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url}} for name, url in (clusters or {}).items()],
        "users": [{"name": "me", "user": {"token": SECRET}}],
        "contexts": [
            {"name": name, "context": {"cluster": cluster, "user": "me"}} for name, cluster in (contexts or {}).items()
        ],
    }
    return json.dumps(document if current is None else document | {"current-context": current})


FILES = {
    "first": config("x", contexts={"x": "c"}, clusters={"c": ALPHA}),
    "second": config("y", contexts={"y": "d"}, clusters={"c": "http://beta:2002", "d": DELTA}),
    "same": config("x", contexts={"x": "d"}, clusters={"c": DELTA, "d": DELTA}),
    "no-current": config(contexts={"x": "c"}, clusters={"c": ALPHA}),
    "empty-current": config("", contexts={"x": "c"}, clusters={"c": ALPHA}),
    "only-current": config("lost"),
    "no-cluster": config("x", contexts={"x": "none"}),
    "empty": "",
    "nulls": '{"contexts": null, "clusters": null, "users": null}',
    "broken": f"users: [{{name: me, user: {{token: {SECRET}",
    "list": "[1]",
    "text": SECRET,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(config("home", contexts={"home": "h"}, clusters={"h": "http://home:1"}))
    return tmp_path


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """The environment of a pod with a service account."""
    from kubernetes.config import incluster_config

    for constant, name in (("SERVICE_TOKEN_FILENAME", "token"), ("SERVICE_CERT_FILENAME", "ca.crt")):
        (tmp_path / name).write_text("of the pod")
        monkeypatch.setattr(incluster_config, constant, str(tmp_path / name))
    return POD


def listed(folder: Path, *names: str) -> str:
    return ":".join(str(folder / name) if name else "" for name in names)


def found(folder: Path, *names: str, context: str | None = None, **environment: str) -> tuple[str, str]:
    variables = {"HOME": str(folder), "KUBECONFIG": listed(folder, *names)} | environment
    address = find_cluster(context=context, environment=variables).address
    return address.context, address.server


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("first", "second"), ("x", ALPHA)),
        (("second", "first"), ("y", DELTA)),
        (("first", "same"), ("x", ALPHA)),
        (("same", "first"), ("x", DELTA)),
        (("no-current", "second"), ("y", DELTA)),
        (("empty-current", "second"), ("y", DELTA)),
        (("nowhere", "second"), ("y", DELTA)),
        (("empty", "second"), ("y", DELTA)),
        (("nulls", "second"), ("y", DELTA)),
        (("", "second", ""), ("y", DELTA)),
        (("second", "only-current"), ("y", DELTA)),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else None,
)
def test_of_several_files_the_first_word_counts(
    folder: Path, pod: Mapping[str, str], names: tuple[str, ...], expected: tuple[str, str]
) -> None:
    assert found(folder, *names, **pod) == expected


def test_a_context_that_is_asked_for_may_be_in_any_of_them(folder: Path, pod: Mapping[str, str]) -> None:
    assert found(folder, "first", "second", context="y", **pod) == ("y", DELTA)


def test_the_file_of_the_command_line_stands_alone(folder: Path, pod: Mapping[str, str]) -> None:
    environment = {"HOME": str(folder), "KUBECONFIG": listed(folder, "second"), **pod}

    assert find_cluster(folder / "first", environment=environment).address.server == ALPHA


def test_without_the_variable_it_is_the_file_at_home(folder: Path, pod: Mapping[str, str]) -> None:
    environment = {"HOME": str(folder), "KUBECONFIG": "", **pod}

    assert find_cluster(environment=environment).address.context == "home"


@pytest.mark.parametrize("names", [("nowhere",), ("", ""), ("empty",), ("no-current",), ("nulls",)], ids="+".join)
def test_what_names_no_cluster_leaves_it_to_the_service_account(
    folder: Path, pod: Mapping[str, str], names: tuple[str, ...]
) -> None:
    """While the variable is set, the file at home is not read."""
    assert found(folder, *names, **pod) == (IN_CLUSTER, IN_POD)


@pytest.mark.parametrize("missing", [*POD, "token"])
def test_a_part_of_a_service_account_is_none(
    folder: Path, pod: Mapping[str, str], missing: str, tmp_path: Path
) -> None:
    if missing == "token":
        (tmp_path / "token").unlink()
    environment = {name: value for name, value in pod.items() if name != missing}

    with pytest.raises(InputError, match="is not there, and this is no pod with a service account"):
        found(folder, "nowhere", **environment)


@pytest.mark.parametrize(
    ("names", "context", "message"),
    [
        (("broken", "second"), None, r"broken is not valid YAML in line 1\."),
        (("list", "second"), None, "list holds a list, not a kubeconfig"),
        (("text",), None, "text holds a str, not a kubeconfig"),
        (("only-current", "second"), None, "context 'lost' is not in .*; there are: y"),
        (("nowhere",), "y", "context 'y' is not in .*; there are: none"),
        (("second",), "z", "context 'z' is not in .*; there are: y"),
        (("no-cluster",), None, "cluster 'none' of context 'x' has no server"),
    ],
)
def test_what_was_named_and_cannot_be_had_is_never_another_cluster(
    folder: Path, pod: Mapping[str, str], names: tuple[str, ...], context: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message) as raised:
        found(folder, *names, context=context, **pod)

    assert raised.value.code == "cluster_unreachable"
    assert SECRET not in raised.value.message


@pytest.mark.parametrize("name", ["nowhere", "", "no-current", "empty"])
def test_a_file_of_the_command_line_that_names_no_cluster_is_refused(
    folder: Path, pod: Mapping[str, str], name: str
) -> None:
    with pytest.raises(InputError, match="Pass --kubeconfig FILE"):
        find_cluster(folder / name, environment={"HOME": str(folder), **pod})


@pytest.mark.parametrize(
    "entry",
    [{"name": "me", "token": SECRET}, {"user": {"token": SECRET}}, SECRET, [SECRET], {"name": "me", "user": SECRET}],
    ids=["no user", "no name", "a text", "a list", "a text as user"],
)
def test_credentials_that_cannot_be_used_are_not_shown(folder: Path, entry: object) -> None:
    document = json.loads(FILES["first"]) | {"users": [entry]}
    (folder / "odd").write_text(json.dumps(document))

    with pytest.raises(InputError, match="x: its credentials or certificates cannot be used") as raised:
        find_cluster(folder / "odd").settings()

    assert SECRET not in raised.value.message
    assert raised.value.__cause__ is None


def test_the_client_goes_where_the_address_says(folder: Path, pod: Mapping[str, str]) -> None:
    """The client alone would take the last file's current context, and in a pod the service account."""
    environment = {"KUBECONFIG": listed(folder, "first", "second"), **pod}

    settings = find_cluster(environment=environment).settings()

    assert settings.host == ALPHA
    assert settings.api_key["BearerToken"] == f"Bearer {SECRET}"
    assert settings.retries is False


def test_the_service_account_is_used_as_it_stands(pod: Mapping[str, str]) -> None:
    cluster = find_cluster(environment={"HOME": "/nowhere", **pod})

    settings = cluster.settings()

    assert (settings.host, cluster.address.server) == (IN_POD, IN_POD)
    assert settings.api_key["BearerToken"] == "bearer of the pod"


def test_files_that_are_not_there_are_told(folder: Path, pod: Mapping[str, str]) -> None:
    environment = {"KUBECONFIG": listed(folder, "nowhere"), **pod}

    told = str(find_cluster(environment=environment).address)

    assert told == (
        f"in-cluster service account, server {IN_POD} (KUBECONFIG names files that are not there: {folder}/nowhere)"
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://ada:{SECRET}@api:6443/prefix/?token={SECRET}#{SECRET}", "https://api:6443/prefix"),
        (f"https://{SECRET}@[::1]:6443", "https://[::1]:6443"),
        ("https://api:6443", "https://api:6443"),
        (f"https://[{SECRET}", "(not a valid URL)"),
    ],
)
def test_an_address_holds_no_credentials(url: str, shown: str) -> None:
    assert without_credentials(url) == shown
