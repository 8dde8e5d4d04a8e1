"""What a body may be, before anything reads it: not too long, of the type that is asked for, and JSON to be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI, Request

from springtide.errors import InputError, SpringtideError
from springtide.settings import variable_name
from springtide.web.problems import problem
from springtide.web.safe_json import require_safe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Message, Receive, Send], Awaitable[None]]

YAML_PATHS: Final = ("/policies/validate",)
"""The ends of the addresses that take YAML, which is text of any type but a form's."""

_JSON: Final = "application/json"
_YAML: Final = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain", _JSON})
_HEADERS: Final = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))


class Intake:
    """ASGI: reads the body whole, within its limit, and gives it on; whoever is not logged in is told that first."""

    def __init__(self, inner: App, *, app: FastAPI, body_bytes: int) -> None:
        self._inner = inner
        self._app = app
        self._limit = body_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer why not."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            body = await self._body(request)
            if body:
                await self._app.state.surroundings.access.caller(request)
                _require_type(request, body)
        except SpringtideError as error:
            await problem(error)(scope, receive, send)
            return
        await self._inner(scope, _again(body, receive), _with_headers(send))

    async def _body(self, request: Request) -> bytes:
        if request.method in {"GET", "HEAD", "OPTIONS"}:
            return b""
        parts: list[bytes] = []
        length = 0
        async for part in request.stream():
            length += len(part)
            if length > self._limit:
                await self._app.state.surroundings.access.caller(request)
                raise self._too_large()
            parts.append(part)
        return b"".join(parts)

    def _too_large(self) -> InputError:
        message = f"the body has more than {self._limit} bytes, which {variable_name('rest_body')} allows."
        return InputError(message, code="body_too_large", field="body")


def _require_type(request: Request, body: bytes) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.url.path.endswith(YAML_PATHS):
        if given not in _YAML:
            raise _wrong_type(given, "application/yaml")
        return
    if given != _JSON:
        raise _wrong_type(given, _JSON)
    require_safe(body)


def _wrong_type(given: str, expected: str) -> InputError:
    message = f"Content-Type: {given[:60]!r} is not taken; send {expected}."
    return InputError(message, code="json_expected", field="Content-Type")


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives the body that was read, once, and then what the server says."""
    left = [body]

    async def given() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return given


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            added = [pair for pair in _HEADERS if pair[0] not in there]
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return sent
