"""Cursors of pages: where a list goes on, as a text that nobody has to understand."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime

from springtide.errors import InputError


def cursor_after(at: datetime, key: str) -> str:
    """Return the cursor of what is older than the entry `key` of `at`."""
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), key]).encode()).decode().rstrip("=")


def place_of(cursor: str) -> tuple[datetime, str]:
    """Return the moment and the key that a cursor was made of.

    Raises:
        InputError: nobody gave this cursor away (`cursor_invalid`).
    """
    try:
        at, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(at)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise _invalid() from None
    if moment.tzinfo is None or not isinstance(key, str):
        raise _invalid()
    return moment, key


def _invalid() -> InputError:
    message = "cursor: it is none; take `next` of the page before, or leave it."
    return InputError(message, code="cursor_invalid", field="cursor")
