"""The asynchronous client: the same courses as the synchronous one's, carried out with `await`."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

import httpx

from springtide.sdk.client import AGENT, PATIENCE, lost, reply
from springtide.sdk.courses import OnProgress, Request, Talk
from springtide.sdk.exchange import Call, Course, Lost, Pause, Reply
from springtide.sdk.runs import Plan, RunState, StartedRun
from springtide.sdk.server import Server

T = TypeVar("T")


class AsyncRun:
    """A run that was asked for."""

    def __init__(self, client: AsyncSpringtide, started: StartedRun) -> None:
        self._client = client
        self.started = started

    @property
    def run_id(self) -> str:
        """What the run is called."""
        return self.started.run_id

    @property
    def link(self) -> str | None:
        """Its page in Airflow."""
        return self.started.link

    async def state(self) -> RunState:
        """Return how it stands now; see `Run.state`."""
        return await self._client.carry_out(self._client.talk.state(self.started))

    async def wait(self, timeout: float = PATIENCE, *, on_progress: OnProgress | None = None) -> RunState:  # noqa: ASYNC109 -- bounds the wait for a run, whose errors say how it stood
        """Wait until it has ended as it was asked for; see `Run.wait`."""
        return await self._client.carry_out(self._client.talk.ended(self.started, timeout, on_progress))


class AsyncSpringtide:
    """What `Springtide` does, with `await`; close it, or use it in an `async with`."""

    def __init__(
        self,
        server: Server,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.talk = Talk(server, clock)
        self._pause = pause
        self._http = httpx.AsyncClient(base_url=server.url, headers=AGENT, transport=transport)

    @classmethod
    def from_env(cls) -> Self:
        """Return a client of the server that the environment names; see `Springtide.from_env`."""
        return cls(Server.from_env())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def scale(
        self, service: str, replicas: int | str, *, reason: str = "", queue: bool = False, key: str | None = None
    ) -> AsyncRun:
        """Ask for a run; see `Springtide.scale`."""
        request = Request(
            service=service, replicas=replicas, key=key or uuid.uuid4().hex, reason=reason, is_queued=queue
        )
        return AsyncRun(self, await self.carry_out(self.talk.begin(request)))

    async def plan(self, service: str, replicas: int | str = "auto") -> Plan:
        """Return what a run would do now; see `Springtide.plan`."""
        return await self.carry_out(self.talk.plan(service, replicas))

    def run(self, run_id: str) -> AsyncRun:
        """Return the run of that id, to look at it or to wait for it. Nothing is asked yet."""
        return AsyncRun(self, StartedRun(run_id=run_id, service=""))

    async def carry_out(self, course: Course[T]) -> T:
        """Take the steps of `course`, and return what it returns."""
        came: Reply | Lost | None = None
        while True:
            try:
                step = course.send(came)
            except StopIteration as ended:
                result: T = ended.value
                return result
            if isinstance(step, Pause):
                await self._pause(step.seconds)
                came = None
            else:
                came = await self._sent(step)

    async def _sent(self, call: Call) -> Reply | Lost:
        try:
            answer = await self._http.request(
                call.method,
                call.path,
                params=call.query or None,
                headers=dict(call.headers),
                json=call.body,
                timeout=call.timeout,
            )
        except httpx.HTTPError as error:
            return lost(error)
        return reply(answer)
