"""Builders: pods and Services as real servers on loopback, in the test's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

import aiohttp

from springtide.sandbox.app import App
from springtide.sandbox.pods import PodServer
from springtide.sandbox.proxy import Backend, ServiceProxy


@dataclass
class Pod:
    """A running pod and its app's time."""

    app: App
    now: float = 0.0

    def __post_init__(self) -> None:
        self.server = PodServer(self.app, "127.0.0.1", [0], now=lambda: self.now)

    @property
    def backend(self) -> Backend:
        return self.server.addresses[0]

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.backend)


@asynccontextmanager
async def pod(name: str = "web-1", **env: str) -> AsyncIterator[Pod]:
    """Run a pod whose app started at 0."""
    started = Pod(App(name, env, 0.0, Random(0)))
    started.server.start()
    try:
        yield started
    finally:
        started.server.kill()
        await settled()


@asynccontextmanager
async def service(pick: Callable[[], Backend | None]) -> AsyncIterator[tuple[ServiceProxy, str]]:
    """Run a Service and give its URL."""
    proxy = ServiceProxy("127.0.0.1", 0, pick)
    proxy.start()
    try:
        yield proxy, "http://{}:{}".format(*proxy.addresses[0])
    finally:
        proxy.close()
        await settled()


async def get(url: str, session: aiohttp.ClientSession | None = None) -> tuple[int, str]:
    """Return status and body, over a fresh connection if no session is given."""
    if session is not None:
        async with session.get(url, timeout=aiohttp.ClientTimeout(60)) as answer:
            return answer.status, await answer.text()
    async with aiohttp.ClientSession() as fresh:
        return await get(url, fresh)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition, at most a minute."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110  the condition is nobody's event
            await asyncio.sleep(0.001)


async def settled() -> None:
    """Let the event loop finish what was closed."""
    for _ in range(5):
        await asyncio.sleep(0)
