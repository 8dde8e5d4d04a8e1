"""Idempotency keys: the same request again is answered with the run that it started."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from fastapi import Request

from springtide.errors import InputError

HEADER: Final = "Idempotency-Key"
PATTERN: Final = r"[A-Za-z0-9._:~-]{1,200}"


def key_of(request: Request) -> str:
    """Return the key of a request, "" where it has none.

    Raises:
        InputError: it is none (`key_invalid`).
    """
    given = request.headers.getlist(HEADER)
    if not given:
        return ""
    if len(given) == 1 and re.fullmatch(PATTERN, given[0]):
        return given[0]
    message = f"{HEADER}: it must stand there once, and be 1 to 200 characters of {PATTERN.partition('{')[0]}."
    raise InputError(message, code="key_invalid", field=HEADER)


async def digest_of(request: Request) -> str:
    """Return what tells this request from another: its method, address and body."""
    pairs = sorted(request.query_params.multi_items())
    parts = (request.method, request.url.path, repr(pairs))
    digest = hashlib.sha256("\n".join(parts).encode())
    digest.update(await request.body())
    return digest.hexdigest()
