"""Where a feed is fetched from: https, a host whose every address may be asked, and no other place on the way.

Whoever answers for a name may let it lead into our own network. So a name is looked up once, each of its addresses is
checked, and the connection is made to one of those that were checked.
"""

from __future__ import annotations

import socket
from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from springtide.errors import InputError, PermanentError, TemporaryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Address = IPv4Address | IPv6Address
    Network = IPv4Network | IPv6Network

_TRANSLATED: Final = ip_network("64:ff9b::/96")
"""IPv6 addresses that a gateway turns into IPv4 ones: they may be private ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedAddress:
    """A feed's URL. Its path and its login are never shown: a calendar's secret address is one by its path."""

    host: str
    port: int
    target: str = field(repr=False)
    login: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> FeedAddress:
        """Return the address that `url` means.

        Raises:
            InputError: it is no https URL with a host; the message never holds what was given.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _wrong("it cannot be read as a URL") from None
        if parts.scheme != "https":
            raise _wrong("its scheme must be https")
        if not parts.hostname or not url.isascii() or any(letter <= " " for letter in url):
            raise _wrong("it needs a host, and neither spaces nor letters beyond ASCII")
        login = None
        if parts.username is not None:
            words = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            login = f"Basic {b64encode(words.encode()).decode()}"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(host=parts.hostname, port=443 if port is None else port, target=target, login=login)


def _wrong(problem: str) -> InputError:
    message = f"The address of a feed: {problem}, such as https://calendar.example.com/team.ics."
    return InputError(message, code="url_not_allowed", field="connection")


def networks_of(text: str | None) -> tuple[Network, ...]:
    """Return the networks that `text` lists, divided by commas: `10.0.0.0/8, fd00::/8`.

    Raises:
        InputError: one of them is none.
    """
    networks: list[Network] = []
    for part in (text or "").split(","):
        try:
            networks += [ip_network(part.strip())] if part.strip() else []
        except ValueError as error:
            message = f"SPRINGTIDE_PRIVATE_FEEDS: {error}. Write networks such as 10.0.0.0/8, divided by commas."
            raise InputError(message, code="out_of_range", field="private_feeds") from error
    return tuple(networks)


def looked_up(host: str, port: int) -> list[str]:
    """Return the addresses of `host`.

    Raises:
        TemporaryError: its name leads nowhere now.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise TemporaryError(
            f"{host} is not found ({error.strerror or error}); is its name right?", code="feed_unavailable"
        ) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def checked_addresses(
    address: FeedAddress, networks: Iterable[Network], look_up: Callable[[str, int], list[str]] = looked_up
) -> list[str]:
    """Return the addresses that the host has, each of which may be asked; it is looked up once.

    Raises:
        PermanentError: one of them lies in a network of ours that is not among `networks` (`url_not_allowed`).
        TemporaryError: the host is not found.
    """
    allowed = tuple(networks)
    found = look_up(address.host, address.port)
    for text in found:
        if not _may_be_asked(ip_address(text.partition("%")[0]), allowed):
            raise PermanentError(
                f"{address.host} leads to {text}, which is no address of the Internet: no feed is fetched from there. "
                "If it is meant, name its network in SPRINGTIDE_PRIVATE_FEEDS.",
                code="url_not_allowed",
            )
    return found


def _may_be_asked(address: Address, networks: Iterable[Network]) -> bool:
    plain: Address = address
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        plain = address.ipv4_mapped
    if any(plain in network for network in networks):
        return True
    hides_another = isinstance(plain, IPv6Address) and (
        plain in _TRANSLATED or plain.sixtofour is not None or plain.teredo is not None
    )
    return plain.is_global and not plain.is_multicast and not hides_another
