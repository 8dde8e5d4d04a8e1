"""Who may talk to the API over HTTP: programs of this machine that bring JSON, and no page in a browser."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from springtide.sandbox.messages import Request, Response, answer
from springtide.sandbox.server import ApiServer
from unit.sandbox.fronts import settled

JSON = {"Content-Type": "application/json"}
BODY = b'{"kind": "Namespace"}'
MOST = 3 * 1024 * 1024


@dataclass
class Front:
    """The HTTP front, and what came through it."""

    server: ApiServer
    served: list[Request] = field(default_factory=list)

    async def send(
        self, method: str, headers: Mapping[str, str], body: bytes = b"", *, host: str | None = None
    ) -> tuple[int, str]:
        """Send one request as it stands here, and return the status and the message."""
        address, port = self.server.url.removeprefix("http://").split(":")
        lines = [f"{method} /api/v1/namespaces HTTP/1.1", f"Host: {self.own if host is None else host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "Connection: close"]
        reader, writer = await asyncio.open_connection(address, int(port))
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        async with asyncio.timeout(60):
            whole = await reader.read()
        writer.close()
        await writer.wait_closed()
        head, _, content = whole.partition(b"\r\n\r\n")
        return int(head.split()[1]), str(json.loads(content).get("message", ""))

    @property
    def own(self) -> str:
        return self.server.url.removeprefix("http://")


@asynccontextmanager
async def front() -> AsyncIterator[Front]:
    served: list[Request] = []

    def call(request: Request) -> Response:
        served.append(request)
        return answer({})

    server = ApiServer(call, "127.0.0.1", 0)
    server.start()
    try:
        yield Front(server, served)
    finally:
        server.stop()
        await settled()


@pytest.mark.parametrize(
    ("method", "content_type"),
    [
        ("POST", "application/json"),
        ("POST", "Application/JSON; charset=utf-8"),
        ("PUT", "application/json"),
        ("DELETE", "application/json"),
        ("PATCH", "application/merge-patch+json"),
        ("PATCH", "application/json-patch+json"),
        ("PATCH", "application/strategic-merge-patch+json"),
    ],
)
async def test_what_is_json_is_taken(method: str, content_type: str) -> None:
    async with front() as shown:
        status, _ = await shown.send(method, {"Content-Type": content_type}, BODY)

    assert status == 200
    assert [(request.method, request.body) for request in shown.served] == [(method, BODY)]


FORMS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "TEXT/plain;a=b")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("content_type", [*FORMS, "application/yaml", "application/jsonx", "", "text/json"])
async def test_what_is_not_json_is_refused(method: str, content_type: str) -> None:
    async with front() as shown:
        status, message = await shown.send(method, {"Content-Type": content_type}, BODY)

    assert status == 415
    assert "accepted media types include: application/" in message
    assert shown.served == []


async def test_a_body_without_a_type_is_refused() -> None:
    async with front() as shown:
        status, _ = await shown.send("POST", {}, BODY)

    assert (status, shown.served) == (415, [])


@pytest.mark.parametrize("content_type", FORMS)
async def test_an_empty_form_is_refused_too(content_type: str) -> None:
    async with front() as shown:
        status, _ = await shown.send("POST", {"Content-Type": content_type})

    assert (status, shown.served) == (415, [])


@pytest.mark.parametrize("host", ["127.0.0.1:6443", "127.96.0.1", "localhost", "LocalHost:1", "[::1]:6443", "[::1]"])
async def test_an_address_of_loopback_is_meant_for_it(host: str) -> None:
    async with front() as shown:
        status, _ = await shown.send("GET", {}, host=host)

    assert status == 200


NOT_ITS_OWN = (
    "evil.example",
    "evil.example:6443",
    "127.0.0.1.evil.example:6443",
    "localhost.evil.example",
    "localhost:6443.evil.example",
    "127.0.0.1:6443@evil.example",
    "0.0.0.0:6443",
    "10.0.0.1",
    "[::]:6443",
    "[::1",
    "[::1]x",
    "2130706433",
    "0x7f.1",
    "127.0.0.1,evil.example",
    "xn--localhost",
)


@pytest.mark.parametrize("host", NOT_ITS_OWN)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_name_that_somebody_made_lead_here_is_refused(method: str, host: str) -> None:
    """A page may read what its own name answers: a name that was 203.0.113.9 and is 127.0.0.1 now."""
    async with front() as shown:
        status, message = await shown.send(method, JSON if method == "POST" else {}, BODY, host=host)

    assert status in {400, 403}
    assert shown.served == []
    assert "loopback" in message or status == 400


async def test_without_a_host_it_is_refused() -> None:
    async with front() as shown:
        status, _ = await shown.send("GET", {}, host="")

    assert (status, shown.served) == (400, [])


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.96.1.1:8080", "https://localhost"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_no_page_is_answered(method: str, origin: str) -> None:
    async with front() as shown:
        status, message = await shown.send(method, JSON | {"Origin": origin}, BODY if method == "POST" else b"")

    assert (status, shown.served) == (403, [])
    assert message == f"forbidden: Origin '{origin}': the sandbox takes no requests from pages of a browser"


@pytest.mark.parametrize(
    ("site", "expected"), [("cross-site", 403), ("same-site", 403), ("same-origin", 403), ("none", 200)]
)
async def test_what_a_browser_says_of_itself_is_believed(site: str, expected: int) -> None:
    """An image or a link of a page sends no Origin."""
    async with front() as shown:
        status, _ = await shown.send("GET", {"Sec-Fetch-Site": site})

    assert status == expected


class TestPackedBodies:
    """A body counts by what it holds, not by what was sent."""

    async def test_a_packed_one_is_unpacked(self) -> None:
        async with front() as shown:
            status, _ = await shown.send("POST", JSON | {"Content-Encoding": "gzip"}, gzip.compress(BODY))

        assert (status, [request.body for request in shown.served]) == (200, [BODY])

    @pytest.mark.parametrize("size", [MOST + 1, 40 * MOST])
    async def test_one_that_is_too_large_is_refused_with_both_numbers(self, size: int) -> None:
        packed = gzip.compress(b" " * size)
        assert len(packed) < MOST

        async with front() as shown:
            status, message = await shown.send("POST", JSON | {"Content-Encoding": "gzip"}, packed)

        assert (status, shown.served) == (413, [])
        start, _, end = message.partition(", and it has ")
        assert start == f"Request entity too large: limit is {MOST}"
        assert MOST < int(end.split()[0]) <= size
        assert end.endswith("bytes or more once unpacked")

    async def test_one_of_the_largest_size_is_taken(self) -> None:
        body = b'"' + b"x" * (MOST - 2) + b'"'

        async with front() as shown:
            status, _ = await shown.send("POST", JSON | {"Content-Encoding": "gzip"}, gzip.compress(body))

        assert (status, len(shown.served[0].body)) == (200, MOST)

    @pytest.mark.parametrize("encoding", ["gzip", "deflate"])
    async def test_a_damaged_one_is_refused(self, encoding: str) -> None:
        async with front() as shown:
            status, _ = await shown.send("POST", JSON | {"Content-Encoding": encoding}, b"not packed at all")

        assert (status, shown.served) == (400, [])
