"""What a client does, step by step: logging in, asking with safe retries, beginning a run, waiting for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from springtide.sdk.errors import NotFound, NotLoggedIn, SpringtideError, StillRunning, TemporaryError
from springtide.sdk.exchange import Call, Course, Pause, Reply
from springtide.sdk.problems import document_of, error_of
from springtide.sdk.runs import Plan, RunState, StartedRun
from springtide.sdk.server import Server

ROOT: Final = "/springtide"
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 8.0
FIRST_LOOK: Final = 1.0
LONGEST_LOOK: Final = 5.0
LOOK_GROWTH: Final = 1.3

OnProgress = Callable[[RunState], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A run that is wanted. `key` tells the server that a second sending is the same request."""

    service: str
    replicas: int | str
    key: str
    reason: str = ""
    is_queued: bool = False

    @property
    def query(self) -> dict[str, str]:
        """What stands in the address."""
        more = {"reason": self.reason, "queue": "true" if self.is_queued else ""}
        return {"name": self.service, "pods": str(self.replicas)} | {name: text for name, text in more.items() if text}


class Talk:
    """The courses of one client; it remembers the token that it has been given."""

    def __init__(self, server: Server, clock: Callable[[], float]) -> None:
        self.server = server
        self._clock = clock
        self._token = server.token

    def begin(self, request: Request) -> Course[StartedRun]:
        """Ask for a run. Safe to send again: every sending has the same key, and the server starts one run for it.

        Raises:
            SpringtideError: it is refused, or nobody answers.
        """
        call = self._call("POST", "/scale/", query=request.query)
        call = replace(call, headers={"Idempotency-Key": request.key})
        return StartedRun.of((yield from self._asked(call)), self.server.url)

    def plan(self, service: str, replicas: int | str) -> Course[Plan]:
        """Ask what a run would do now.

        Raises:
            SpringtideError: there can be no plan, or nobody answers.
        """
        query = {"name": service, "pods": str(replicas)}
        return Plan.of((yield from self._asked(self._call("GET", "/scale/", query=query))))

    def state(self, run: StartedRun) -> Course[RunState]:
        """Ask how a run stands; one that has not begun is queued.

        Raises:
            SpringtideError: nobody answers, or this caller may not see it.
        """
        return (yield from self._looked(run, self.server.timeout, self.server.retries))

    def ended(self, run: StartedRun, timeout: float, on_progress: OnProgress | None) -> Course[RunState]:
        """Wait until a run has ended as it was asked for; what nobody answers is asked again until `timeout` is over.

        Raises:
            RunFailed: it ended otherwise.
            StillRunning: it goes on after `timeout` seconds.
            PermanentError: this caller may not see it.
        """
        ends = self._clock() + timeout
        told = RunState(run_id=run.run_id, link=run.link)
        trouble: TemporaryError | None
        pause = FIRST_LOOK
        while True:
            left = max(ends - self._clock(), FIRST_LOOK)
            state = told
            trouble = None
            try:
                state = yield from self._looked(run, min(self.server.timeout, left), 0)
            except TemporaryError as error:
                trouble = error
            if state != told and on_progress is not None:
                on_progress(state)
            told = state
            if state.is_ended:
                state.require_as_asked()
                return state
            if self._clock() >= ends:
                raise _still_running(told, timeout, trouble) from trouble
            yield Pause(min(pause, max(ends - self._clock(), 0.0)))
            pause = min(pause * LOOK_GROWTH, LONGEST_LOOK)

    def _looked(self, run: StartedRun, timeout: float, retries: int) -> Course[RunState]:
        call = self._call("GET", f"/api/v1/runs/{quote(run.run_id, safe='')}")
        try:
            record = yield from self._asked(replace(call, timeout=timeout), retries)
        except NotFound as error:
            if error.code != "run_unknown":
                raise
            return RunState(run_id=run.run_id, link=run.link)  # it has not begun, and nothing is kept of it yet
        return RunState.of(record, run)

    def _call(self, method: str, path: str, query: Mapping[str, str] | None = None) -> Call:
        return Call(method=method, path=ROOT + path, timeout=self.server.timeout, query=query or {})

    def _asked(self, call: Call, retries: int | None = None) -> Course[dict[str, Any]]:
        """Send until somebody answers; a token that is over is changed for a new one once, where there is a password.

        Raises:
            SpringtideError: what the answer says, or the last of the sendings that nobody answered.
        """
        left = self.server.retries if retries is None else retries
        may_log_in = self.server.user is not None
        pause = FIRST_PAUSE
        while True:
            try:
                return (yield from self._sent(call))
            except NotLoggedIn:
                if not may_log_in or self._token is None:
                    raise
                self._token = None
                may_log_in = False
            except TemporaryError as error:
                if left == 0:
                    raise
                left -= 1
                yield Pause(pause if error.retry_after is None else error.retry_after)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _sent(self, call: Call) -> Course[dict[str, Any]]:
        if self._token is None:
            self._token = yield from self._logged_in(call.timeout)
        headers = {**call.headers, "Authorization": f"Bearer {self._token}"}
        return (yield from self._answered(replace(call, headers=headers)))

    def _logged_in(self, timeout: float) -> Course[str]:
        body = {"username": self.server.user, "password": self.server.password}
        answer = yield from self._answered(Call(method="POST", path="/auth/token", timeout=timeout, body=body))
        token = answer.get("access_token")
        if not isinstance(token, str):
            raise NotLoggedIn(f"{self.server.url}/auth/token gave no token.", code="token_missing", field="user")
        return token

    def _answered(self, call: Call) -> Course[dict[str, Any]]:
        answer = yield call
        error: SpringtideError | None = error_of(answer, self.server.url)
        if error is not None:
            raise error
        assert isinstance(answer, Reply)
        return document_of(answer, self.server.url)


def _still_running(state: RunState, timeout: float, trouble: TemporaryError | None) -> StillRunning:
    why = f" The last look failed: {trouble.message}" if trouble is not None else ""
    message = f"{state.run_id} goes on after {timeout:g} s: {state}. Wait again, or look at its page.{why}"
    return StillRunning(message, code="still_running", link=state.link)
