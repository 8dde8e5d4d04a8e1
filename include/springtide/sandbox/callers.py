"""Who may talk to the API over HTTP: programs of this machine, and no page that a browser shows.

Whoever reaches the sandbox without a token is its administrator. A page of any site can send requests to loopback, by a
form or by a name that it makes resolve to 127.0.0.1. So a request counts only when it was meant for this server (its
`Host` is an address of loopback), comes from no page (no `Origin`), and brings JSON, which no form can send.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from springtide.sandbox.loopback import is_loopback
from springtide.sandbox.patches import JSON_PATCH, MERGE, STRATEGIC
from springtide.sandbox.status import ApiError, bad_request, unsupported_media_type

JSON: Final = "application/json"
_PATCHES: Final = (JSON_PATCH, MERGE, STRATEGIC)
_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})
"""What a page can send to anybody without asking first, with an empty body, too."""

_BY_HAND: Final = frozenset({"", "none"})
"""`Sec-Fetch-Site` of programs, which send none, and of somebody who typed the address."""


def require_program(method: str, headers: Mapping[str, str], *, has_body: bool) -> None:
    """Refuse a request that a page may have sent; header names are in lower case.

    Raises:
        ApiError: 400 or 403 for where it comes from, 415 for what it brings.
    """
    _require_own_host(headers.get("host", ""))
    origin = headers.get("origin")
    if origin is not None:
        raise _foreign(f"Origin {origin!r}: the sandbox takes no requests from pages of a browser")
    site = headers.get("sec-fetch-site", "")
    if site not in _BY_HAND:
        raise _foreign(f"Sec-Fetch-Site {site!r}: the sandbox takes no requests from pages of a browser")
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    served = _PATCHES if method == "PATCH" else (JSON,)
    if media_type in _FORMS or (has_body and media_type not in served):
        raise unsupported_media_type(sorted(served))


def _require_own_host(host: str) -> None:
    if not host:
        raise bad_request("Host is missing: send the address of the sandbox")
    name = _name_of(host)
    if name.lower() != "localhost" and not is_loopback(name):
        raise _foreign(f"Host {host!r} is not an address of loopback: the sandbox answers to those and to localhost")


def _name_of(host: str) -> str:
    """Return the host without its port: `127.0.0.1:6443`, `localhost`, `[::1]:6443`."""
    if host.startswith("["):
        name, bracket, port = host[1:].partition("]")
        return name if bracket and (not port or _is_port(port)) else ""
    name, colon, port = host.partition(":")
    return name if not colon or port.isdecimal() else ""


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isdecimal()


def _foreign(why: str) -> ApiError:
    return ApiError(403, "Forbidden", f"forbidden: {why}", {})
