"""The embedded cluster, as a process of its own, over HTTP."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
from ruamel.yaml import YAML

from e2e.observer import Observer

STARTED_WITHIN_SECONDS = 30
ENDED_WITHIN_SECONDS = 15


@dataclass(frozen=True, slots=True)
class SandboxCluster:
    """A running sandbox."""

    process: subprocess.Popen[bytes]
    kubeconfig: Path
    server: str
    has_keda: bool = True

    def kubeconfig_for(self, see: Observer, folder: Path, file: str = "rbac.yaml") -> Path:
        """Return the administrator's: the embedded cluster knows no admission policies."""
        del see, folder, file
        return self.kubeconfig

    def provide_image(self, name: str) -> None:
        """Put the image into the catalogue."""
        httpx.put(self._image(name), timeout=10).raise_for_status()

    def forget_image(self, name: str) -> None:
        """Take the image out of the catalogue."""
        httpx.delete(self._image(name), timeout=10).raise_for_status()

    def stop(self) -> None:
        """Stop the process."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(ENDED_WITHIN_SECONDS)

    def _image(self, name: str) -> str:
        return f"{self.server}/sandbox/images/{quote(name, safe='')}"


def start_sandbox(folder: Path, *options: str) -> SandboxCluster:
    """Start a sandbox with more `options`, and wait until it has written its kubeconfig."""
    kubeconfig = folder / "kubeconfig"
    command = [str(Path(sys.executable).with_name("springtide")), "sandbox", "--kubeconfig", str(kubeconfig), *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    deadline = time.monotonic() + STARTED_WITHIN_SECONDS
    while not kubeconfig.exists():
        assert process.poll() is None, f"the sandbox ended: {(folder / 'log').read_text()}"
        assert time.monotonic() < deadline, f"no kubeconfig after {STARTED_WITHIN_SECONDS} s"
        time.sleep(0.05)
    return SandboxCluster(process, kubeconfig, server_of(kubeconfig))


def server_of(kubeconfig: Path) -> str:
    """Return the address of the API server."""
    document = YAML(typ="safe").load(kubeconfig)
    return str(document["clusters"][0]["cluster"]["server"])
