"""The same core in real time: an asyncio loop runs what is due, containers are HTTP servers on loopback addresses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from springtide.sandbox.objects import Json
from springtide.sandbox.pods import PodServer
from springtide.sandbox.runtime import Process
from springtide.sandbox.timeline import Timeline

_MOST_PROBE_BYTES = 4096
_log = logging.getLogger(__name__)


class RealTime:
    """Runs a timeline by the loop's clock."""

    def __init__(self, timeline: Timeline, loop: asyncio.AbstractEventLoop) -> None:
        self._timeline = timeline
        self._loop = loop
        self._base = loop.time() - timeline.elapsed
        self._planned: tuple[float, asyncio.Handle] | None = None  # when, and the call that will run then
        timeline.on_new = self._plan
        self._plan()  # what was planned before

    def catch_up(self) -> None:
        """Do what is due by now."""
        self._timeline.run_until(self._loop.time() - self._base)

    def stop(self) -> None:
        """Run nothing more."""
        self._timeline.on_new = None
        if self._planned is not None:
            self._planned[1].cancel()

    def _plan(self) -> None:
        due = self._timeline.next_due()
        if due is None:
            return
        when = self._base + due
        if self._planned is not None:
            if self._planned[0] <= when:
                return
            self._planned[1].cancel()
        self._planned = (when, self._loop.call_at(when, self._run))

    def _run(self) -> None:
        self._planned = None
        self.catch_up()
        self._plan()


class HttpRuntime:
    """Containers as HTTP servers in the running loop, probed over HTTP.

    `catch_up` brings the timeline to the present: what a server or a probe reports comes between two timers.
    """

    def __init__(self, timeline: Timeline, moved: Callable[[Process], None], catch_up: Callable[[], None]) -> None:
        self._timeline = timeline
        self._moved = moved
        self._catch_up = catch_up
        self._servers: dict[Process, PodServer] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, process: Process) -> None:
        """Open the ports; a port that cannot be had means that nobody listens, as in a pod with a port conflict."""
        server = PodServer(process.app, process.address, process.ports, now=lambda: self._timeline.elapsed)
        try:
            server.start()
        except OSError as error:
            _log.warning("%s: cannot listen on %s %s: %s", process.app.pod, process.address, process.ports, error)
            return
        self._servers[process] = server
        process.listening = True
        self._moved(process)

    def probe(self, process: Process, probe: Json, report: Callable[[bool], None]) -> None:
        """Probe over the network, as the kubelet does."""
        self._go(self._probe(process, probe, report))

    async def _probe(self, process: Process, probe: Json, report: Callable[[bool], None]) -> None:
        try:
            async with asyncio.timeout(float(probe.get("timeoutSeconds", 1))):
                passed = await _passes(process, probe)
        except OSError:  # a timeout is one, too
            passed = False
        self._catch_up()
        report(passed)

    def steady_until(self, process: Process) -> float | None:  # noqa: ARG002  what a real process answers, only a probe tells
        """Return now: every probe counts."""
        return self._timeline.elapsed

    def terminate(self, process: Process, exited: Callable[[], None]) -> None:
        """Let the app drain and finish what is open."""
        server = self._servers.get(process)
        if server is None:
            exited()
            return
        self._timeline.after(process.app.behaviour.drain, lambda: self._close(process))
        self._go(self._terminate(process, server, exited))

    async def _terminate(self, process: Process, server: PodServer, exited: Callable[[], None]) -> None:
        await server.terminate()
        self._catch_up()
        if not process.killed:
            self._servers.pop(process, None)
            self._close(process)
            exited()

    def _close(self, process: Process) -> None:
        if process.listening:
            process.listening = False
            self._moved(process)

    def kill(self, process: Process) -> None:
        """Break everything at once."""
        process.killed = True
        server = self._servers.pop(process, None)
        if server is not None:
            server.kill()
        self._close(process)

    async def stop(self) -> None:
        """End all processes and wait for what still runs."""
        for process in list(self._servers):
            self.kill(process)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _passes(process: Process, probe: Json) -> bool:
    """Return whether a probe passes, by a connection of its own."""
    get = probe.get("httpGet") or probe.get("tcpSocket")
    if get is None:
        return process.listening
    reader, writer = await asyncio.open_connection(process.address, int(get["port"]))
    try:
        if "httpGet" not in probe:
            return True
        request = f"GET {get.get('path', '/')} HTTP/1.1\r\nHost: {process.address}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        first = (await reader.read(_MOST_PROBE_BYTES)).split(b" ", 2)
        return len(first) > 1 and first[1][:1] in {b"2", b"3"}
    finally:
        writer.close()
        await writer.wait_closed()
