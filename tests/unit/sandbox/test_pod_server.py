"""A pod answers as the real image does (tests/cluster/web), and ends as it does."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack

import aiohttp
import pytest

from unit.sandbox.fronts import Pod, get, pod, settled, until


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("GET", "/", (200, "web-1 7\n")),
        ("GET", "/?cache=no", (200, "web-1 7\n")),
        ("HEAD", "/", (200, "")),
        ("POST", "/", (405, "Method Not Allowed\n")),
        ("GET", "/healthz", (200, "ok\n")),
        ("GET", "/readiness", (200, "ready\n")),
        ("GET", "/metrics", (200, "# TYPE http_requests_total counter\nhttp_requests_total 0\n")),
        ("GET", "/nope", (404, "404 page not found\n")),
        ("POST", "/nope", (404, "404 page not found\n")),
    ],
)
async def test_it_answers_as_the_real_image(method: str, path: str, answer: tuple[int, str]) -> None:
    async with (
        pod(VERSION="7") as running,
        aiohttp.ClientSession() as session,
        session.request(method, f"{running.url}{path}") as got,
    ):
        body = await got.text()

    assert (got.status, body) == answer
    assert got.headers["Content-Type"] == "text/plain; charset=utf-8"


async def test_it_is_ready_when_its_start_is_over() -> None:
    async with pod(STARTUP="1500ms") as running:
        before = await get(f"{running.url}/readiness")
        running.now = 1.5
        after = await get(f"{running.url}/readiness")

    assert (before, after) == ((503, "starting\n"), (200, "ready\n"))


async def test_it_is_never_ready_when_told_so() -> None:
    async with pod(NEVER_READY="1") as running:
        running.now = 1e9
        answers = [await get(f"{running.url}{path}") for path in ("/readiness", "/healthz")]

    assert answers == [(503, "starting\n"), (200, "ok\n")]


async def test_it_fails_as_told_and_stays_ready() -> None:
    async with pod(STATUS="502") as running:
        answers = [await get(f"{running.url}{path}") for path in ("/", "/healthz", "/readiness")]

    assert answers == [(502, "failing, as told\n"), (502, "failing, as told\n"), (200, "ready\n")]


async def test_a_share_of_its_answers_fails() -> None:
    async with pod(FAIL_RATE="0.5") as running, aiohttp.ClientSession() as session:
        statuses = [(await get(running.url, session))[0] for _ in range(40)]

    assert set(statuses) == {200, 500}


async def test_it_counts_its_requests() -> None:
    async with pod() as running:
        for path in ("/", "/healthz", "/", "/nope"):
            await get(f"{running.url}{path}")
        _, body = await get(f"{running.url}/metrics")

    assert body.endswith("http_requests_total 2\n")


async def test_while_it_drains_it_answers_and_closes_each_connection() -> None:
    async with pod(DRAIN="1h") as running, aiohttp.ClientSession() as session:
        await get(running.url, session)
        ending = asyncio.create_task(running.server.terminate())
        await until(lambda: running.app.draining)
        async with session.get(running.url) as answer:
            body = await answer.text()
        ready = await get(f"{running.url}/readiness")
        running.server.kill()
        await ending

    assert (answer.status, body, answer.headers["Connection"]) == (200, "web-1 \n", "close")
    assert ready == (200, "ready\n")


async def test_at_its_end_it_finishes_what_it_works_on_and_listens_no_more() -> None:
    async with pod(WORK="300ms") as running:
        asked = asyncio.create_task(get(running.url))
        await until(lambda: running.app.requests == 1)
        address = running.backend
        ending = asyncio.create_task(running.server.terminate())
        answer = await asked
        await ending
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)

    assert answer == (200, "web-1 \n")


async def test_at_its_end_it_closes_idle_connections() -> None:
    async with pod() as running:
        reader, writer = await asyncio.open_connection(*running.backend)
        writer.write(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\nweb-1 \n")
        await running.server.terminate()
        rest = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert rest == b""


async def test_killed_it_breaks_what_is_open() -> None:
    async with pod(WORK="1h") as running:
        asked = asyncio.create_task(get(running.url))
        await until(lambda: running.app.requests == 1)
        running.server.kill()
        with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
            await asked


async def test_killed_while_it_works_it_does_not_wait_for_its_end() -> None:
    async with pod(WORK="1h") as running:
        asked = asyncio.create_task(get(running.url))
        await until(lambda: running.app.requests == 1)
        ending = asyncio.create_task(running.server.terminate())
        await until(lambda: running.app.draining)
        await settled()
        running.server.kill()
        async with asyncio.timeout(60):
            await ending
        with pytest.raises(aiohttp.ClientError):
            await asked


async def test_a_hundred_start_at_once_and_end_at_once() -> None:
    async with AsyncExitStack() as stack:
        pods: list[Pod] = [await stack.enter_async_context(pod(f"web-{number}")) for number in range(100)]
        answers = [await get(running.url) for running in pods]
        await asyncio.gather(*(running.server.terminate() for running in pods))

    assert answers == [(200, f"web-{number} \n") for number in range(100)]


async def test_killed_right_after_its_start_it_listens_no_more() -> None:
    async with pod() as running:
        address = running.backend
        running.server.kill()
        await settled()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)


async def test_an_address_that_is_taken_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with pod() as running:
            running.server._listener._wanted = [("127.0.0.1", 0), taken.getsockname()]
            running.server.kill()
            with pytest.raises(OSError, match="in use"):
                running.server.start()
            assert running.server.addresses == []
