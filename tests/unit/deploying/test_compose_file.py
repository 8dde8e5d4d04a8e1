"""What docker-compose.yaml promises: no secret, no unknown version, no rights of root, and nothing that is missing.

A Docker engine is not needed: the file is read, its anchors resolved, and every service is judged.
"""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from architecture.sources import ROOT
from springtide.sandbox.network import Network
from springtide.settings import variables

Json = dict[str, Any]

COMPOSE: Final[Json] = YAML(typ="safe").load(ROOT / "docker-compose.yaml")
SERVICES: Final[dict[str, Json]] = COMPOSE["services"]
ONE_SHOTS: Final = {"init", "first-run"}
OWN_IMAGE: Final = re.compile(r"springtide:\d+\.\d+\.\d+")
PINNED: Final = re.compile(r"[a-z/]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?")
HOLDS_A_SECRET: Final = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|FERNET|CONN|BROKER_URL|BACKEND|_KEY")

each_service = pytest.mark.parametrize("name", SERVICES)


def environment(name: str) -> dict[str, str]:
    return dict(SERVICES[name].get("environment", {}))


def command(name: str) -> list[str]:
    told = SERVICES[name].get("command", [])
    return [told] if isinstance(told, str) else [str(word) for word in told]


def mounted(name: str) -> list[str]:
    """Return the paths of this repository that a service sees; `${NAME:-PATH}` stands for its default."""
    sources = [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", each).split(":")[0] for each in SERVICES[name].get("volumes", [])]
    return [source for source in sources if source.startswith(".")]


def secrets_of(name: str) -> list[str]:
    return list(SERVICES[name].get("secrets", []))


@each_service
def test_what_holds_a_secret_is_the_name_of_a_file(name: str) -> None:
    holds = {key: value for key, value in environment(name).items() if HOLDS_A_SECRET.search(key)}
    files = {f"/run/secrets/{each}" for each in secrets_of(name)}

    told = {key: value.removeprefix("cat ") for key, value in holds.items()}

    assert {key for key in holds if not key.endswith(("_CMD", "_FILE"))} == set()
    assert set(told.values()) <= files


@each_service
def test_every_secret_of_a_service_is_declared(name: str) -> None:
    assert set(secrets_of(name)) <= set(COMPOSE["secrets"])


def test_secrets_are_files_of_one_folder_that_git_leaves_out() -> None:
    files = {name: secret["file"] for name, secret in COMPOSE["secrets"].items()}

    assert files == {name: f"./secrets/{name}" for name in files}
    assert {"secrets/", ".env"} <= set((ROOT / ".gitignore").read_text().splitlines())


@each_service
def test_an_image_is_pinned_to_a_version(name: str) -> None:
    image = SERVICES[name]["image"]

    assert OWN_IMAGE.fullmatch(image) if "build" in SERVICES[name] else PINNED.fullmatch(image)


def test_the_base_of_the_image_is_pinned_and_the_same_in_both_files() -> None:
    told = re.search(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert told is not None

    assert PINNED.fullmatch(told[1])
    assert COMPOSE["x-image"]["build"]["args"]["BASE"] == f"${{BASE:-{told[1]}}}"


@each_service
def test_a_service_says_how_its_health_is_seen(name: str) -> None:
    check = SERVICES[name]["healthcheck"]

    if name in ONE_SHOTS:
        assert (SERVICES[name]["restart"], check) == ("no", {"disable": True})
    else:
        assert check["test"][0] == "CMD"
        assert {"interval", "timeout", "retries"} <= check.keys()


@each_service
def test_there_is_one_network(name: str) -> None:
    service = SERVICES[name]
    beside = str(service.get("network_mode", "")).removeprefix("service:")

    assert list(COMPOSE["networks"]) == ["springtide"]
    assert ("networks" in service) != bool(beside)
    assert (SERVICES[beside] if beside else service)["networks"] == ["springtide"]


@each_service
def test_no_container_has_rights_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "pid", "ipc", "devices"} & service.keys()
    assert ("cap_add" in service) == (name == "postgres")
    assert ("user" in service) == (name != "postgres")


@each_service
def test_ports_are_of_this_machine_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@each_service
def test_what_is_mounted_is_in_the_repository(name: str) -> None:
    assert [path for path in mounted(name) if not (ROOT / path).exists()] == []


@each_service
def test_a_folder_of_the_repository_is_only_read(name: str) -> None:
    ours = [each for each in SERVICES[name].get("volumes", []) if "./" in each]

    assert [each for each in ours if not each.endswith(":ro")] == []


@each_service
def test_settings_of_springtide_are_those_that_it_has(name: str) -> None:
    known = {variable.name for variable in variables().values()}

    assert {key for key in environment(name) if key.startswith("SPRINGTIDE_")} <= known


@each_service
def test_whom_a_service_waits_for_there_is(name: str) -> None:
    waits = {other: how["condition"] for other, how in SERVICES[name].get("depends_on", {}).items()}

    assert waits.keys() <= SERVICES.keys()
    assert {other for other, how in waits.items() if how == "service_completed_successfully"} <= ONE_SHOTS


def test_programs_that_are_called_are_in_the_image() -> None:
    words = [word for name in SERVICES for word in [*command(name), *SERVICES[name]["healthcheck"].get("test", [])]]
    called = {word.removeprefix("/opt/springtide/") for word in words if word.startswith("/opt/springtide/")}
    copied = re.search(r"^COPY (.*) /opt/springtide/$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert copied is not None

    there = {Path(path).name for path in copied[1].split() if (ROOT / path).exists()}

    assert called == {"first-start", "first_run.py", "healthy.py", "inbox.py", "worker_answers.py"}
    assert called < there


def test_notifications_and_alerts_arrive_in_the_inbox() -> None:
    inbox = runpy.run_path(str(ROOT / "deploy" / "airflow" / "inbox.py"))
    alertmanager = YAML(typ="safe").load(ROOT / "deploy" / "prometheus" / "alertmanager.yaml")
    (receiver,) = alertmanager["receivers"]
    (told,) = re.findall(r"json://(inbox:\d+/\w+)", (ROOT / "scripts" / "compose-secrets").read_text())
    port = command("inbox")[-1]

    ways = {told, receiver["webhook_configs"][0]["url"].removeprefix("http://")}

    assert ways == {f"inbox:{port}{path}" for path in inbox["WAYS"]}


def test_the_address_under_load_is_that_of_the_first_service_of_a_sandbox() -> None:
    address = f"http://{Network().service_address()}:8080/"

    assert f"--url={address}" in command("load")
    assert address in SERVICES["cluster"]["healthcheck"]["test"][-1]


def test_two_workers_are_of_a_profile_and_have_names_of_their_own() -> None:
    workers = ("worker-1", "worker-2")

    assert {name for name in SERVICES if SERVICES[name].get("profiles") == ["celery"]} == {"redis", *workers}
    assert all(f"--celery-hostname=celery@{name}" in command(name) for name in workers)
    assert all(f"celery@{name}" in SERVICES[name]["healthcheck"]["test"] for name in workers)


def test_another_cluster_is_used_by_all_that_run_tasks_and_triggers() -> None:
    own = YAML(typ="safe").load(ROOT / "deploy" / "compose" / "own-cluster.yaml")
    beside = {name for name in SERVICES if SERVICES[name].get("network_mode")}

    told = {name for name, service in own["services"].items() if "kubeconfig" in service.get("secrets", [])}

    assert beside - {"load"} <= told
    assert own["services"].keys() <= SERVICES.keys()
