"""Live load on the service, half of it on fresh connections, half on kept ones; every failed request is counted."""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Final

from examples.demo.children import Child, Children

RATE: Final = 100
"""Requests per second and kind of connection."""

LONGEST_SECONDS: Final = 600
"""The load ends by itself, whatever becomes of the demonstration."""


class LiveLoad:
    """Two load generators, running."""

    def __init__(self, children: Children, url: str) -> None:
        common = [sys.executable, "-m", "springtide.sandbox.load", "--url", url, "--rate", str(RATE)]
        common += ["--for", str(LONGEST_SECONDS)]
        self._generators: list[Child] = [
            children.start("load-fresh", common),
            children.start("load-kept", [*common, "--keepalive"]),
        ]

    def watch_on(self, seconds: float) -> None:
        """Let the load go on for a while."""
        time.sleep(seconds)
        for child in self._generators:
            child.require_alive()

    def stop(self) -> list[dict[str, Any]]:
        """End the load and return what each generator counted."""
        for child in self._generators:
            child.stop()
        return [dict(json.loads(child.log.read_text().splitlines()[-1])) for child in self._generators]
