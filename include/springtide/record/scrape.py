"""Who may read the metrics over HTTP, and what they get: the whole decision, whatever serves it.

The token is one of its own, which opens nothing else: a Prometheus needs no user of Airflow's. Without one configured
nobody reads anything.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from springtide.errors import SpringtideError
from springtide.record.exposition import CONTENT_TYPE, exposition

if TYPE_CHECKING:
    from springtide.record.store import OpenStore

SHORTEST_TOKEN: Final = 16
"""Characters: less is guessed."""

_TOKEN_BYTES: Final = 4096
_SCHEME: Final = "bearer"
_NOT_SET: Final = (
    "the metrics are not shown: no token is configured. Set SPRINGTIDE_METRICS_TOKEN_FILE in the API server to a file "
    f"that holds one of at least {SHORTEST_TOKEN} characters."
)
_UNREADABLE: Final = (
    "the metrics are not shown: the file that SPRINGTIDE_METRICS_TOKEN_FILE names cannot be read, or holds fewer than "
    f"{SHORTEST_TOKEN} characters. Mount it into the API server."
)
_WRONG: Final = "the metrics need the token of SPRINGTIDE_METRICS_TOKEN_FILE: send Authorization: Bearer TOKEN."
_NO_STORE: Final = "the metrics could not be read from the store of runs: the API server's log says why. Try again."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeAnswer:
    """What is answered: one sentence, or the page."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    challenge: str | None = None
    """The header `WWW-Authenticate`; None where there is none to send."""


def scrape(authorization: str | None, *, token_file: Path | None, open_store: OpenStore) -> ScrapeAnswer:
    """Return the page of metrics to whoever sent the token, and a sentence to everybody else. Raises nothing.

    403: no token is configured, or it cannot be read. 401: another one was sent, or none. 503: the store does not
    answer. The file is read for each request, so a renewed token counts at once.
    """
    if token_file is None:
        return _told(403, _NOT_SET)
    token = _token(token_file)
    if token is None:
        return _told(403, _UNREADABLE)
    if not _is_allowed(authorization, token):
        return _told(401, _WRONG, challenge="Bearer")
    try:
        with open_store() as store:
            totals = store.totals()
    except SpringtideError as error:
        log.warning("metrics_not_shown", code=error.code, message=error.message)
        return _told(503, _NO_STORE)
    except Exception:
        # Whatever opens the store may raise anything: a scraper is told a sentence, and the log has the trace.
        log.exception("metrics_not_shown")
        return _told(503, _NO_STORE)
    return ScrapeAnswer(status=200, body=exposition(totals), content_type=CONTENT_TYPE)


def _token(file: Path) -> str | None:
    try:
        with file.open("rb") as opened:
            token = opened.read(_TOKEN_BYTES).decode().strip()
    except (OSError, UnicodeDecodeError):
        return None
    return token if len(token) >= SHORTEST_TOKEN else None


def _is_allowed(authorization: str | None, token: str) -> bool:
    scheme, _, sent = (authorization or "").partition(" ")
    # In constant time, and by bytes: what was sent may be no ASCII.
    same = hmac.compare_digest(sent.strip().encode(errors="surrogateescape"), token.encode())
    return same and scheme.lower() == _SCHEME


def _told(status: int, sentence: str, *, challenge: str | None = None) -> ScrapeAnswer:
    return ScrapeAnswer(status=status, body=f"{sentence}\n".encode(), challenge=challenge)
