"""Fetches a feed into the file that a calendar imports: bounded, and only a whole calendar replaces the last good copy.

    unchanged   the server said so (ETag, Last-Modified), or sent the same again
    fetched     another calendar came, and is the copy now
    kept        nothing usable came: the copy stays as it was, and it is told why

What was fetched when is kept beside the copy, in a file of its name with `.fetched.json` behind it.
"""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from springtide.errors import PermanentError, SpringtideError, TemporaryError
from springtide.events.feed_address import FeedAddress, checked_addresses, looked_up
from springtide.events.feed_copies import beside
from springtide.policy.calendar.ical import MAX_FEED_BYTES, parse_ical
from springtide.unpacking import ACCEPTED, PackingError, gathered, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from httpx import Response

    from springtide.clock import Clock
    from springtide.events.feed_address import Network

_CONNECT_SECONDS: Final = 5.0
_READ_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 60.0
"""For a whole answer: a read timeout alone never ends a trickle."""

_NOT_MODIFIED: Final = 304
_OK: Final = 200
_PIECE: Final = 64 * 1024


class FetchOutcome(StrEnum):
    """What became of one copy."""

    FETCHED = "fetched"
    UNCHANGED = "unchanged"
    KEPT = "kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFeed:
    """What became of one copy; `problem` says why nothing usable came, and `is_temporary` whether it may yet."""

    outcome: FetchOutcome
    problem: str | None = None
    is_temporary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedClient:
    """How feeds are fetched: `networks` of our own may be asked, `trust` are the authorities, None the usual ones."""

    clock: Clock
    networks: tuple[Network, ...] = ()
    trust: ssl.SSLContext | None = None
    look_up: Callable[[str, int], list[str]] = looked_up

    def fetch(self, url: str, copy: Path) -> FetchedFeed:
        """Refresh `copy` from `url`; whatever goes wrong leaves it as it was, and is in the answer."""
        known = _known(copy)
        try:
            raw, now_known = self._asked(FeedAddress.parse(url), known)
            if raw is None:
                _keep(copy, known | {"at": self._now()})
                return FetchedFeed(outcome=FetchOutcome.UNCHANGED)
            return self._taken(raw, copy, now_known)
        except SpringtideError as error:
            temporary = isinstance(error, TemporaryError)
            return FetchedFeed(outcome=FetchOutcome.KEPT, problem=error.message, is_temporary=temporary)
        except OSError as error:
            problem = f"the copy cannot be written: {error.strerror}"
            return FetchedFeed(outcome=FetchOutcome.KEPT, problem=problem)

    def _taken(self, raw: bytes, copy: Path, known: dict[str, Any]) -> FetchedFeed:
        try:
            calendar = parse_ical(raw)
        except ValueError:
            # Its words quote the answer, and whoever reads ours need not be allowed to see that.
            raise PermanentError(
                f"it is no iCalendar file, and has {len(raw)} bytes: is it a page to sign in?", code="feed_unusable"
            ) from None
        if calendar.is_cut_off:
            raise TemporaryError("it is cut off: its end is missing", code="feed_unavailable")
        digest = hashlib.sha256(raw).hexdigest()
        same = copy.is_file() and _digest(copy) == digest
        if not same:
            _write(copy, raw)
        _keep(copy, known | {"at": self._now(), "sha256": digest})
        return FetchedFeed(outcome=FetchOutcome.UNCHANGED if same else FetchOutcome.FETCHED)

    def _asked(self, address: FeedAddress, known: dict[str, Any]) -> tuple[bytes | None, dict[str, Any]]:
        """Return what came, None where it is what we have; and what to say the next time."""
        import httpx

        end = self.clock.monotonic() + _ANSWER_SECONDS
        found = checked_addresses(address, self.networks, self.look_up)
        timeout = httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
        trust = self.trust or ssl.create_default_context()
        # No proxy and no netrc of this machine: what was checked is what is asked.
        with httpx.Client(trust_env=False, follow_redirects=False, verify=trust, timeout=timeout) as client:
            for number, ip in enumerate(found):
                place = f"[{ip}]" if ":" in ip else ip
                try:
                    with client.stream(
                        "GET",
                        f"https://{place}:{address.port}{address.target}",
                        headers=_headers(address, known),
                        extensions={"sni_hostname": address.host},
                    ) as response:
                        return self._answer(response, end)
                except httpx.ConnectError as error:
                    if number + 1 == len(found):
                        raise _unavailable(address, error) from None
                except httpx.HTTPError as error:
                    raise _unavailable(address, error) from None
        raise TemporaryError(f"{address.host} has no address", code="feed_unavailable")

    def _answer(self, response: Response, end: float) -> tuple[bytes | None, dict[str, Any]]:
        if response.status_code == _NOT_MODIFIED:
            return None, {}
        if response.is_redirect:
            raise PermanentError(
                f"it leads elsewhere ({response.status_code}), and redirects are not followed: give the address behind "
                "them",
                code="feed_unusable",
            )
        if response.status_code != _OK:
            kind = TemporaryError if response.status_code in {408, 429} or response.is_server_error else PermanentError
            raise kind(f"it answers {response.status_code}", code="feed_unavailable")
        try:
            pieces = unpacked(self._pieces(response, end), response.headers.get("Content-Encoding", ""))
            raw = gathered(pieces, MAX_FEED_BYTES)
        except PackingError as error:
            raise PermanentError(f"its answer cannot be read: {error}", code="feed_unusable") from error
        said = {"etag": response.headers.get("ETag"), "modified": response.headers.get("Last-Modified")}
        return raw, {name: value[:1000] for name, value in said.items() if value}

    def _pieces(self, response: Response, end: float) -> Iterator[bytes]:
        for piece in response.iter_raw(_PIECE):
            if self.clock.monotonic() > end:
                raise TemporaryError(f"it takes longer than {_ANSWER_SECONDS:.0f} s", code="feed_unavailable")
            yield piece

    def _now(self) -> str:
        return self.clock.now().isoformat()


def _headers(address: FeedAddress, known: dict[str, Any]) -> dict[str, str]:
    host = address.host if address.port == 443 else f"{address.host}:{address.port}"  # noqa: PLR2004  https' own
    headers = {"Host": host, "Accept": "text/calendar, */*;q=0.1", "Accept-Encoding": ACCEPTED}
    if address.login is not None:
        headers["Authorization"] = address.login
    asked = {"etag": "If-None-Match", "modified": "If-Modified-Since"}
    return headers | {header: str(known[name]) for name, header in asked.items() if name in known}


def _unavailable(address: FeedAddress, error: Exception) -> TemporaryError:
    # Never the error's own words: they may hold the address, whose path is a secret.
    cause = "its certificate is not trusted" if "CERTIFICATE_VERIFY" in str(error) else type(error).__name__
    return TemporaryError(f"{address.host} does not answer ({cause})", code="feed_unavailable")


def _known(copy: Path) -> dict[str, Any]:
    """Return what was said when `copy` was fetched; nothing where it is not that copy any more."""
    try:
        known = json.loads(beside(copy).read_text())
        return known if isinstance(known, dict) and known.get("sha256") == _digest(copy) else {}
    except (OSError, ValueError):
        return {}


def _digest(copy: Path) -> str:
    return hashlib.sha256(copy.read_bytes()).hexdigest()


def _keep(copy: Path, known: dict[str, Any]) -> None:
    _write(beside(copy), json.dumps(known).encode())


def _write(path: Path, raw: bytes) -> None:
    """Write `raw` to `path`, whole or not at all: somebody may be reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
        Path(name).chmod(0o644)  # those who read calendars need not be who fetches them
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
