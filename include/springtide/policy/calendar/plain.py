"""What stands in a calendar's file, whatever else is wrong with it: what one bad entry must not decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from springtide.errors import PolicyError
from springtide.policy.calendar.windows import FeedPart
from springtide.policy.reading.document import read_document
from springtide.policy.reading.folder import yaml_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FEEDS: Final = ("imports", "freeze_imports")


@dataclass(frozen=True, slots=True)
class FetchableFeed:
    """A feed that a calendar wants fetched: its copy, and the connection that leads to it."""

    copy: Path
    connection: str


def plain_spec(path: Path) -> dict[str, Any]:
    """Return the `spec` of a calendar as it is written; nothing where the file is none."""
    try:
        document = read_document(path)
    except PolicyError:
        return {}
    return mapping(mapping(document.data).get("spec"))


def entries(spec: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """Yield the entries of one list of a calendar; what is no entry is passed over."""
    listed = spec.get(kind)
    yield from (mapping(entry) for entry in (listed if isinstance(listed, list) else ()))


def mapping(value: Any) -> dict[str, Any]:
    """Return `value` where it is one, else an empty one."""
    return value if isinstance(value, dict) else {}


def fetchable_feeds(folder: Path) -> list[FetchableFeed]:
    """Return the feeds of all calendars that name a connection, each copy once; what is written wrong is passed over.

    Raises:
        OSError: the folder cannot be read.
    """
    feeds: dict[Path, FetchableFeed] = {}
    for path in yaml_files(folder):
        spec = plain_spec(path)
        for entry in (entry for kind in _FEEDS for entry in entries(spec, kind)):
            try:
                part = FeedPart.model_validate({key: entry[key] for key in ("ical", "connection") if key in entry})
            except ValidationError:  # told where calendars are read
                continue
            if part.connection is not None:
                copy = path.parent / part.ical
                feeds.setdefault(copy, FetchableFeed(copy, part.connection))
    return list(feeds.values())
