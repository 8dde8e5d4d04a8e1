"""From an owner to a tag: the URLs of the connection `springtide_notify` carry the tags of those who read there."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

INSTALLATION_TAG: Final = "springtide"
"""Whoever looks after springtide itself: told of broken calendars, and of what belongs to nobody that is known."""

_LONGEST: Final = 63


def tag_of(owner: str) -> str:
    """Return the tag of `owner`, of what Apprise allows in one: `Team Payments` is `team-payments`.

    An owner without a letter or digit of ASCII is the installation's.

    >>> tag_of("Team Payments"), tag_of("Zahlungen & Büro"), tag_of("支付")
    ('team-payments', 'zahlungen-buro', 'springtide')
    """
    ascii_only = unicodedata.normalize("NFKD", owner).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9_]+", "-", ascii_only)
    return words.strip("-_")[:_LONGEST] or INSTALLATION_TAG


def urgent_tag(tag: str) -> str:
    """Return the tag of what wakes somebody: a URL that carries it is told only of what cannot wait."""
    return f"{tag}-urgent"


def fits(tags: frozenset[str], wanted: frozenset[str]) -> bool:
    """Say whether a URL with `tags` is one for whoever is `wanted`; a URL without any is for everybody."""
    return not tags or bool(tags & wanted)


def channel_names(masked_urls: Iterable[str]) -> list[str]:
    """Return a name for each URL, of its form without secrets: what was told is remembered by it.

    Two URLs that differ in their secrets alone are told apart by their order.
    """
    seen: Counter[str] = Counter()
    names = []
    for url in masked_urls:
        seen[url] += 1
        names.append(sha256(f"{url} {seen[url]}".encode()).hexdigest()[:16])
    return names
