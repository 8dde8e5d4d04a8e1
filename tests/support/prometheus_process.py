"""Debian's Prometheus as a process of the tests' own: a loopback port, a data folder, and data made by promtool."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

READY_SECONDS = 60

Series = tuple[str, Iterable[tuple[float, float]]]
"""A name with its labels, as OpenMetrics has them, and pairs of POSIX seconds and value, oldest first."""


def is_wanted() -> bool:
    """Whether tests run on Prometheus: where it is installed, and always in CI, which fails when it is not."""
    return bool(shutil.which("prometheus") and shutil.which("promtool")) or bool(os.environ.get("CI"))


@dataclass
class Server:
    """A running Prometheus."""

    url: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it at once, as a node that is gone does."""
        self.process.kill()
        self.process.wait(30)


def make_blocks(folder: Path, series: Iterable[Series]) -> None:
    """Write `series` into the data folder of a Prometheus that is not running."""
    text = folder.parent / f"{folder.name}.om"
    families: dict[str, list[str]] = {}
    for name, samples in series:
        family = name.partition("{")[0]
        families.setdefault(family, []).extend(f"{name} {value} {moment:.3f}" for moment, value in samples)
    lines = [line for family, rows in families.items() for line in (f"# TYPE {family} gauge", *rows)]
    text.write_text("\n".join([*lines, "# EOF\n"]))
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def running(folder: Path, settings: str = "") -> Iterator[Server]:
    """Start a Prometheus on `folder`, yield it when it is ready, and leave none running."""
    configuration = folder.parent / f"{folder.name}.yml"
    configuration.write_text(settings or "global: {}\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [
        "prometheus",
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder}",
        "--storage.tsdb.retention.time=10y",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder.parent / f"{folder.name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    server = Server(f"http://127.0.0.1:{port}", process)
    try:
        _wait(server, folder.parent / f"{folder.name}.log")
        yield server
    finally:
        process.terminate()
        process.wait(30)


def _wait(server: Server, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    with httpx.Client(trust_env=False, timeout=5) as client:
        while time.monotonic() < deadline:
            assert server.process.poll() is None, log.read_text()
            try:
                if client.get(f"{server.url}/-/ready").is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
    raise AssertionError(f"Prometheus was not ready after {READY_SECONDS} s: {log.read_text()}")
