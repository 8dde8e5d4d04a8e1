"""The feeds that calendars want fetched, whatever else is wrong with the calendars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from springtide.policy.calendar.windows import FeedPart
from springtide.policy.reading.folder import yaml_files
from springtide.policy.reading.plain_calendar import entries, plain_spec

if TYPE_CHECKING:
    from pathlib import Path

_FEEDS: Final = ("imports", "freeze_imports")


@dataclass(frozen=True, slots=True)
class FetchableFeed:
    """A feed that a calendar wants fetched: its copy, and the connection that leads to it."""

    copy: Path
    connection: str


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
