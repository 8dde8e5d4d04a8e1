"""Which clocks a feed means by a time zone's name: IANA's, Windows', or its own VTIMEZONE. Pure.

    Europe/Berlin, EUROPE/BERLIN, /mozilla.org/20050126_1/Europe/Berlin    IANA's
    W. Europe Standard Time                                                Windows', by the table of Unicode's CLDR
    Customized Time Zone                                                   the feed's own VTIMEZONE of that name
    anything else                                                          nobody's: the event is left out, and told

A name that IANA or Windows knows means their clocks, whatever a VTIMEZONE beside it says: they are kept up to date.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

from springtide.policy.language.recurrence import RuleError, parse_rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from springtide.policy.calendar.ical import Block

_AROUND: Final = timedelta(days=5 * 366)
"""How far from now the changes of a VTIMEZONE are laid out: farther than events are told."""

_OFFSET = re.compile(r"([+-])([0-9]{2})([0-9]{2})([0-9]{2})?", re.ASCII)
_OF_ZONES: Final = ("TZID", "TZURL", "TZUNTIL", "DTSTART", "RRULE", "RDATE", "EXDATE", "TZOFFSETFROM", "TZOFFSETTO")
_MICROSOFT_UTC: Final = "tzone://microsoft/utc"


def zone_named(name: str, own: Mapping[str, tzinfo]) -> tzinfo | None:
    """Return the clocks that `name` means; None where nobody knows it. `own` are those of the feed's VTIMEZONEs."""
    known = _known_zones()
    folded = name.casefold()
    key = known.get(folded)
    if key is None and name in own:
        return own[name]
    if key is None and folded.startswith("/"):
        parts = folded.strip("/").split("/")
        tails = ("/".join(parts[at:]) for at in range(1, len(parts)))
        key = next((known[tail] for tail in tails if tail in known), None)
    return None if key is None else ZoneInfo(key)


@cache
def _known_zones() -> dict[str, str]:
    """Return IANA's names by what people write, in small letters."""
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    olson = available_timezones() - {"localtime"}
    windows = {name.casefold(): key for name, key in WINDOWS_TO_OLSON.items() if key in olson}
    return {_MICROSOFT_UTC: "UTC"} | windows | {name.casefold(): name for name in olson}


def own_zones(blocks: Iterable[Block], now: datetime) -> tuple[dict[str, tzinfo], list[tuple[int, str]]]:
    """Return the clocks that VTIMEZONE blocks describe around `now`, by name, and what is wrong with which line."""
    zones: dict[str, tzinfo] = {}
    oddities: list[tuple[int, str]] = []
    for block in blocks:
        name = block.first("TZID")
        if name is None:
            oddities.append((block.line, "a VTIMEZONE has no TZID, and was passed over"))
            continue
        for part in (block, *block.blocks):
            strange = [line for line in part.properties if line.name not in _OF_ZONES]
            oddities += [
                (line.line, f"{line.name[:40]} is no property of a VTIMEZONE, and was passed over") for line in strange
            ]
            oddities += part.oddities
        try:
            zones.setdefault(name.value, FeedZone(name.value, block, now))
        except ValueError as error:
            oddities.append((block.line, f"VTIMEZONE {name.value[:60]!a} cannot be read: {error}"))
    return zones, oddities


class FeedZone(tzinfo):
    """The clocks of one VTIMEZONE, as far as events are told."""

    def __init__(self, name: str, block: Block, now: datetime) -> None:
        """Lay out the changes that `block` describes around `now`.

        Raises:
            ValueError: the message says which part cannot be read.
        """
        if not block.blocks:
            raise ValueError("it has neither STANDARD nor DAYLIGHT")
        changes = sorted(change for part in block.blocks for change in _changes(part, now))
        if not changes:
            raise ValueError("it never begins")
        self._name = name
        self._before = changes[0][1]
        self._starts = [start for start, _, _ in changes]
        self._offsets = [after for _, _, after in changes]
        self._walls = [start + max(before, after) for start, before, after in changes]
        self._changes = changes

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """Return the offset at a time of these clocks.

        Of a time that comes twice it is the first, or with `fold` the second; of one that does not exist, the one from
        before the change, or with `fold` the one after it.
        """
        if moment is None:
            return None
        wall = moment.replace(tzinfo=None)
        at = bisect_right(self._walls, wall)
        if at < len(self._changes) and moment.fold:
            start, before, after = self._changes[at]
            if start + min(before, after) <= wall:
                return after
        return self._offsets[at - 1] if at else self._before

    def fromutc(self, moment: datetime) -> datetime:
        """Return what these clocks show at an instant."""
        instant = moment.replace(tzinfo=None)
        at = bisect_right(self._starts, instant)
        if not at:
            return (instant + self._before).replace(tzinfo=self)
        start, before, after = self._changes[at - 1]
        return (instant + after).replace(tzinfo=self, fold=int(instant - start < before - after))

    def dst(self, moment: datetime | None) -> timedelta | None:
        """Return nothing: a VTIMEZONE says offsets, not what they are called."""
        del moment
        return None

    def tzname(self, moment: datetime | None) -> str:
        """Return the feed's own name."""
        del moment
        return self._name


def _changes(part: Block, now: datetime) -> list[tuple[datetime, timedelta, timedelta]]:
    """Return when `part` begins (in UTC, without a zone), the offset before it, and the offset from then on."""
    before = _offset(part, "TZOFFSETFROM")
    after = _offset(part, "TZOFFSETTO")
    start = part.first("DTSTART")
    first = _wall(start.value if start else "")
    walls = [_wall(text) for rdate in part.every("RDATE") for text in rdate.value.split(",")]
    here = now.astimezone(UTC).replace(tzinfo=None)
    rule = part.first("RRULE")
    if rule is None:
        walls.append(first)
    else:
        walls += _recurring(rule.value, first, before, here)
    return [(wall - before, before, after) for wall in walls]


def _recurring(text: str, first: datetime, before: timedelta, here: datetime) -> list[datetime]:
    try:
        rule = parse_rule(text)
        last = rule.last
        if last is not None and last.tzinfo is not None:
            last = last.replace(tzinfo=None) + before
        if rule.frequency not in ("YEARLY", "MONTHLY"):
            raise ValueError(f"FREQ={rule.frequency}: clocks change YEARLY")
        middle = here if last is None else min(here, last)  # also of a rule that ended, its last change counts
        return list(rule.walls(first, middle - _AROUND, middle + _AROUND, last=last))
    except RuleError as error:
        raise ValueError(f"RRULE {text[:60]!a}: {error}") from None


def _wall(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%S")  # noqa: DTZ007  clock times
    except ValueError:
        raise ValueError(f"DTSTART or RDATE {text[:40]!a} is no clock time such as 20260329T020000") from None


def _offset(part: Block, name: str) -> timedelta:
    line = part.first(name)
    match = _OFFSET.fullmatch(line.value) if line else None
    if match is None:
        raise ValueError(f"{name} of {part.kind} is missing or no offset such as +0100")
    length = timedelta(hours=int(match[2]), minutes=int(match[3]), seconds=int(match[4] or 0))
    if length >= timedelta(days=1):
        raise ValueError(f"{name} {match[0]} is no offset that there is")
    return -length if match[1] == "-" else length
