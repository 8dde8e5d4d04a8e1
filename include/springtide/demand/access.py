"""How springtide logs in to a Prometheus, whoever tells it: the command line, its environment, Airflow's connection."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from springtide.errors import DemandUnusable, InputError

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_LONGEST_TOKEN: Final = 64 * 1024
_AUTHORIZATION: Final = "authorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusAccess:
    """What goes with each question beside the address. Nothing of it is ever shown.

    `headers` are sent as they are (a tenant, a token). `token_file` holds a bearer token and is read for each
    connection, so a token that is renewed there counts. `ca` is a file of the authorities that are trusted;
    `certificate` and `key` are the client's own files, in PEM.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    token_file: Path | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def sent(self) -> dict[str, str]:
        """Return the headers of one connection.

        Raises:
            DemandUnusable: the token's file cannot be read, or holds no token (`demand_refused`).
        """
        headers = dict(self.headers)
        if self.token_file is not None:
            headers["Authorization"] = f"Bearer {_token(self.token_file)}"
        return headers

    def require_files(self) -> None:
        """Raise `DemandUnusable` (`demand_refused`) where a certificate, its key or the authorities are not there."""
        for name, path in (("ca", self.ca), ("certificate", self.certificate), ("key", self.key)):
            if path is not None and not path.exists():
                raise _unreadable(f"its {name}", path, "there is no such file")

    @property
    def identity(self) -> str:
        """Who asks, for telling apart what was read for one tenant or login from what was read for another."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        login = _who(headers.pop(_AUTHORIZATION, ""))
        parts = [sorted(headers.items()), login, str(self.token_file or ""), str(self.certificate or "")]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


NO_LOGIN: Final = PrometheusAccess()


def headers_of(lines: Iterable[str]) -> dict[str, str]:
    """Return the headers that `lines` of the form `Name: value` mean.

    Raises:
        InputError: one of them is none (`header_invalid`); its value is never repeated.
    """
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name.strip()) or not value.strip() or not value.strip().isprintable():
            raise InputError(
                "a header of Prometheus: expected NAME: VALUE, such as 'X-Scope-OrgID: shop'.",
                code="header_invalid",
                field="prometheus_header",
            )
        headers[name.strip()] = value.strip()
    return headers


def _token(path: Path) -> str:
    try:
        with path.open("rb") as file:
            token = file.read(_LONGEST_TOKEN + 1).decode("ascii").strip()
    except OSError as error:
        raise _unreadable("its token", path, type(error).__name__) from None
    except UnicodeDecodeError:
        raise _unreadable("its token", path, "it is no text of ASCII") from None
    if not token or len(token) > _LONGEST_TOKEN or not token.isprintable() or " " in token:
        raise _unreadable("its token", path, "expected one token and nothing else")
    return token


def _unreadable(what: str, path: Path, problem: str) -> DemandUnusable:
    message = f"Prometheus: {what} cannot be read from {str(path)!r}: {problem}."
    return DemandUnusable(message, code="demand_refused", field="demand")


def _who(authorization: str) -> str:
    """Return who an Authorization header is of: the same for a token that was renewed, where it says whose it is."""
    kind, _, secret = authorization.partition(" ")
    if kind.lower() == "basic":
        return _decoded(secret).partition(":")[0]
    claims = _claims(secret)
    # What is not signed for is good enough here: it only names a file, and a wrong name costs one reading.
    if isinstance(claims.get("sub"), str):
        return json.dumps([claims.get("iss"), claims["sub"]])
    return hashlib.sha256(authorization.encode()).hexdigest() if authorization else ""


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004  # header, claims, signature
        return {}
    try:
        claims = json.loads(_decoded(parts[1]))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _decoded(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "==").decode("utf-8", "replace")
    except ValueError:
        return ""
