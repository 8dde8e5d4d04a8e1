"""How many requests are worked on at once: more threads than that only take the processor from each other.

Who comes when all places are taken waits in the order of coming, and is told to come again when that takes too long.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from springtide.errors import TemporaryError
from springtide.settings import variable_name
from springtide.web.problems import problem

if TYPE_CHECKING:
    from springtide.web.intake import App, Message, Receive, Send

LONGEST_WAIT: Final = 30.0
"""Seconds that a request waits for its place."""


class AtOnce:
    """ASGI: works on at most `places` requests at a time. A place is free again when its answer begins to be sent.

    So whoever reads an answer slowly keeps nobody waiting.
    """

    def __init__(self, inner: App, *, places: int, longest_wait: float = LONGEST_WAIT) -> None:
        self._inner = inner
        self._places = places
        self._longest_wait = longest_wait
        # Of the event loop that waits: there is one in a server, and one for each caller of a test's client.
        self._free: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on when it is its turn, or answer that it was not in time."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        free = self._free.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(self._places))
        try:
            async with asyncio.timeout(self._longest_wait):
                await free.acquire()
        except TimeoutError:
            await problem(self._too_many())(scope, receive, send)
            return
        place = _Place(free)
        try:
            await self._inner(scope, receive, place.freed_by(send))
        finally:
            place.leave()

    def _too_many(self) -> TemporaryError:
        return TemporaryError(
            f"{self._places} other requests, as many as {variable_name('rest_at_once')} allows, were worked on for "
            f"{self._longest_wait:g} s; nothing was done for this one.",
            code="requests_waiting",
            retry_after=timedelta(seconds=10),
        )


class _Place:
    """One of the places; it is left once, however often that is said."""

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free = free
        self._is_taken = True

    def leave(self) -> None:
        if self._is_taken:
            self._is_taken = False
            self._free.release()

    def freed_by(self, send: Send) -> Send:
        async def sent(message: dict[str, Any] | Message) -> None:
            if message["type"] == "http.response.start":
                self.leave()
            await send(message)

        return sent
