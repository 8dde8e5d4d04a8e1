"""JSON that everybody reads the same way: no key twice, no NaN, and not so deep that reading it ends the process."""

from __future__ import annotations

import json
from typing import Any, Final

from springtide.errors import InputError

DEEPEST: Final = 32


def require_safe(body: bytes) -> None:
    """Return when `body` is JSON that may be read.

    Raises:
        InputError: it is none (`json_invalid`, with line and column), or not to be trusted (`json_unsafe`).
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise _refused(f"it is not UTF-8, at byte {error.start}", "json_invalid") from None
    _require_shallow(text)
    try:
        json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise _refused(f"{error.msg} at {error.lineno}:{error.colno}", "json_invalid") from None
    except ValueError:  # a number of more digits than Python reads
        raise _refused("a number has too many digits", "json_unsafe") from None


def _require_shallow(text: str) -> None:
    depth = 0
    is_text = False
    is_escaped = False
    for sign in text:
        if is_text:
            is_text = is_escaped or sign != '"'
            is_escaped = sign == "\\" and not is_escaped
        elif sign == '"':
            is_text = True
        elif sign in "[{":
            depth += 1
            if depth > DEEPEST:
                raise _refused(f"it is nested deeper than {DEEPEST}", "json_unsafe")
        elif sign in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise _refused(f"the key {name[:60]!r} stands twice", "json_unsafe")
    return dict(pairs)


def _constant(name: str) -> None:
    raise _refused(f"{name} is no number of JSON", "json_unsafe")


def _refused(why: str, code: str) -> InputError:
    return InputError(f"the body is refused: {why}.", code=code, field="body")
