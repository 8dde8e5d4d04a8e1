"""What can be told of a PromQL expression without a parser of it, and how to put one into another. Pure.

Only what stands outside of strings and comments counts, so a `#` in a label's value begins nothing.
"""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
    |(?P<other>[^\#"'`]+|.)""",
    re.DOTALL | re.VERBOSE,
)
_SCALAR_CALLS: Final = ("scalar", "time", "pi", "now", "step", "start", "end")
_SCALAR_PART: Final = re.compile(
    r"\s+|[-+*/%^]|[=!<>]=?|\bbool\b|\batan2\b|0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
    r"(?:ms|[smhdwy])?|\b(?:inf|nan)\b",
    re.IGNORECASE,
)
_CALL: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)?\s*\(")
_NUMBER: Final = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_FALLBACK: Final = re.compile(
    rf"""\bor\s*(?:(?:on|ignoring)\s*\([^()]*\)\s*)?(?:\(\s*)*(?:label_replace\s*\(\s*)?vector\s*\(\s*{_NUMBER}\s*\)
    (?:\s*,[^()]*\))?(?:\s*\))*|\bdefault\s+{_NUMBER}""",
    re.IGNORECASE | re.VERBOSE,
)

_OPEN: Final = re.compile(r"[\"'`\\]")
"""Outside of strings: a quote that is never closed, and a backslash, by which names of VictoriaMetrics hold a quote."""

_CLOSED_BY: Final = {"(": ")", "[": "]", "{": "}"}


def without_comments(query: str) -> str:
    """Return `query` with each comment taken out."""
    return "".join("" if token["comment"] else token[0] for token in _TOKEN.finditer(query)).strip()


def is_scalar(query: str) -> bool:
    """Say whether `query` is one number and no series: `scalar(…)`, `time()`, numbers, and what is made of them."""
    rest = without_comments(query)
    found = False
    while rest:
        if part := _SCALAR_PART.match(rest):
            found = found or part[0][0].isdigit()
            rest = rest[part.end() :]
            continue
        call = _CALL.match(rest)
        end = _closing(rest, call.end() - 1) if call else None
        if call is None or end is None:
            return False
        name = (call[1] or "").lower()
        inside = rest[call.end() : end]
        if name not in _SCALAR_CALLS if name else not is_scalar(inside):
            return False
        found = True
        rest = rest[end + 1 :]
    return found


def as_series(query: str) -> str:
    """Return `query` in parentheses, as a series that may be looked back at: comments end, and scalars are a series."""
    inside = f"(\n{query}\n)" if "#" in query or "\n" in query else f"({query})"
    return f"vector{inside}" if is_scalar(query) else inside


def is_closed(query: str) -> bool:
    """Say whether `query` can stand in parentheses beside others: nothing of it, right or wrong, can reach out of them.

    What is not sure by its text alone is not closed, though the server may well take it.
    """
    # Prometheus ends a comment at a carriage return, other servers do not: what stands behind it would be anything.
    if "\r" in query:
        return False
    outside: list[str] = []
    for token in _TOKEN.finditer(query):
        if token["string"] and "\n" in token[0] and token[0][0] != "`":  # ends at the line's end, as an error
            return False
        outside.append(token["other"] or "")
    text = "".join(outside)
    return bool(text.strip()) and not _OPEN.search(text) and _is_nested(text)


def _is_nested(text: str) -> bool:
    """Say whether each bracket is closed by its own kind, and every comma stands in one."""
    waiting: list[str] = []
    for char in text:
        if char in _CLOSED_BY:
            waiting.append(_CLOSED_BY[char])
        elif char in ")]}":
            if not waiting or waiting.pop() != char:
                return False
        elif char == "," and not waiting:  # in parentheses VictoriaMetrics takes it for a union
            return False
    return not waiting


def without_fallback(query: str) -> str | None:
    """Return `query` without what stands in where nothing is measured (`or vector(0)`); None where it has nothing such.

    With a fallback, demand is never absent: a service that is not measured looks like one that nobody uses.
    """
    plain = without_comments(query)
    quoted: list[str] = []

    def hidden(token: re.Match[str]) -> str:
        if not token["string"]:
            return token[0]
        quoted.append(token[0])
        return f'"{len(quoted) - 1}"'

    masked = _TOKEN.sub(hidden, plain)
    bare = _FALLBACK.sub(_kept_parentheses, masked)
    if bare == masked:
        return None
    return re.sub(r'"(\d+)"', lambda number: quoted[int(number[1])], bare).strip()


def _kept_parentheses(found: re.Match[str]) -> str:
    """Return the closing parentheses at the end of a fallback that belong to what is around it."""
    return ")" * max(0, found[0].count(")") - found[0].count("("))


def _closing(text: str, opening: int) -> int | None:
    """Return where the parenthesis at `opening` is closed; None where it is not."""
    depth = 0
    for token in _TOKEN.finditer(text):
        for offset, char in enumerate(token[0] if token["other"] else ""):
            at = token.start() + offset
            if at < opening:
                continue
            depth += (char == "(") - (char == ")")
            if depth == 0:
                return at
    return None
