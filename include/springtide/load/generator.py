"""Load that counts every failed request, and ends early when it does harm.

Open loop: request n is due n / rate seconds after the start (after a ramp accordingly later), whatever became of the
ones before; how late the generator itself was is measured and reported apart from the answers' latency. Anything but a
whole answer with the expected status within 5 s is a failure. It only goes to addresses that are not of the public
internet.

What is sent again: aiohttp 3.14 by itself resends an idempotent request once after any broken connection, a fresh one
too, and says nothing. That hides failures, so it is kept from doing so (`_no_silent_resend`). Here a GET is sent once
more, on a fresh connection and within the same 5 s, only when a connection that had been idle was closed before an
answer began (RFC 9112, 9.3.1; a browser does the same), and it is counted in `resent`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import threading
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from types import SimpleNamespace
from urllib.parse import urlsplit

import aiohttp

from springtide.clock import Clock, SystemClock
from springtide.errors import InputError
from springtide.load.load_profile import LoadProfile
from springtide.load.loop import loop_factory
from springtide.load.recorder import LoadRecorder, LoadReport, Percentiles
from springtide.load.windows import Breach

_TIMEOUT = 5.0
_MOST_SECONDS = 3600.0
_MOST_RATE = 2000.0
CLIENTS = 20
"""With keep-alive: how many connections take turns."""

_LONGEST_NAME = 100  # bytes of the pod's name, with which a body begins
_LONGEST_SLEEP = 0.05  # seconds until a stop is noticed
_JUDGED_EVERY = 0.5  # seconds between two looks at the limits
_WATCHED_EVERY = 5.0  # seconds between two questions to `LoadProfile.watch`


class _Broken(aiohttp.ClientError):
    """A connection broke before an answer began; aiohttp does not know this type, so it does not resend."""


@dataclass(eq=False, slots=True)
class _Way:
    """How one request went out."""

    reused: bool = False


class Load:
    """A rate of GET requests to one URL, from `start()` to `stop()`, in its own thread."""

    def __init__(
        self,
        url: str,
        rate: float,
        *,
        keepalive: bool = False,
        seconds: float = 60.0,
        course: LoadProfile | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Prepare a load that ends by itself after `seconds`.

        Raises:
            InputError: the URL, the rate, the time or the ramp is out of bounds (`load_invalid`).
        """
        _check(url, rate, seconds)
        course = course or LoadProfile()
        if not 0 <= course.ramp <= seconds:
            raise _refused("ramp", course.ramp, f"0 to {seconds:g} seconds, the whole time")
        self._url = url
        self._rate = rate
        self._keepalive = keepalive
        self._seconds = seconds
        self._course = course
        self._clock = clock or SystemClock()
        self._stopped: Breach | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run_in_thread, name="load", daemon=True)
        self._ended: LoadReport | BaseException | None = None
        self._tally = LoadRecorder()

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> LoadReport:
        """Send nothing more, wait for what is in flight (at most 5 s) and return the report; again, if called again."""
        self.end()
        self._thread.join()
        if isinstance(self._ended, LoadReport):
            return self._ended
        raise RuntimeError("the load ended by an error of its own") from self._ended

    def end(self) -> None:
        """Send nothing more; returns at once."""
        self._stopping.set()

    def run(self) -> LoadReport:
        """Send in the calling thread until the time is over or `end()` is called elsewhere, and return the report."""
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(self._send_all())

    def _run_in_thread(self) -> None:
        try:
            self._ended = self.run()
        except BaseException as error:  # noqa: BLE001  a thread has nobody to raise to: stop() does
            self._ended = error

    async def _send_all(self) -> LoadReport:
        started_at = self._clock.now()
        start = self._clock.monotonic()
        async with AsyncExitStack() as sessions:
            clients = [await sessions.enter_async_context(_client(keepalive=True)) for _ in range(CLIENTS)]
            fresh = await sessions.enter_async_context(_client(keepalive=False))
            # Beside the requests, not between them: a load that does harm must end while its answers are missing.
            guards = [asyncio.create_task(guard) for guard in (self._judge(start), self._watch())]
            try:
                async with asyncio.TaskGroup() as tasks:
                    seconds = await self._send(tasks, _Clients(fresh, clients if self._keepalive else [fresh]), start)
            finally:
                for guard in guards:
                    guard.cancel()
                    with suppress(asyncio.CancelledError):
                        await guard
        return self._report(started_at, seconds, self._clock.monotonic() - start)

    async def _judge(self, start: float) -> None:
        """Stop the load when it leaves its limits."""
        limits = self._course.limits
        while limits is not None and self._stopped is None:
            await asyncio.sleep(_JUDGED_EVERY)
            spent = self._clock.monotonic() - start
            # In the ramp fewer requests are in flight, so fewer may wait for an answer.
            rate = self._rate * min(1.0, spent / self._course.ramp) if self._course.ramp else self._rate
            self._stop(limits.broken_by(self._tally.windows, waiting=self._tally.waiting, rate=rate))

    async def _watch(self) -> None:
        """Stop the load when whoever watches says so."""
        watch = self._course.watch
        while watch is not None and self._stopped is None:
            try:
                reason = await asyncio.to_thread(watch)
            except Exception:
                self._stopping.set()  # nobody watches any more
                raise
            self._stop(None if reason is None else Breach(reason))
            await asyncio.sleep(_WATCHED_EVERY)

    def _stop(self, breach: Breach | None) -> None:
        if breach is not None and not self._stopping.is_set():
            self._stopped = breach
            self._stopping.set()

    async def _send(self, tasks: asyncio.TaskGroup, clients: _Clients, start: float) -> float:
        """Send each request at its time and return for how long."""
        monotonic = self._clock.monotonic
        most = self._course.most
        for number in count():
            # From the start, not from the request before: a generator that was late does not lower the rate for good.
            due = start + self._course.due(number, self._rate)
            if due >= start + self._seconds:
                return max(monotonic() - start, self._seconds)
            if most is not None and number >= most:
                break
            while (wait := due - monotonic()) > 0 and not self._stopping.is_set():  # noqa: ASYNC110  other threads set it
                await asyncio.sleep(min(wait, _LONGEST_SLEEP))
            if self._stopping.is_set():
                break
            self._tally.sent(max(monotonic() - due, 0.0))
            tasks.create_task(self._request(clients, number, start))
            await asyncio.sleep(0)  # also when late: the ones before must get on
        return monotonic() - start

    async def _request(self, clients: _Clients, number: int, start: float) -> None:
        monotonic = self._clock.monotonic
        way = _Way()
        sent = monotonic()
        try:
            async with asyncio.timeout(_TIMEOUT):
                try:
                    status, body = await self._get(clients.turn(number), way)
                except _Broken:
                    if not way.reused:
                        raise  # a fresh connection that broke is the service's failure
                    self._tally.resent += 1
                    status, body = await self._get(clients.fresh, way)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            self._tally.failure(monotonic() - start, _words(error))
            return
        if status != self._course.expect:
            self._tally.failure(monotonic() - start, f"status {status}")
            return
        # The first word names the pod, where the service says it: so the report shows who answered, and when.
        word = body.split(maxsplit=1)[0][:_LONGEST_NAME].decode("utf-8", "replace") if body.strip() else ""
        self._tally.succeeded(monotonic() - start, monotonic() - sent, word)

    async def _get(self, client: aiohttp.ClientSession, way: _Way) -> tuple[int, bytes]:
        async with client.get(self._url, allow_redirects=False, trace_request_ctx=way) as answer:
            begin = b""
            async for piece in answer.content.iter_any():  # all of it has to come, and none of it is kept
                begin = (begin + piece)[:_LONGEST_NAME]
            return answer.status, begin

    def _report(self, started_at: datetime, seconds: float, ended: float) -> LoadReport:
        tally = self._tally
        return LoadReport(
            url=self._url,
            keepalive=self._keepalive,
            started_at=started_at,
            rate_asked=self._rate,
            rate_achieved=round(tally.requests / seconds, 2) if seconds else 0.0,
            seconds=round(seconds, 3),
            requests=tally.requests,
            failed=tally.failed,
            resent=tally.resent,
            errors=dict(tally.errors),
            first_error=tally.failures[0][0] if tally.failures else None,
            last_error=tally.last_error,
            longest_gap=tally.gap(ended),
            latency_ms=Percentiles.of(tally.latencies),
            lateness_ms=Percentiles.of(tally.lateness),
            answers=dict(tally.answers),
            answered=tally.answered,
            failures=tuple(tally.failures),
            stopped=None if self._stopped is None else self._stopped.message,
            is_late=self._stopped is not None and self._stopped.is_late,
            windows=tuple(tally.windows),
        )


