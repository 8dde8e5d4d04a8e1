"""A server that has its answers in a row, and both clients on it: what one does, the other does too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from springtide.sdk import AsyncSpringtide, RunState, Server, Springtide

URL = "https://airflow.example/af"
STARTED = {
    "run_id": "checkout__20261129T120000_ab12cd",
    "dag_id": "scale_service",
    "service": "checkout",
    "state": "queued",
    "link": "/dags/scale_service/runs/checkout__20261129T120000_ab12cd",
    "repeated": False,
}
RUNNING = {"outcome": "running", "headline": "checkout 6 → 12", "phases": [{"phase": "instances_ready"}]}
DONE = {"outcome": "succeeded", "headline": "checkout 6 → 12 in 41 s"}
SERVER = Server(url=URL, token="t0ken", retries=2)


def problem(status: int, code: str, detail: str = "no", **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    return httpx.Response(status, json={"code": code, "detail": detail, "status": status} | more, headers=headers)


def answer(document: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=document)


@dataclass
class Conversation:
    """What the server answers, request by request (an exception is a broken connection), and what it was asked."""

    answers: Sequence[httpx.Response | Exception]
    requests: list[httpx.Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    progress: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        given = self.answers[len(self.requests) - 1]
        if isinstance(given, Exception):
            raise given
        return given

    def clock(self) -> float:
        """Return the time, which only pauses pass."""
        return sum(self.pauses)

    def tell(self, state: RunState) -> None:
        self.progress.append(str(state))


Talking = Callable[[Conversation, Server, float | None, int | str], RunState | None]


def synchronously(told: Conversation, server: Server, wait: float | None, replicas: int | str = 12) -> RunState | None:
    transport = httpx.MockTransport(told)
    with Springtide(server, transport=transport, pause=told.pauses.append, clock=told.clock) as springtide:
        run = springtide.scale("checkout", replicas, reason="sale at noon")
        return None if wait is None else run.wait(wait, on_progress=told.tell)


def asynchronously(told: Conversation, server: Server, wait: float | None, replicas: int | str = 12) -> RunState | None:
    async def pause(seconds: float) -> None:
        told.pauses.append(seconds)

    async def talk() -> RunState | None:
        transport = httpx.MockTransport(told)
        async with AsyncSpringtide(server, transport=transport, pause=pause, clock=told.clock) as springtide:
            run = await springtide.scale("checkout", replicas, reason="sale at noon")
            return None if wait is None else await run.wait(wait, on_progress=told.tell)

    return asyncio.run(talk())


both_clients = pytest.mark.parametrize("talk", [synchronously, asynchronously], ids=["sync", "async"])
