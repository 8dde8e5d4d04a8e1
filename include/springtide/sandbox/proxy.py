"""A Service as a real TCP address: each new connection goes to a backend of that moment and stays with it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

from springtide.sandbox.listening import Listener
from springtide.sandbox.loopback import is_loopback

Backend = tuple[str, int]  # address, port
_CONNECT_SECONDS = 5.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER, no time: close() sends RST


class ServiceProxy:
    """One port of a Service.

    `pick` is asked for every new connection: which backend, or None for none. For none, and when the backend does not
    take the connection, the client's connection is reset at once. As with kube-proxy, connections that are established
    stay with their pod, whatever becomes of the Service. To be made and used in a running event loop.
    """

    def __init__(self, address: str, port: int, pick: Callable[[], Backend | None]) -> None:
        self._pick = pick
        self._connections: set[_Side] = set()
        self._dialling: set[asyncio.Task[None]] = set()
        self._listener = Listener(self._accepted, address, [port])

    def start(self) -> None:
        """Listen, from the return on.

        Raises:
            OSError: the address cannot be had.
        """
        self._listener.open()

    def stop(self) -> None:
        """Refuse new connections; the established ones stay."""
        self._listener.close()

    def close(self) -> None:
        """Refuse new connections and break the established ones."""
        self.stop()
        for task in self._dialling:
            task.cancel()
        for side in list(self._connections):
            side.transport.abort()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens."""
        return self._listener.addresses

    @property
    def connections(self) -> int:
        """How many connections of clients are open."""
        return len(self._connections)

    def _accepted(self) -> _Side:
        client = _Side(self._began, self._connections.discard)
        self._connections.add(client)
        return client

    def _began(self, client: _Side) -> None:
        backend = self._pick()
        if backend is None or not is_loopback(backend[0]):  # an EndpointSlice by hand may name any address
            client.reset()
            return
        task = asyncio.get_running_loop().create_task(self._dial(client, backend))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    async def _dial(self, client: _Side, backend: Backend) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, pod = await loop.create_connection(_Side, *backend)
        except OSError:  # a timeout is one
            client.reset()
            return
        if client.transport.is_closing():
            pod.transport.abort()
            return
        client.join(pod)


class _Side(asyncio.Protocol):
    """One of the two connections; what it gets, it writes to the other, no faster than that one takes it."""

    transport: asyncio.Transport
    other: _Side | None = None
    has_ended = False  # the peer sends no more

    def __init__(
        self, began: Callable[[_Side], None] | None = None, ended: Callable[[_Side], None] | None = None
    ) -> None:
        self._began = began
        self._ended = ended
        self._early = b""  # what came before the other side was there

    def join(self, other: _Side) -> None:
        """Begin to pass on what comes, on both sides."""
        self.other = other
        other.other = self
        if self._early:
            other.transport.write(self._early)
            self._early = b""
            self.transport.resume_reading()
        if self.has_ended:
            other.transport.write_eof()

    def reset(self) -> None:
        """Break the connection so that the peer notices at once."""
        raw: socket.socket = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)
        if self._began is not None:
            self._began(self)

    def data_received(self, data: bytes) -> None:
        """Pass it on; before the other side is there, keep it and take no more."""
        if self.other is None:
            self._early += data
            self.transport.pause_reading()
        else:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Pass the end of one direction on; the other stays open until its own end."""
        self.has_ended = True
        if self.other is None:
            return True
        if not self.other.transport.is_closing():
            self.other.transport.write_eof()
        return not self.other.has_ended

    def pause_writing(self) -> None:
        """Let the other side wait: this one's peer is slow."""
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Let the other side go on."""
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """End the other side in the same way: in order, or by a reset."""
        if self._ended is not None:
            self._ended(self)
        if self.other is None or self.other.transport.is_closing():
            return
        if error is None:
            self.other.transport.close()
        else:
            self.other.reset()
