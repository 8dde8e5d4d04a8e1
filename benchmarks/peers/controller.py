"""The controller of Argo Rollouts, compiled from its Go module and run as a process in the cluster's network.

Its resources are defined for as long as it runs. Nothing of the module is kept in this repository: what it brings is
read from where Go keeps it.
"""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import httpx

from cluster.modules import ARGO_ROLLOUTS
from springtide.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION: Final = ARGO_ROLLOUTS.version
PROGRAM: Final = "rollouts-controller"
HEALTH_PORT: Final = 18080
METRICS_PORT: Final = 18090
LONGEST_SECONDS: Final = 4 * 3600
"""The controller ends by itself even when the benchmark is killed."""
START_SECONDS: Final = 60


@contextmanager
def argo_rollouts(log: Path) -> Iterator[None]:
    """Define its resources and run the controller, with what it says in a file; take both away at the end.

    Raises:
        ClusterError: it cannot be had or compiled.
        InputError: it does not start; the message ends with what it said last.
    """
    module = ARGO_ROLLOUTS.source()
    binary = ARGO_ROLLOUTS.compiled() / PROGRAM
    definitions = [f"--filename={file}" for file in sorted((module / "manifests" / "crds").glob("*-crd.yaml"))]
    kubectl("apply", "--server-side", *definitions)
    try:
        with log.open("wb") as out:
            process = subprocess.Popen(command(binary), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            until_healthy(process, log)
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)
    finally:
        kubectl("delete", "--ignore-not-found", "--timeout=60s", *definitions)


def command(binary: Path) -> list[str]:
    """Return its command line: one replica needs no election, and the ports are not those of a pod."""
    bounded = ["timeout", "--kill-after=5", str(LONGEST_SECONDS)]
    ports = [f"--healthzPort={HEALTH_PORT}", f"--metricsport={METRICS_PORT}"]
    return [*bounded, str(binary), "--leader-elect=false", *ports]


def until_healthy(process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until it says that it is well."""
    deadline = time.monotonic() + START_SECONDS
    while not is_healthy():
        if process.poll() is not None or time.monotonic() > deadline:
            said = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
            raise InputError(f"the controller of Argo Rollouts does not start:\n{said}", code="controller_failed")
        time.sleep(0.2)


def is_healthy() -> bool:
    """Ask it once."""
    try:
        return httpx.get(f"http://127.0.0.1:{HEALTH_PORT}/healthz", timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False


def kubectl(*arguments: str, seconds: float = 120) -> str:
    """Run kubectl as `cluster exec` provides it; return what it says.

    Raises:
        InputError: it failed; the message carries its words.
    """
    done = subprocess.run(["kubectl", *arguments], capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode != 0:
        raise InputError(f"kubectl {' '.join(arguments[:3])} failed: {done.stderr.strip()}", code="kubectl_failed")
    return done.stdout
