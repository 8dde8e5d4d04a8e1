"""What one object asks for of one workload, in words that all of them share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from springtide.adoption.remarks import Remark, shortened
from springtide.adoption.repeats import days_from
from springtide.adoption.spans import Stretch, within
from springtide.workload import Workload

YEARS: Final = 3
"""How many calendar years are worked out, the present one included. Rules go on after them, single days do not."""

_AROUND: Final = timedelta(days=400)
"""How far beyond the years schedules are followed: what comes once a year decides what holds until then."""


@dataclass(frozen=True)
class Years:
    """The time that is worked out, from the first of January of the year of `now`."""

    now: datetime

    @property
    def first(self) -> date:
        """The first day."""
        return date(self.now.astimezone(UTC).year, 1, 1)

    @property
    def last(self) -> date:
        """The last day."""
        return date(self.first.year + YEARS - 1, 12, 31)

    @cached_property
    def days(self) -> list[date]:
        """All of its days."""
        return days_from(self.first, self.last)

    @property
    def followed(self) -> tuple[date, date]:
        """From which day to which schedules are followed."""
        return self.first - _AROUND, self.last + _AROUND

    @property
    def edges(self) -> Stretch:
        """Two instants far outside."""
        first, last = self.followed
        return datetime.combine(first, time(), UTC), datetime.combine(last, time(), UTC)

    def begun_in(self, stretches: Iterable[Stretch], zone: ZoneInfo) -> list[Stretch]:
        """Return those of `stretches` that begin in these years, and of the one before them what lies in them."""
        start = datetime.combine(self.first, time(), zone).astimezone(UTC)
        end = datetime.combine(self.last + timedelta(days=1), time(), zone).astimezone(UTC)
        begun = [each for each in stretches if each[0] < end and each[1] > start]
        return [(max(first, start), last) for first, last in begun]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedAsk:
    """At least `replicas`, in `stretches`, which the clocks of `zone` bring again."""

    name: str
    replicas: int
    zone: ZoneInfo
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingObject:
    """What one object asks for: `least` always, more in its `asks`, never above `most`.

    `floor` is the autoscaler that goes on scaling above what is asked; None where the object sets the replicas itself.
    `covers` are objects that are told here already and ask for nothing themselves.
    """

    title: str
    workload: Workload
    least: int
    most: int
    asks: tuple[TimedAsk, ...] = ()
    floor: str | None = None
    raises_maximum: bool = False
    covers: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()


@dataclass(slots=True)
class Reading:
    """What reading objects brought so far."""

    asking: list[AskingObject] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


class ZoneError(ValueError):
    """A text names no time zone; the message says what to write."""


def zone_of(text: str) -> ZoneInfo:
    """Return the zone of that name, in capitals or not.

    Raises:
        ZoneError: there is none.
    """
    found = _ZONES.get(text.strip().casefold())
    if found is None:
        raise ZoneError(f"{shortened(text)} is no time zone; write an IANA name such as Europe/Berlin")
    return ZoneInfo(found)


def is_always(stretches: Iterable[Stretch], years: Years) -> bool:
    """Whether `stretches` cover the whole time that is worked out."""
    start = datetime.combine(years.first - timedelta(days=1), time(), UTC)
    end = datetime.combine(years.last + timedelta(days=2), time(), UTC)
    return within(stretches, start, end) == [(start, end)]


_ZONES: Final = {name.casefold(): name for name in available_timezones() if name != "localtime"}
