"""Lets the official Kubernetes client talk to a world in-process: same client, same retries, same errors, no socket.

`install` replaces the connection pool of one `ApiClient`. Everything above it is the real thing: the generated API, the
REST client, urllib3's retries (a PUT or DELETE whose answer is lost is sent again by urllib3 unless the client forbids
it) and its exceptions. Time that would be waited passes in the world.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import urllib3
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import NewConnectionError, ReadTimeoutError
from urllib3.response import HTTPResponse
from urllib3.util import Timeout
from urllib3.util.retry import Retry

from springtide.sandbox.faults import Lost
from springtide.sandbox.messages import Request, Response
from springtide.sandbox.watching import Watch
from springtide.sandbox.world import World

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection

HOST = "http://sandbox.invalid"
"""What a client's configuration may name as its host; nothing is looked up."""


class KubernetesClient(Protocol):
    """The part of the Kubernetes library's `ApiClient` that is replaced (this package never imports that library)."""

    rest_client: Any


def install(api_client: KubernetesClient, world: World) -> None:
    """Make a Kubernetes `ApiClient` talk to a world; its host, headers, token, timeouts and retries stay its own."""
    # the pool manager is the last part above the sockets: all that a client does before runs as in production
    rest = api_client.rest_client
    settings = getattr(rest.pool_manager, "connection_pool_kw", {})
    rest.pool_manager = pool_manager(world, retries=settings.get("retries"))


def pool_manager(world: World, *, retries: Retry | int | bool | None = None) -> urllib3.PoolManager:
    """Return a urllib3 pool manager whose every connection leads into a world."""
    virtual = _virtual_retry(world.clock.sleep)
    if isinstance(retries, Retry):
        settings = {name: getattr(retries, name) for name in _RETRY_SETTINGS}
        policy = virtual(**settings)
    else:
        policy = virtual.from_int(retries, default=virtual(3))

    class WorldPool(_InProcessPool):
        """A pool of this world."""

        def __init__(self, host: str, port: int | None = None, **settings: Any) -> None:
            super().__init__(host, port, retries=policy, timeout=settings.get("timeout", Timeout(None)))
            self.world = world

    manager = urllib3.PoolManager(retries=policy)
    manager.pool_classes_by_scheme = {"http": WorldPool, "https": WorldPool}
    return manager


_RETRY_SETTINGS = (
    "total", "connect", "read", "redirect", "status", "other", "allowed_methods", "status_forcelist", "backoff_factor",
    "backoff_max", "raise_on_redirect", "raise_on_status", "respect_retry_after_header", "remove_headers_on_redirect",
)  # fmt: skip


def _virtual_retry(sleep: Callable[[float], None]) -> type[Retry]:
    class VirtualRetry(Retry):
        """urllib3's retries, waiting in the world's time."""

        def sleep_for_retry(self, response: Any) -> bool:
            seconds = self.get_retry_after(response)
            if seconds:
                sleep(seconds)
                return True
            return False

        def _sleep_backoff(self) -> None:
            seconds = self.get_backoff_time()
            if seconds > 0:
                sleep(seconds)

    return VirtualRetry


class _InProcessPool(HTTPConnectionPool):
    """Answers from a world what would go over a connection."""

    world: World

    def _make_request(  # type: ignore[override]  # the settings that only concern sockets are taken together
        self, conn: HTTPConnection, method: str, url: str, **settings: Any
    ) -> HTTPResponse:
        parts = urlsplit(url)
        request = Request(
            method=method,
            path=unquote(parts.path),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in (settings.get("headers") or {}).items()},
            body=_bytes(settings.get("body")),
        )
        read_timeout = settings["timeout"].read_timeout
        try:
            answer = self.world.call(request)
        except Lost as lost:
            raise self._as_noticed(lost, conn, url, read_timeout) from lost
        return _response(self, answer, method, url, settings)

    def _as_noticed(self, lost: Lost, conn: HTTPConnection, url: str, read_timeout: float | None) -> Exception:
        """Return the error that urllib3 makes of a lost answer, after the time that it takes to notice."""
        if lost.kind == "refused":
            return NewConnectionError(conn, "Failed to establish a new connection: [Errno 111] Connection refused")
        if lost.kind == "reset":
            return ConnectionResetError(104, "Connection reset by peer")
        if read_timeout is None:  # a caller without a timeout is a fault of the caller: it must not pass unseen
            raise RuntimeError(f"{url}: a call without a timeout would wait for ever for its lost answer")
        self.world.clock.sleep(read_timeout)
        return ReadTimeoutError(self, url, f"Read timed out. (read timeout={read_timeout})")


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else str(body).encode()


def _response(
    pool: _InProcessPool, answer: Response, method: str, url: str, settings: Mapping[str, Any]
) -> HTTPResponse:
    preload = settings.get("preload_content", True)
    headers = {"Content-Type": answer.content_type, **answer.headers}
    common: dict[str, Any] = {
        "headers": headers,
        "status": answer.status,
        "reason": HTTPStatus(answer.status).phrase,
        "request_method": method,
        "request_url": url,
        "retries": settings.get("retries"),
    }
    if answer.watch is None:
        return HTTPResponse(body=BytesIO(answer.body), preload_content=preload, **common)
    timeout = settings["timeout"].read_timeout
    lines = _lines(pool, answer.watch, url, timeout)
    if preload:
        return HTTPResponse(body=BytesIO(b"".join(lines)), preload_content=True, **common)
    return _Stream(lines, common)


def _lines(pool: _InProcessPool, watch: Watch, url: str, read_timeout: float | None) -> Iterator[bytes]:
    """Yield the lines of a watch as they come, letting time pass in between, until the server ends it."""
    world = pool.world
    end = world.elapsed + watch.timeout
    last = world.elapsed
    while True:
        lines = watch.take()
        if lines:
            last = world.elapsed
            yield from lines
        if watch.over:
            return
        limit = end if read_timeout is None else min(end, last + read_timeout)
        # one timer at a time: the reader gets each line at the moment at which it was written
        due = world.core.timeline.next_due()
        if due is not None and due <= limit:
            world.core.timeline.run_until(due)
        elif limit < end:
            world.core.timeline.run_until(limit)
            raise ReadTimeoutError(pool, url, "Read timed out.")
        else:
            world.core.timeline.run_until(end)
            yield from watch.take()
            return


class _Stream(HTTPResponse):
    """A response whose body comes line by line."""

    def __init__(self, lines: Iterator[bytes], common: dict[str, Any]) -> None:
        super().__init__(body=BytesIO(), preload_content=False, **common)
        self._lines = lines

    def stream(self, amt: int | None = None, decode_content: bool | None = None) -> Generator[bytes]:  # noqa: ARG002, FBT001  urllib3's signature
        """Yield the lines."""
        yield from self._lines
