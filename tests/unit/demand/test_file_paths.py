"""Where a policy's file of demand may lie: in the folder of policies or beside it, and nowhere else."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from springtide.demand.registry import demand_source
from springtide.errors import DemandUnusable
from springtide.policy.scaling.demand import FileDemand

NOW = datetime(2026, 11, 27, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECRET = "root:x:0:0"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "policies"
    folder.mkdir(parents=True)
    (tmp_path / "secret.csv").write_text(f"{SECRET}\n")
    return folder


def read(base: Path, path: str) -> None:
    spec = FileDemand(path=path, unit="requests/s")
    demand_source(spec, prometheus_url=None, base=base).read(NOW - HOUR, NOW, timedelta(minutes=1))


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/etc/passwd.csv",
        "//etc/x.csv",
        "../../secret.csv",
        "../a/../../secret.csv",
        "a/../../secret.csv",
        "./../../secret.csv",
        "..",
        "../",
        "",
        ".",
        "..\\secret.csv",
        "C:\\secret.csv",
        "secret.csv\x00.txt",
        "a\nb.csv",
        "\u202evsc.csv",
        "day.txt",
        "day",
        "day.csv.bz2",
        "file:///etc/passwd.csv#.txt",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused_when_it_is_read(path: str) -> None:
    with pytest.raises(ValidationError) as raised:
        FileDemand(path=path, unit="requests/s")

    assert raised.value.errors()[0]["type"] in {"path_not_allowed", "policy_type"}


@pytest.mark.parametrize(
    "path",
    [
        "~/secret.csv",
        "~root/.ssh/id.csv",
        "$HOME/secret.csv",
        "http://127.0.0.1:1/x.csv",
        "s3://bucket/x.csv",
        ".csv",
        "-.csv",
        "%2e%2e/%2e%2e/secret.csv",
        "a" * 300 + ".csv",
        "/".join(["a"] * 2000) + ".csv",
    ],
)
def test_what_only_looks_like_a_place_is_a_name_of_no_file(base: Path, path: str) -> None:
    with pytest.raises(DemandUnusable) as raised:
        read(base, path)

    assert SECRET not in raised.value.message


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(f"/proc/self/fd/{os.open(path.parent, os.O_RDONLY)}/{path.name}")


def a_link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def a_link_away(path: Path) -> None:
    path.symlink_to(path.parents[2] / "secret.csv")


def a_link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing.csv")


@pytest.mark.parametrize(
    "made", [a_folder, a_pipe, a_socket, a_link_to_itself, a_link_away, a_link_to_a_device, a_link_to_nothing]
)
@pytest.mark.parametrize("name", ["day.csv", "day.csv.gz", "day.parquet"])
def test_what_is_no_file_is_told_and_never_waited_for(base: Path, name: str, made: Callable[[Path], None]) -> None:
    made(base / name)

    with pytest.raises(DemandUnusable, match=f"demand of {name}: it|demand of {name}: there is no such file") as raised:
        read(base, name)

    assert SECRET not in raised.value.message
