"""The synchronous client."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, TypeVar

import httpx

from springtide.sdk.courses import OnProgress, Request, Talk
from springtide.sdk.exchange import Call, Course, Lost, Pause, Reply
from springtide.sdk.runs import Plan, RunState, StartedRun
from springtide.sdk.server import Server

T = TypeVar("T")
AGENT: Final = {"User-Agent": "springtide-sdk"}
PATIENCE: Final = 900.0
"""Seconds that `wait` waits for a run's end, unless it is told otherwise."""


class Run:
    """A run that was asked for."""

    def __init__(self, client: Springtide, started: StartedRun) -> None:
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

    def state(self) -> RunState:
        """Return how it stands now.

        Raises:
            SpringtideError: nobody answers, or this caller may not see it.
        """
        return self._client.carry_out(self._client.talk.state(self.started))

    def wait(self, timeout: float = PATIENCE, *, on_progress: OnProgress | None = None) -> RunState:
        """Wait for at most `timeout` seconds until it has ended as it was asked for; `on_progress` is told each change.

        Raises:
            RunFailed: it ended otherwise.
            StillRunning: it goes on; wait again.
            PermanentError: this caller may not see it.
        """
        return self._client.carry_out(self._client.talk.ended(self.started, timeout, on_progress))


class Springtide:
    """Asks an Airflow with springtide in it for runs. Usable from several threads; close it, or use it in a `with`."""

    def __init__(
        self,
        server: Server,
        *,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.talk = Talk(server, clock)
        self._pause = pause
        self._http = httpx.Client(base_url=server.url, headers=AGENT, transport=transport)

    @classmethod
    def from_env(cls) -> Self:
        """Return a client of the server that SPRINGTIDE_URL names, in the name of SPRINGTIDE_TOKEN.

        SPRINGTIDE_USER and SPRINGTIDE_PASSWORD do instead of a token.

        Raises:
            Invalid, NotLoggedIn: the environment does not say where, or in whose name.
        """
        return cls(Server.from_env())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def scale(
        self, service: str, replicas: int | str, *, reason: str = "", queue: bool = False, key: str | None = None
    ) -> Run:
        """Ask for a run that gives `service` so many replicas, or as many as it needs: `"auto"`.

        It is sent again where nobody answered, always with one idempotency key, so that there is one run; `key` is
        yours, where a process that begins anew shall find its run again. `queue`: be done after a run that goes on.

        Raises:
            Busy: a run of the service goes on, and `queue` is not set.
            SpringtideError: it is refused, or nobody answers.
        """
        request = Request(
            service=service, replicas=replicas, key=key or uuid.uuid4().hex, reason=reason, is_queued=queue
        )
        return Run(self, self.carry_out(self.talk.begin(request)))

    def plan(self, service: str, replicas: int | str = "auto") -> Plan:
        """Return what a run would do now. Nothing is started.

        Raises:
            SpringtideError: there can be no plan, or nobody answers.
        """
        return self.carry_out(self.talk.plan(service, replicas))

    def run(self, run_id: str) -> Run:
        """Return the run of that id, to look at it or to wait for it. Nothing is asked yet."""
        return Run(self, StartedRun(run_id=run_id, service=""))

    def carry_out(self, course: Course[T]) -> T:
        """Take the steps of `course`, and return what it returns."""
        came: Reply | Lost | None = None
        while True:
            try:
                step = course.send(came)
            except StopIteration as ended:
                result: T = ended.value
                return result
            if isinstance(step, Pause):
                self._pause(step.seconds)
                came = None
            else:
                came = self._sent(step)

    def _sent(self, call: Call) -> Reply | Lost:
        try:
            answer = self._http.request(
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


def reply(answer: httpx.Response) -> Reply:
    """Return an answer as a plain value."""
    headers = {name.lower(): text for name, text in answer.headers.items()}
    return Reply(status=answer.status_code, headers=headers, text=answer.text)


def lost(error: httpx.HTTPError) -> Lost:
    """Return why nothing came back, without whatever the address holds."""
    return Lost(str(error) or type(error).__name__)