@dataclass(frozen=True, slots=True)
class _Clients:
    """The sessions of a load: each keeps at most the connection that it has."""

    fresh: aiohttp.ClientSession
    turns: list[aiohttp.ClientSession]

    def turn(self, number: int) -> aiohttp.ClientSession:
        return self.turns[number % len(self.turns)]


def _client(*, keepalive: bool) -> aiohttp.ClientSession:
    traces = aiohttp.TraceConfig()
    traces.on_connection_reuseconn.append(_note_reuse)
    return aiohttp.ClientSession(
        # limit=0: a request never waits for a connection. A queue in here would hide the service's own.
        connector=aiohttp.TCPConnector(limit=0, force_close=not keepalive),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        middlewares=(_no_silent_resend,),
        trace_configs=[traces] if keepalive else None,
    )


async def _note_reuse(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.reused = True


async def _no_silent_resend(
    request: aiohttp.ClientRequest, send: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]]
) -> aiohttp.ClientResponse:
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise  # it never connected: nothing was sent that could be sent again
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Broken from error


def _words(error: BaseException) -> str:
    """Return what went wrong, the same words for the same thing."""
    if isinstance(error, TimeoutError):
        return f"no whole answer in {_TIMEOUT:g} s"
    said = error.__cause__ if isinstance(error, _Broken) and error.__cause__ else error
    return f"{type(said).__name__}: {said}"[:200]


def _check(url: str, rate: float, seconds: float) -> None:
    if not 0 < rate <= _MOST_RATE:
        raise _refused("rate", rate, f"more than 0 and at most {_MOST_RATE:.0f} requests a second")
    if not 0 < seconds <= _MOST_SECONDS:
        raise _refused("seconds", seconds, f"more than 0 and at most {_MOST_SECONDS:.0f}")
    # The address, not the name: a name could be resolved to another host at the second request.
    if not _is_near(url):
        raise _refused(
            "url", url[:100], "an http URL whose host is localhost or an address outside the public internet"
        )


def _is_near(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
        near = host == "localhost" or not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
    return parts.scheme == "http" and near


def _refused(field: str, value: object, allowed: str) -> InputError:
    return InputError(f"{field} is {value!r}; allowed: {allowed}.", code="load_invalid", field=field)
