"""Which error an answer means: by its status, its problem details (RFC 9457), and the run that it names. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from springtide.sdk.errors import (
    Busy,
    Conflict,
    Invalid,
    Misconfigured,
    NotAllowed,
    NotFound,
    NotLoggedIn,
    ServerFault,
    SpringtideError,
    TooManyRequests,
    Unavailable,
    UnexpectedAnswer,
)
from springtide.sdk.exchange import Lost, Reply

BUSY: Final = frozenset({"service_busy", "run_in_progress"})
LONGEST_ADVISED: Final = 60.0
"""Seconds. A server that asks for more is not waited for."""

BY_STATUS: Final[Mapping[int, type[SpringtideError]]] = {
    400: Invalid,
    401: NotLoggedIn,
    403: NotAllowed,
    404: NotFound,
    405: Invalid,
    409: Conflict,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: TooManyRequests,
    500: ServerFault,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
"""The family of each status that REST and Kubernetes answer with."""

_SUCCESS: Final = range(200, 300)


def error_of(answer: Reply | Lost | None, url: str) -> SpringtideError | None:
    """Return the error that `answer` of the server at `url` means; None where it is a good one."""
    if not isinstance(answer, Reply):
        why = answer.why if answer is not None else "nothing came back"
        return Unavailable(f"{url} does not answer: {why}.", code="server_unreachable")
    if answer.status in _SUCCESS:
        return None
    document = answer.document()
    if document is None or "code" not in document:
        return _of_a_stranger(answer, url)
    return _of_springtide(answer, document, url)


def document_of(answer: Reply, url: str) -> dict[str, Any]:
    """Return what a good answer holds.

    Raises:
        UnexpectedAnswer: it is no JSON object (`answer_unexpected`).
    """
    document = answer.document()
    if document is None:
        raise UnexpectedAnswer(
            f"{url} answered {answer.status} without a JSON object. Is it Airflow's address, and springtide's plugin "
            "in it?",
            code="answer_unexpected",
        )
    return document


def _of_springtide(answer: Reply, document: Mapping[str, Any], url: str) -> SpringtideError:
    code = str(document["code"])
    error = _kind(answer, code)(
        str(document.get("detail") or document.get("title") or code),
        code=code,
        field=document.get("field"),
        link=_link(document.get("run"), url),
    )
    return _with_delay(error, answer)


def _kind(answer: Reply, code: str) -> type[SpringtideError]:
    if code in BUSY:
        return Busy
    kind = BY_STATUS.get(answer.status, UnexpectedAnswer)
    # springtide says after how long it is worth another try; where it does not, somebody has to do something first
    return Misconfigured if kind is Unavailable and "retry-after" not in answer.headers else kind


def _of_a_stranger(answer: Reply, url: str) -> SpringtideError:
    """Return the error of an answer that springtide did not write: a proxy's, Airflow's own, or somebody else's."""
    kind = BY_STATUS.get(answer.status, UnexpectedAnswer)
    if kind is NotFound:
        return UnexpectedAnswer(
            f"{url} knows no such address. Is it Airflow's address, and springtide's plugin in it?",
            code="answer_unexpected",
        )
    codes = {NotLoggedIn: "auth_required", NotAllowed: "not_allowed", Unavailable: "server_unavailable"}
    detail = (answer.document() or {}).get("detail")
    said = f": {detail}" if isinstance(detail, str) else ""
    error = kind(f"{url} answered {answer.status}{said}.", code=codes.get(kind, "answer_unexpected"))
    return _with_delay(error, answer)


def _with_delay(error: SpringtideError, answer: Reply) -> SpringtideError:
    advised = answer.headers.get("retry-after", "")
    if isinstance(error, Unavailable | TooManyRequests) and advised.isascii() and advised.isdigit():
        error.retry_after = min(float(advised), LONGEST_ADVISED)
    return error


def _link(run: Any, url: str) -> str | None:
    link = run.get("link") if isinstance(run, Mapping) else None
    return absolute(link, url) if isinstance(link, str) else None


def absolute(link: str, url: str) -> str:
    """Return a link of a run, which the server gives from the root of its own, as an address to open."""
    return f"{url}{link}" if link.startswith("/") else link
