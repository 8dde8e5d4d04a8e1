"""A request to the API server and its answer, without any transport."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from springtide.sandbox.objects import Json, dump
from springtide.sandbox.status import ApiError, bad_request

if TYPE_CHECKING:
    from springtide.sandbox.watching import Watch

REVIEW_OF_ONE = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
REVIEW_OF_ALL = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
TRUE = frozenset({"1", "true", "True"})


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client sends: header names in lower case, the path decoded.

    `as_of` is no part of HTTP: a stale read answers as of that older revision.
    """

    method: str = field(kw_only=False)
    path: str = field(kw_only=False)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    as_of: int | None = None

    @cached_property
    def json(self) -> Json:
        """The body as an object.

        Raises:
            ApiError: 400, it is none.
        """
        try:
            value: Any = json.loads(self.body) if self.body else {}
        except ValueError as error:
            raise bad_request(f"the object provided is unrecognized (must be of type JSON): {error}") from error
        if not isinstance(value, dict):
            raise bad_request("couldn't get version/kind; json parse error: the body has to be an object")
        return value

    @property
    def is_watch(self) -> bool:
        """Whether the client asks for a stream of changes."""
        return self.query.get("watch", "") in TRUE

    @property
    def writes(self) -> bool:
        """Whether the request may change something: neither a review of somebody's rights is kept, nor a dry run."""
        asks = self.path in {REVIEW_OF_ONE, REVIEW_OF_ALL} or self.query.get("dryRun") == "All"
        return self.method not in {"GET", "HEAD", "OPTIONS"} and not asks

    @property
    def manager(self) -> str:
        """Who writes: `fieldManager`, else the first word of the User-Agent, as the API server has it."""
        return self.query.get("fieldManager") or self.headers.get("user-agent", "unknown").partition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A request that the API server sends on to a process, which is to answer in its place."""

    method: str
    scheme: str
    address: tuple[str, int]
    path: str  # with its query
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What the server answers; a watch has a stream behind it instead of a body, an errand the answer of another."""

    status: int = field(kw_only=False)
    body: bytes = field(default=b"", kw_only=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    watch: Watch | None = None
    errand: Errand | None = None
    content_type: str = "application/json"

    @property
    def json(self) -> Json:
        """The body as an object."""
        value: Json = json.loads(self.body)
        return value


def answer(value: Any, status: int = 200) -> Response:
    """Return an answer in JSON."""
    return Response(status, dump(value))


def refusal(error: ApiError) -> Response:
    """Return the answer to a request that is refused."""
    # clients wait by the header, people read the detail
    retry = (error.status.get("details") or {}).get("retryAfterSeconds")
    headers = {"Retry-After": str(retry)} if retry else {}
    return Response(error.code, dump(error.status), headers=headers)
