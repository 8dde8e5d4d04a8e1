"""What an HTTP answer of Prometheus, Thanos, Mimir or VictoriaMetrics means: whole, to be asked for again, or wrong.

2xx and warnings           PromQL infos are hints, PromQL warnings are about the query, all others about a part
                           of the data that is away
408, 429, 5xx, and a 422   asked for again: of a 422 where it says that a store behind the server is away
401, 403, 404, redirects   the way in is wrong, and the message says what to set
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

TEMPORARY: Final = (408, 429, 500, 502, 503, 504)
_UNPROCESSABLE: Final = 422
_WORDS: Final = 300

_AWAY: Final = re.compile(
    r"code = (?:Unavailable|DeadlineExceeded|Aborted|Canceled)|nodes? (?:is|are) unavailable|i/o timeout|"
    r"connection (?:refused|reset)|context deadline exceeded|no such host|cannot (?:dial|obtain connection)|\bEOF\b",
)
"""How Thanos and VictoriaMetrics say, in a 422, that a store behind them did not answer."""

_TENANT: Final = "a tenant by a header such as X-Scope-OrgID (--prometheus-header; in Airflow the extra field headers)"
_LOGIN: Final = (
    "a token (--prometheus-token-file; in Airflow the extra field token_file, or a password without a login), a user "
    f"and a password (in the address; in Airflow login and password), {_TENANT}"
)
_CURES: Final = {
    401: f"It wants a login. Set one: {_LOGIN}.",
    403: f"This login may not ask it. Give it the right to query, or set another one: {_LOGIN}.",
    404: "Nothing answers below this path. Prometheus may have a prefix: write the address as it is before /api/v1, "
    "such as http://mimir/prometheus or http://vmselect:8481/select/0/prometheus.",
}


@dataclass(frozen=True, slots=True)
class Remarks:
    """The warnings of one answer: `partial` about data that is away, `wrong` about the query itself."""

    partial: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


def parsed(body: bytes) -> Any:
    """Return what the JSON of `body` says; None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def remarks(answer: Mapping[str, Any]) -> Remarks:
    """Return the warnings of `answer`, without hints: servers that know no `infos` send those as warnings, too."""
    given = answer.get("warnings") or []
    said = [str(each) for each in (given if isinstance(given, list) else [given])]
    kinds = [each.lstrip().lower().replace("_", " ") for each in said]
    wrong = tuple(each for each, kind in zip(said, kinds, strict=True) if kind.startswith("promql warning"))
    partial = tuple(
        each for each, kind in zip(said, kinds, strict=True) if not kind.startswith(("promql info", "promql warning"))
    )
    return Remarks(partial, wrong)


def is_passing(status: int, answer: Any) -> bool:
    """Say whether the same question may be answered in a moment."""
    if status in TEMPORARY:
        return True
    error = str(answer.get("error") or "") if isinstance(answer, dict) else ""
    # The query stands in quotes in such messages, and a metric may be called `..._unavailable`.
    return status == _UNPROCESSABLE and _AWAY.search(re.sub(r'"(?:\\.|[^"\\])*"', "", error)) is not None


def own_words(body: bytes, answer: Any) -> str:
    """Return what the server says itself, on one line, cut: from its JSON, or from a body of plain text."""
    if isinstance(answer, dict):
        given = answer.get("warnings") or []
        said = [answer.get("error"), *(given if isinstance(given, list) else [given])]
        text = "; ".join(str(sentence) for sentence in said if sentence) or str(answer.get("errorType") or "")
    else:
        text = "" if is_page(body) else body[: 4 * _WORDS].decode("utf-8", "replace")
    return one_line(text)


def one_line(text: str) -> str:
    """Return `text` as the end of a sentence: printable, cut, behind a colon; nothing where it is empty."""
    printable = "".join(char if char.isprintable() else " " for char in text.strip())[:_WORDS].rstrip(" .")
    return f": {printable}" if printable else ""


def is_page(body: bytes) -> bool:
    """Say whether the body is a page for people."""
    return body.lstrip()[:1] == b"<"


def cure(status: int) -> str:
    """Return what to set where the way in is wrong, as a sentence after a space; nothing where only words help."""
    return f" {_CURES[status]}" if status in _CURES else ""


def redirected(location: str) -> str:
    """Return what to do about a redirect to `location`, of which only the host and the path are told."""
    parts = urlsplit(location)
    place = f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else parts.path
    if re.search(r"log-?in|sign-?in|oauth|authorize|saml|sso", location, re.IGNORECASE):
        return f"it redirects to a login page ({place[:100]!r}): people log in there. Set {_LOGIN}"
    return f"it redirects elsewhere ({place[:100]!r}): write the final address, or send the login it wants"
