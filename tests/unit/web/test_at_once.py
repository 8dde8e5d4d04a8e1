"""How many requests are worked on at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from springtide.web.at_once import AtOnce


@dataclass
class Slow:
    """Answers when it is let go, and remembers how many it had at a time."""

    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    is_read: asyncio.Event = field(default_factory=asyncio.Event)
    working: int = 0
    most: int = 0
    order: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        del receive
        self.working += 1
        self.most = max(self.most, self.working)
        self.order.append(scope["path"])
        await self.is_open.wait()
        self.working -= 1
        if scope["path"] == "/breaks":
            raise RuntimeError("broken")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/slow-reader":
            await self.is_read.wait()
        await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def client_of(inner: Slow, *, places: int, longest_wait: float = 30) -> AsyncIterator[httpx.AsyncClient]:
    app = AtOnce(inner, places=places, longest_wait=longest_wait)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://springtide.invalid") as client:
        yield client


async def until_waiting(tasks: list[asyncio.Task[httpx.Response]], inner: Slow, working: int) -> None:
    for _ in range(100):  # whoever could come in has come in
        await asyncio.sleep(0)
    assert inner.working == working
    assert not any(task.done() for task in tasks)


async def test_no_more_than_the_places_and_everybody_in_the_order_of_coming() -> None:
    inner = Slow()
    async with client_of(inner, places=2) as client:
        tasks = [asyncio.create_task(client.get(f"/{number}")) for number in range(7)]
        await until_waiting(tasks, inner, 2)
        inner.is_open.set()
        answers = await asyncio.gather(*tasks)

    assert [answer.status_code for answer in answers] == [200] * 7
    assert inner.most == 2
    assert inner.order == [f"/{number}" for number in range(7)]


async def test_who_waits_too_long_is_told_to_come_again() -> None:
    inner = Slow()
    async with client_of(inner, places=1, longest_wait=0.01) as client:
        first = asyncio.create_task(client.get("/first"))
        await until_waiting([first], inner, 1)
        late = await client.get("/late")
        inner.is_open.set()
        await first
        again = await client.get("/again")

    assert (late.status_code, late.json()["code"], late.headers["retry-after"]) == (503, "requests_waiting", "10")
    assert "SPRINGTIDE_REST_AT_ONCE" in late.json()["detail"]
    assert again.status_code == 200
    assert inner.order == ["/first", "/again"]


async def test_an_answer_that_is_read_slowly_keeps_nobody_waiting() -> None:
    inner = Slow()
    inner.is_open.set()
    async with client_of(inner, places=1) as client:
        slow = asyncio.create_task(client.get("/slow-reader"))
        other = await client.get("/other")
        assert not slow.done()
        inner.is_read.set()
        await slow

    assert other.status_code == 200


async def test_a_request_that_breaks_leaves_its_place() -> None:
    inner = Slow()
    inner.is_open.set()
    async with client_of(inner, places=1) as client:
        broken = await client.get("/breaks")
        next_one = await client.get("/next")

    assert (broken.status_code, next_one.status_code) == (500, 200)


async def test_a_caller_who_hangs_up_while_waiting_takes_no_place() -> None:
    inner = Slow()
    async with client_of(inner, places=1) as client:
        first = asyncio.create_task(client.get("/first"))
        gone = asyncio.create_task(client.get("/gone"))
        await until_waiting([first, gone], inner, 1)
        gone.cancel()
        inner.is_open.set()
        await first
        next_one = await client.get("/next")

    assert next_one.status_code == 200
    assert inner.order == ["/first", "/next"]
