"""Live load through the Service, half of it on fresh connections, half on kept ones; every failure is counted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2e.manifests import Json

RATE = 100
"""Requests per second and kind of connection: 200 together."""

LONGEST_SECONDS = 600
"""The load ends by itself even when a test is killed."""

COMMAND = (sys.executable, "-m", "springtide.sandbox.load")


@dataclass(frozen=True, slots=True)
class Report:
    """What one load generator counted."""

    kind: str
    requests: int
    failed: int
    raw: Json

    @property
    def pods(self) -> set[str]:
        """The pods that answered."""
        return set(self.raw["answers"])

    @property
    def last_error(self) -> datetime | None:
        """When the last request failed; None where none did."""
        last = self.raw["last_error"]
        return None if last is None else datetime.fromisoformat(self.raw["started_at"]) + timedelta(seconds=last)


def answers(url: str, *, times: int = 20) -> bool:
    """Tell whether that many requests in a row are answered, each on a fresh connection."""
    return all(_answering_pod(url) for _ in range(times))


def answering_pods(url: str, *, times: int = 20) -> set[str | None]:
    """Return who answers that many requests in a row, each on a fresh connection; None stands for a failed one."""
    return {_answering_pod(url) for _ in range(times)}


def _answering_pod(url: str) -> str | None:
    try:
        answer = httpx.get(url, timeout=5, trust_env=False)
    except httpx.TransportError:
        return None
    return answer.text.split()[0] if answer.is_success else None


class LiveLoad:
    """Two load generators, running; `inside` is a command that starts them elsewhere, as `nsenter` does."""

    def __init__(
        self,
        url: str,
        *,
        fresh: int = RATE,
        kept: int = RATE,
        longest: int = LONGEST_SECONDS,
        inside: Sequence[str] = (),
    ) -> None:
        common = [*inside, *COMMAND, "--url", url, "--for", str(longest), "--rate"]
        self._generators = {
            "fresh connections": _start([*common, str(fresh)]),
            "kept connections": _start([*common, str(kept), "--keepalive"]),
        }

    def require_alive(self) -> None:
        """Fail the test when a generator has ended by itself."""
        for kind, process in self._generators.items():
            assert process.poll() is None, f"load on {kind} ended early: {process.communicate()}"

    def watch_on(self, seconds: float) -> None:
        """Let the load go on for a while: what breaks only after a run is over is the run's fault too."""
        time.sleep(seconds)
        self.require_alive()

    def stop(self) -> list[Report]:
        """End the load, wait for what is in flight, return the reports."""
        for process in self._generators.values():
            process.send_signal(signal.SIGTERM)
        return [_report(kind, process) for kind, process in self._generators.items()]

    def kill(self) -> None:
        """End the load at once: the test has failed already."""
        for process in self._generators.values():
            process.kill()
            process.communicate()


def _start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _report(kind: str, process: subprocess.Popen[str]) -> Report:
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, f"load on {kind} ended with {process.returncode}: {err}"
    raw: dict[str, Any] = json.loads(out)
    return Report(kind, raw["requests"], raw["failed"], raw)
