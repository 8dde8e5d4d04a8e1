"""Processes of containers: the seam between the kubelet, which decides, and what really runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from springtide.sandbox.app import App
from springtide.sandbox.objects import Json
from springtide.sandbox.timeline import Timeline

_OK = 200
_CLIENT_ERROR = 400


@dataclass(eq=False, kw_only=True)
class Process:
    """One run of a container."""

    app: App
    address: str
    ports: tuple[int, ...]
    listening: bool = False
    killed: bool = False


class Runtime(Protocol):
    """Starts, probes and ends processes."""

    def start(self, process: Process) -> None:
        """Run it: from now on it listens."""
        ...

    def probe(self, process: Process, probe: Json, report: Callable[[bool], None]) -> None:
        """Probe it and report whether it passed, now or later."""
        ...

    def steady_until(self, process: Process) -> float | None:
        """Return when a probe's result may next differ, None when it will not by itself."""
        ...

    def terminate(self, process: Process, exited: Callable[[], None]) -> None:
        """Send SIGTERM; `exited` is called when the process has ended by itself."""
        ...

    def kill(self, process: Process) -> None:
        """End it at once."""
        ...


class VirtualRuntime:
    """Processes that only exist in virtual time."""

    def __init__(self, timeline: Timeline, moved: Callable[[Process], None]) -> None:
        self._timeline = timeline
        self._moved = moved  # told when a process starts or stops listening

    def start(self, process: Process) -> None:
        """Listen at once."""
        process.listening = True
        self._moved(process)

    def probe(self, process: Process, probe: Json, report: Callable[[bool], None]) -> None:
        """Ask the app directly."""
        report(process.listening and passes(process, probe, self._timeline.elapsed))

    def steady_until(self, process: Process) -> float | None:
        """Return the end of the start-up: nothing else changes a virtual app by itself."""
        return process.app.changes_at(self._timeline.elapsed)

    def terminate(self, process: Process, exited: Callable[[], None]) -> None:
        """Listen on while draining, then finish the open requests."""
        app = process.app
        app.draining = True

        def close() -> None:
            if not process.killed:
                process.listening = False
                self._moved(process)
                self._timeline.after(app.behaviour.work, finish)

        def finish() -> None:
            if not process.killed:
                exited()

        self._timeline.after(app.behaviour.drain, close)

    def kill(self, process: Process) -> None:
        """Stop listening now."""
        process.killed = True
        if process.listening:
            process.listening = False
            self._moved(process)


def passes(process: Process, probe: Json, now: float) -> bool:
    """Return whether the app passes a probe; what is not probed over HTTP passes while it listens."""
    handler = probe.get("httpGet") or probe.get("tcpSocket")
    if handler is not None and handler["port"] not in process.ports:
        return False
    if handler is None or "httpGet" not in probe:
        return process.listening
    # as the kubelet: a redirect is a pass, too
    return _OK <= process.app.answer(handler.get("path", "/"), now).status < _CLIENT_ERROR
