"""The API over HTTP, on loopback: what the official clients talk to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from springtide.sandbox.callers import require_program
from springtide.sandbox.errands import sent
from springtide.sandbox.faults import Crashed, Lost
from springtide.sandbox.listening import Listener
from springtide.sandbox.messages import Request, Response, refusal
from springtide.sandbox.status import ApiError, bad_request
from springtide.sandbox.watching import Watch

_MOST_BYTES = 3 * 1024 * 1024  # of a body: the API server's limit
_BOOKMARK_SECONDS = 60.0  # between bookmarks, as the API server's watch cache has it
_LONGEST_SILENCE = 300.0  # that a call whose answer is lost is left without one
_AT_LEAST = 0.01


class ApiServer:
    """HTTP around a callable that answers requests, as `World.call` or `Api.serve`.

    Whoever writes to the store has to call `changed` afterwards (`store.observe(lambda _: server.changed())`): watches
    wait for it. To be made and used, `changed` included, in a running event loop.
    """

    def __init__(self, call: Callable[[Request], Response], address: str, port: int) -> None:
        self._call = call
        self._news = asyncio.get_running_loop().create_future()
        self._server = web.Server(self._answer, access_log=None, handler_cancellation=True)
        self._listener = Listener(self._server, address, [port])

    def start(self) -> None:
        """Listen, from the return on.

        Raises:
            OSError: the address cannot be had.
        """
        self._listener.open()

    @property
    def url(self) -> str:
        """Where it listens."""
        address, port = self._listener.addresses[0]
        return f"http://{address}:{port}"

    def changed(self) -> None:
        """Let the watches look for news."""
        self._news.set_result(None)
        self._news = asyncio.get_running_loop().create_future()

    def stop(self) -> None:
        """Listen no more, and break what is open: clients see watches end as when an API server goes."""
        self._listener.close()
        for connection in self._server.connections:
            if connection.transport is not None:
                connection.transport.abort()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            require_program(request.method, _headers(request), has_body=request.can_read_body)
            body = await _body_of(request)
        except ApiError as error:
            return _plain(refusal(error))
        try:
            response = self._call(_understood(request, body))
        except Lost as lost:
            if lost.kind == "timeout":
                await asyncio.sleep(_LONGEST_SILENCE)
            return _broken(request)
        except Crashed:  # over HTTP the dead caller is somebody else: he just gets no answer
            return _broken(request)
        if response.errand is not None:
            response = await sent(response.errand)
        if response.watch is None:
            return _plain(response)
        return await self._stream(request, response, response.watch)

    async def _stream(self, request: web.BaseRequest, response: Response, watch: Watch) -> web.StreamResponse:
        """Send the lines of a watch as they come, until its time is over or its client has gone."""
        loop = asyncio.get_running_loop()
        end = loop.time() + watch.timeout
        bookmark = loop.time() + _BOOKMARK_SECONDS
        stream = web.StreamResponse(headers={"Content-Type": response.content_type, **response.headers})
        stream.enable_chunked_encoding()
        await stream.prepare(request)
        while not watch.over and loop.time() < end:
            news = self._news  # before looking: what comes while the lines are sent is not missed
            lines = watch.take()
            if lines:
                await stream.write(b"".join(lines))
            elif watch.bookmarks and loop.time() >= bookmark:
                bookmark = loop.time() + _BOOKMARK_SECONDS
                await stream.write(watch.bookmark())
            else:
                await asyncio.wait([news], timeout=max(min(end, bookmark) - loop.time(), _AT_LEAST))
        await stream.write_eof()
        return stream


def _understood(request: web.BaseRequest, body: bytes) -> Request:
    path, _, query = request.raw_path.partition("?")
    return Request(
        method=request.method,
        path=unquote(path),
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers=_headers(request),
        body=body,
    )


def _plain(response: Response) -> web.Response:
    headers = {"Content-Type": response.content_type, **response.headers}
    return web.Response(status=response.status, body=response.body, headers=headers)


def _broken(request: web.BaseRequest) -> web.Response:
    """Break the connection; the response goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _headers(request: web.BaseRequest) -> dict[str, str]:
    """Return the headers; one that comes twice has all its values, so that none hides behind another."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    return headers


async def _body_of(request: web.BaseRequest) -> bytes:
    """Return the body, unpacked.

    Raises:
        ApiError: 413, it is too large once it is unpacked; 400, it cannot be unpacked.
    """
    body = bytearray()
    try:
        while chunk := await request.content.readany():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise _too_large(len(body))
    except web.RequestPayloadError as error:
        raise bad_request(f"the body cannot be unpacked ({type(error).__name__})") from error
    return bytes(body)


def _too_large(size: int) -> ApiError:
    message = f"Request entity too large: limit is {_MOST_BYTES}, and it has {size} bytes or more once unpacked"
    return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestEntityTooLarge", message)
