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
"""The load that is counted ends by itself, whatever becomes of the demonstration."""

LOOKED_AT_SECONDS: Final = 4 * 3600
"""The load that goes on behind it does so, too: nobody looks at a demonstration for longer."""

LOOKED_AT_RATE: Final = 20
"""Of that: it leaves room for the load of a rehearsal, and a laptop alone."""


class LiveLoad:
    """Two load generators, running; `name` begins the names of their logs."""

    def __init__(
        self, children: Children, url: str, *, name: str = "load", seconds: int = LONGEST_SECONDS, rate: int = RATE
    ) -> None:
        common = [sys.executable, "-m", "springtide.sandbox.load", "--url", url, "--rate", str(rate)]
        common += ["--for", str(seconds)]
        self._generators: list[Child] = [
            children.start(f"{name}-fresh", common),
            children.start(f"{name}-kept", [*common, "--keepalive"]),
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
