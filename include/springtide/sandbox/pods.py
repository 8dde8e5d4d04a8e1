"""A pod's container as a real HTTP server on its loopback address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import nullcontext

from aiohttp import web

from springtide.sandbox.app import App
from springtide.sandbox.listening import Listener

_TYPE = "text/plain; charset=utf-8"


class PodServer:
    """One process of the app: what `App` answers, on real sockets.

    `now` tells the time that the app's start counts from, in seconds. To be made and used in a running event loop.
    """

    def __init__(self, app: App, address: str, ports: Iterable[int], *, now: Callable[[], float]) -> None:
        self._app = app
        self._now = now
        self._server = web.Server(self._answer, access_log=None, handler_cancellation=True)
        self._listener = Listener(self._server, address, ports)
        self._turn = asyncio.Semaphore(app.behaviour.workers) if app.behaviour.workers else nullcontext()
        self._killed = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        """Listen, from the return on.

        Raises:
            OSError: the address cannot be had.
        """
        self._listener.open()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens."""
        return self._listener.addresses

    async def terminate(self) -> None:
        """End as on SIGTERM: serve on for DRAIN with `Connection: close`, stop listening, finish the open requests.

        Open requests take the time that they take; `kill` ends every wait.
        """
        self._app.draining = True
        await asyncio.wait([self._killed], timeout=self._app.behaviour.drain)
        self._listener.close()
        # idle connections are closed now, busy ones after their answer
        self._server.pre_shutdown()
        await self._server.shutdown(None)

    def kill(self) -> None:
        """End as on SIGKILL: nothing listens, every connection is broken."""
        if not self._killed.done():
            self._killed.set_result(None)
        self._listener.close()
        for connection in self._server.connections:
            if connection.transport is not None:
                connection.transport.abort()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        answer = self._app.answer(request.path, self._now())
        if request.method not in {"GET", "HEAD"} and answer.status != web.HTTPNotFound.status_code:
            response = _text(405, "Method Not Allowed\n", Allow="GET, HEAD")
        else:
            if answer.work:
                # who waits for a turn is not working yet: its time begins when it is called up
                async with self._turn:
                    await asyncio.sleep(answer.work)
            response = _text(answer.status, answer.body)
        if self._app.draining:
            response.force_close()
        return response


def _text(status: int, body: str, **headers: str) -> web.Response:
    return web.Response(status=status, body=body.encode(), headers={"Content-Type": _TYPE, **headers})
