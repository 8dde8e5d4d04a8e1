"""Listening sockets of the fronts: open at once, closed at once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable

from springtide.sandbox.loopback import require_loopback

_BACKLOG = 1024


class Listener:
    """Accepts TCP connections on some ports of one address, each with a protocol of its own."""

    def __init__(self, factory: Callable[[], asyncio.BaseProtocol], address: str, ports: Iterable[int]) -> None:
        self._factory = factory
        self._wanted = [(address, port) for port in ports]
        self._sockets: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        self._accepting: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Listen: from the return on, connections to the address are not refused. Needs a running event loop.

        Raises:
            OSError: an address is taken or not one of loopback; then none of them listens.
        """
        try:
            for wanted in self._wanted:
                require_loopback(wanted[0])
                self._sockets.append(socket.create_server(wanted, backlog=_BACKLOG))
        except OSError:
            self._close_sockets()
            raise
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens, with the ports that were chosen for those given as 0."""
        return [listening.getsockname()[:2] for listening in self._sockets]

    def close(self) -> None:
        """Refuse further connections; those that are there stay."""
        if self._accepting is not None:
            self._accepting.cancel()
            self._accepting = None
        for server in self._servers:
            server.close()
        self._servers = []
        self._close_sockets()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        for listening in self._sockets:
            # in two steps, so that `close` knows the server whenever it comes
            server = await loop.create_server(self._factory, sock=listening, backlog=_BACKLOG, start_serving=False)
            self._servers.append(server)
            await server.start_serving()

    def _close_sockets(self) -> None:
        for listening in self._sockets:
            listening.close()
        self._sockets = []
