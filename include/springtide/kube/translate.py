"""Turns the official client's errors into springtide's own (reliability: API rules).

| the API server or the wire says | a read | a write |
|---|---|---|
| 404 | NotFound | NotFound |
| 409, 422 on uid | — | Conflict |
| 400, 401, 403, 405, 422 | ClusterRefused | ClusterRefused |
| any other 4xx, where an admission webhook or policy denied it | ClusterRefused | ClusterRefused |
| 429 | ClusterUnavailable | ClusterUnavailable: not done |
| 500, 502, 503, 504, broken or silent after sending | ClusterUnavailable | UnknownOutcome |
| no connection | ClusterUnavailable | ClusterUnavailable: not done |
"""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from springtide.errors import ClusterRefused, ClusterUnavailable, Conflict, NotFound, SpringtideError, UnknownOutcome

_DENIED: Final = re.compile(
    r"""admission webhook "[^"]*" denied the request|ValidatingAdmissionPolicy '[^']*' .*denied request"""
)
"""How the API server passes on the no of a webhook, whatever status the webhook chose, or of a policy."""

_OTHER_UID = "metadata.uid: Invalid value"
_NOT_FOUND = 404
_CONFLICT = 409
_INVALID = 422
_TOO_MANY = 429
_SERVER_ERROR = 500
_TEXT_LIMIT = 500


@contextmanager
def translated(what: str, *, is_write: bool) -> Iterator[None]:
    """Turn whatever the client raises while doing `what` ("patch service shop/checkout") into springtide's errors."""
    try:
        with _translated(what, is_write=is_write):
            yield
    except SpringtideError as error:
        let_go(error)
        raise


def let_go(error: BaseException) -> None:
    """Empty the frames that an error remembers: what they hold would wait for the collector, with its sockets open.

    urllib3 and tenacity keep an error in a frame that the error keeps.
    """
    each: BaseException | None = error
    while each is not None:
        traceback.clear_frames(each.__traceback__)
        each = each.__cause__ or each.__context__


@contextmanager
def _translated(what: str, *, is_write: bool) -> Iterator[None]:
    import urllib3.exceptions as wire
    from kubernetes.client.exceptions import ApiException

    try:
        yield
    except ApiException as error:
        raise _from_answer(what, error, is_write=is_write) from error
    except (wire.NewConnectionError, wire.ConnectTimeoutError) as error:
        # Nothing was sent, so even a write is certainly not done: that is worth telling from silence after sending.
        raise _unreachable(what, error) from error
    except wire.MaxRetryError as error:
        if isinstance(error.reason, (wire.NewConnectionError, wire.ConnectTimeoutError)):
            raise _unreachable(what, error.reason) from error
        raise _silent(what, error, is_write=is_write) from error
    except (wire.HTTPError, json.JSONDecodeError) as error:
        raise _silent(what, error, is_write=is_write) from error


def _unreachable(what: str, error: Exception) -> ClusterUnavailable:
    return ClusterUnavailable(
        f"{what}: the API server cannot be reached ({type(error).__name__}). Check the address in the kubeconfig or "
        "the Airflow connection, and that the network allows it.",
        code="cluster_unreachable",
    )


def _silent(what: str, error: Exception, *, is_write: bool) -> SpringtideError:
    if is_write:
        return UnknownOutcome(f"{what}: sent, but no answer came ({type(error).__name__}).", code="outcome_unknown")
    return ClusterUnavailable(f"{what}: no answer in time ({type(error).__name__}).", code="cluster_unreachable")


def _from_answer(what: str, error: Any, *, is_write: bool) -> SpringtideError:
    status, _, text = _status(error)
    if 0 < status < _SERVER_ERROR and status != _TOO_MANY and _DENIED.search(text):
        # The webhook chose the status: its 404 and 409 speak of nothing that could be read or judged again.
        message = f"{what}: the cluster's admission control said no: {text.rstrip('.')}"
        return ClusterRefused(f"{message}. That is a rule of its owners, not a missing right.", code="admission_denied")
    return _from_status(what, error, is_write=is_write)


def _from_status(what: str, error: Any, *, is_write: bool) -> SpringtideError:
    status, reason, text = _status(error)
    if status == _NOT_FOUND:
        return NotFound(f"{what}: {text}", code="not_found")
    if status == _CONFLICT or (status == _INVALID and _OTHER_UID in text):
        code = "already_exists" if reason == "AlreadyExists" else "conflict"
        return Conflict(f"{what}: {text}", code=code)
    if status in (0, _TOO_MANY):  # 0 is the client's own word for a failed TLS handshake: nothing was sent
        message = text or error.reason
        return ClusterUnavailable(f"{what}: {message}", code="cluster_busy", retry_after=_retry_after(error))
    if status >= _SERVER_ERROR:
        message = f"{what}: the API server answered {status}: {text}"
        if is_write:
            return UnknownOutcome(message, code="outcome_unknown")
        return ClusterUnavailable(message, code="cluster_unreachable")
    return ClusterRefused(f"{what}: refused with {status} {reason}: {text}", code=_refusal_code(status, text))


def _refusal_code(status: int, text: str) -> str:
    if "exceeded quota" in text:
        return "quota_short"
    if "because it is being terminated" in text:
        return "namespace_terminating"
    return {401: "token_invalid", 403: "rbac_missing"}.get(status, "cluster_refused")


def _status(error: Any) -> tuple[int, str, str]:
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.body or "")
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return int(error.status or 0), str(error.reason or ""), body[:_TEXT_LIMIT]
    reason = document.get("reason") or error.reason
    message = document.get("message") or body
    return int(error.status or 0), str(reason), str(message)[:_TEXT_LIMIT]


def _retry_after(error: Any) -> timedelta:
    text = (error.headers or {}).get("Retry-After") or "1"
    return timedelta(seconds=int(text) if str(text).isdigit() else 1)
