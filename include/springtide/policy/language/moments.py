"""Times as people write them in a calendar, and what they mean where clocks are put forward and back.

A time without an offset is what the clocks of the calendar's zone show. Twice a year that is not one instant:

    a time that does not exist (clocks go forward over it)   the instant at which they go forward
    a time that comes twice (clocks go back over it)         a start is the first, an end is the second

so that a window is never shorter than what its owner meant: being early is free, being late is not.

>>> berlin = ZoneInfo("Europe/Berlin")
>>> instant(datetime(2026, 3, 29, 2, 30), berlin).isoformat()
'2026-03-29T01:00:00+00:00'
>>> instant(datetime(2026, 10, 25, 2, 30), berlin).isoformat()
'2026-10-25T00:30:00+00:00'
>>> instant(datetime(2026, 10, 25, 2, 30), berlin, is_end=True).isoformat()
'2026-10-25T01:30:00+00:00'
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Annotated, Final
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, WithJsonSchema

from springtide.policy.language.recurrence import RuleError, parse_rule
from springtide.policy.language.units import Duration, Written, refusal, shown

AUTO: Final = "auto"

_YEARS: Final = (1970, 2200)
_FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")


def instant(wall: datetime, zone: tzinfo, *, is_end: bool = False) -> datetime:
    """Return when the clocks of `zone` show `wall`, in UTC; see the rule above."""
    if wall.tzinfo is not None:
        return wall.astimezone(UTC)
    steady = steady_offset(zone, wall.toordinal())
    if steady is not None:
        return (wall - steady).replace(tzinfo=UTC)
    local = wall.replace(tzinfo=zone, fold=int(is_end))
    answer = local.astimezone(UTC)
    if answer.astimezone(zone).replace(tzinfo=None) == wall:
        return answer
    return _gap_end(wall, zone)


@lru_cache(maxsize=20_000)
def steady_offset(zone: tzinfo, ordinal: int) -> timedelta | None:
    """Return the offset of `zone` on the day of that number; None where clocks change on it or on a day beside it.

    Most days are steady, and need no more than a subtraction.
    """
    midnights = [datetime.combine(date.fromordinal(ordinal + days), time(), zone) for days in (-1, 0, 1, 2)]
    offsets = {midnight.utcoffset() for midnight in midnights}
    return offsets.pop() if len(offsets) == 1 else None


def _gap_end(wall: datetime, zone: tzinfo) -> datetime:
    """Return the instant at which the clocks jump over `wall`, to the second."""
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)  # read by the offset from after the jump
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)  # by the one from before it: the jump lies between
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


class Moment(Written):
    """A date and time: by the calendar's zone, or an instant when it ends in `Z` or an offset."""

    pattern = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?"
    expected = "a time such as 2026-11-11T00:00 (by the calendar's clocks) or 2026-11-10T16:00Z"

    def __init__(self, text: str) -> None:
        """Read `text`, which matches `pattern`."""
        try:
            self.wall = datetime.fromisoformat(text)
        except ValueError:
            raise refusal("policy_range", f"{shown(text)} is no date or time that there is") from None
        _require_year(self.wall.year, text)
        self.text = text

    def instant(self, zone: ZoneInfo, *, is_end: bool = False) -> datetime:
        """Return what is meant, in UTC."""
        return instant(self.wall, zone, is_end=is_end)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moment) and self.wall == other.wall

    def __hash__(self) -> int:
        return hash(self.wall)


class Day(Written):
    """A date."""

    pattern = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    expected = "a date such as 2026-12-25"

    def __init__(self, text: str) -> None:
        """Read `text`, which matches `pattern`."""
        try:
            self.date = date.fromisoformat(text)
        except ValueError:
            raise refusal("policy_range", f"{shown(text)} is no date that there is") from None
        _require_year(self.date.year, text)
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Day) and self.date == other.date

    def __hash__(self) -> int:
        return hash(self.date)


def _require_year(year: int, text: str) -> None:
    first, last = _YEARS
    if not first <= year <= last:
        raise refusal("policy_range", f"{shown(text)} is out of range: the years {first} to {last}")


class TimeOfDay(Written):
    """A time of any day, `00:00` to `24:00`."""

    pattern = r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00"
    expected = "a time of day such as 18:00, at most 24:00"

    def __init__(self, text: str) -> None:
        """Read `text`, which matches `pattern`."""
        hours, minutes = text.split(":")
        self.since_midnight = timedelta(hours=int(hours), minutes=int(minutes))
        self.text = text

    def on(self, day: date) -> datetime:
        """Return what clocks show then; `24:00` is midnight of the next day."""
        return datetime.combine(day, time()) + self.since_midnight

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TimeOfDay) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


class Lead(Written):
    """How long before its start an event is prepared: a duration, or `auto`: learned from the services' own runs."""

    pattern = f"{AUTO}|{Duration.pattern}"
    expected = "auto, or a duration such as 45m"

    def __init__(self, text: str) -> None:
        """Read `text`, which matches `pattern`."""
        self.length = None if text == AUTO else Duration(text)
        if self.length is not None and self.length > timedelta(days=7):
            raise refusal("policy_range", f"{text} is too long: at most 7d")
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lead) and self.length == other.length

    def __hash__(self) -> int:
        return hash(self.length)


class Recurrence(Written):
    """When something comes again, as calendars write it (RFC 5545): `FREQ=WEEKLY;BYDAY=FR`. Times are clock times."""

    pattern = r"FREQ=[A-Z]+(;[A-Z]+=[-+,0-9A-Z]+)*"
    expected = "a recurrence rule such as FREQ=WEEKLY;BYDAY=FR or FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=12"

    def __init__(self, text: str) -> None:
        """Read `text`, which matches `pattern`."""
        self.text = text
        frequency = text.partition(";")[0].removeprefix("FREQ=")
        if frequency not in _FREQUENCIES:
            raise refusal("policy_range", f"FREQ={frequency} is none of {', '.join(_FREQUENCIES)}")
        if re.search(r";BY(HOUR|MINUTE|SECOND)=", text):
            raise refusal("policy_range", "BYHOUR, BYMINUTE and BYSECOND are refused: `start` says the time of day")
        if re.search(r"UNTIL=[0-9T]*Z", text):
            raise refusal(
                "policy_range",
                "UNTIL is a clock time of the calendar, without a Z: UNTIL=20261231 is the whole of that day",
            )
        try:
            self.rule = parse_rule(text)
        except RuleError as error:
            raise refusal("policy_range", f"it is no recurrence rule: {error}") from None

    def walls(self, first: datetime, after: datetime, before: datetime) -> list[datetime]:
        """Return what clocks show at each occurrence in [after, before], of what first comes at `first`.

        `first` counts also where the rule itself does not bring it. UNTIL as a date is the end of that day.

        Raises:
            RuleError: the rule is given up: it looks at more periods than anybody needs.
        """
        return list(self.rule.walls(first, after, before))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recurrence) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def _zone(text: str) -> str:
    if text not in available_timezones() or text == "localtime":
        raise refusal("policy_range", f"{shown(text)} is no time zone: write its IANA name, such as Asia/Shanghai")
    return text


Zone = Annotated[str, AfterValidator(_zone), WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z0-9_+/-]{1,64}$"})]
"""An IANA time zone by name."""
