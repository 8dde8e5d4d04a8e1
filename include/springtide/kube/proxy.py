"""One GET that the API server passes on to a pod or a Service: the way in where no address of the cluster is in reach.

It is also the only way to a pod that no Service leads to yet. The API server signs nobody in over there: it takes the
caller's own token off, checks the right to `pods/proxy` or `services/proxy`, and does not verify a certificate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from springtide.clock import Clock
from springtide.errors import InputError
from springtide.kube.objects import Json, Kind
from springtide.kube.translate import translated
from springtide.unpacking import ACCEPTED, PackingError, unpacked

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from kubernetes.client.exceptions import ApiException

_PLURALS: Final = {Kind.POD: "pods", Kind.SERVICE: "services"}
_CONNECT_SECONDS: Final = 3.0
_NOT_PASSED_ON: Final = frozenset({502, 503})
"""What the API server answers where it cannot reach what it should pass the request on to."""

_ERROR: Final = 400
_PIECE: Final = 16 * 1024
_CLIMBS: Final = re.compile(r"(?i)(?:^|/|%2f)(?:\.|%2e){2}(?:/|%2f|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRequest:
    """A GET to one port of a pod or a Service, and the bounds of its answer.

    `path` may hold a query. `timeout_seconds` is for the whole answer, `body_limit` for its unpacked bytes: more are
    cut off, never loaded.

    Raises:
        InputError: the path would lead to another object of the API (`url_not_allowed`).
    """

    kind: Kind
    namespace: str
    name: str
    port: int
    path: str
    timeout_seconds: float
    body_limit: int
    scheme: str = "http"
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a path that leaves the object behind."""
        if not self.path.startswith("/") or _CLIMBS.search(self.path.partition("?")[0]):
            raise InputError(
                f"path {self.path!r}: it must begin with '/' and hold no part '..'.",
                code="url_not_allowed",
                field="path",
            )

    @property
    def target(self) -> str:
        """What the API calls one port of the object: `http:checkout:8080`. It is also the name that a Role may hold."""
        return f"{self.scheme}:{self.name}:{self.port}"

    @property
    def address(self) -> str:
        """The path at the API server."""
        return f"/api/v1/namespaces/{self.namespace}/{_PLURALS[self.kind]}/{self.target}/proxy{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyAnswer:
    """What came back: status, the beginning of the body and the headers, named in lower case; or `error` instead.

    An error is that of the way from the API server on: it did not connect, or no whole answer came in time.
    """

    status: int
    body: bytes
    headers: dict[str, str]
    error: str | None = None


class ProxyReader(Protocol):
    """Sends GETs by way of the API server."""

    def ask(self, request: ProxyRequest) -> ProxyAnswer:
        """Return the answer to one GET, which is sent once; a redirect is an answer and never followed.

        Raises:
            NotFound: there is no such pod or Service.
            ClusterRefused: the right to `get` its `proxy` is missing.
            ClusterUnavailable: the API server itself cannot be reached, or is too busy.
        """
        ...


def ask(client: ApiClient, request: ProxyRequest, clock: Clock) -> ProxyAnswer:
    """Send `request` by the official client's connections and credentials (see `ProxyReader.ask`)."""
    import urllib3
    import urllib3.exceptions as wire

    end = clock.monotonic() + request.timeout_seconds
    headers = {"Accept-Encoding": ACCEPTED, **client.default_headers, **request.headers}
    client.update_params_for_auth(headers, [], ["BearerToken"])
    timeout = urllib3.Timeout(connect=min(_CONNECT_SECONDS, request.timeout_seconds), read=request.timeout_seconds)
    with translated(f"get {request.address}", is_write=False):
        try:
            # The generated API would follow redirects, and has no bound for a body.
            response = client.rest_client.pool_manager.request(
                "GET",
                client.configuration.host + request.address,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=timeout,
            )
        except wire.ReadTimeoutError:
            return _failed(f"no answer within {request.timeout_seconds:g} s")
        try:
            body = _body_of(response, request.body_limit, clock, end)
        except PackingError as error:
            return _failed(str(error))
        except wire.HTTPError as error:  # the answer has begun, so it is the pod's that broke off
            return _failed(f"the answer broke off ({type(error).__name__})")
        finally:
            response.close()
        if body is None:
            return _failed(f"no whole answer within {request.timeout_seconds:g} s")
        return _answer(response, body)


def _body_of(response: Any, limit: int, clock: Clock, end: float) -> bytes | None:
    """Return the unpacked body up to `limit` bytes; None when it was not there by `end`.

    Raises:
        PackingError: it is not packed as it says.
    """
    body = b""
    for piece in unpacked(_sent(response), response.headers.get("content-encoding", "")):
        body += piece
        if len(body) >= limit or clock.monotonic() > end:
            break
    return None if clock.monotonic() > end else body[:limit]


def _sent(response: Any) -> Iterator[bytes]:
    """Yield the body as it was sent."""
    # Not `read`: it waits for as many bytes as it is asked for, each time up to the timeout for the next of them.
    while piece := response.read1(_PIECE, decode_content=False):
        yield piece


def _answer(response: Any, body: bytes) -> ProxyAnswer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    own = _own_words(response.status, headers, body)
    if own is None:
        return ProxyAnswer(status=response.status, body=body, headers=headers)
    if response.status in _NOT_PASSED_ON:
        return _failed(str(own.get("message") or response.reason))
    raise _refusal(response, body)


def _own_words(status: int, headers: Mapping[str, str], body: bytes) -> Json | None:
    """Return what the API server itself says instead of an answer; None when the answer is the pod's."""
    if status < _ERROR or "json" not in headers.get("content-type", ""):
        return None
    try:
        document = json.loads(body)
    except ValueError:
        return None
    is_own = isinstance(document, dict) and (document.get("kind"), document.get("apiVersion")) == ("Status", "v1")
    return document if is_own else None


def _refusal(response: Any, body: bytes) -> ApiException:
    from kubernetes.client.exceptions import ApiException

    error = ApiException(status=response.status, reason=response.reason)
    error.body = body
    error.headers = response.headers
    return error


def _failed(error: str) -> ProxyAnswer:
    return ProxyAnswer(status=0, body=b"", headers={}, error=error)
