"""The time specifications of kube-downscaler, and the stretches of time that they mean. Pure.

    always, never
    Mon-Fri 08:00-20:00 Europe/Berlin           by the clocks: whatever they show twice counts twice
    2026-01-01T00:00:00+00:00-2026-01-02T12:00:00+00:00

Several stand with commas between them; any of them is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from springtide.adoption.asks import Years, zone_of
from springtide.adoption.remarks import shortened
from springtide.adoption.repeats import days_from
from springtide.adoption.spans import Stretch, united
from springtide.policy.language.moments import steady_offset

_WEEKDAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_RECURRING: Final = re.compile(
    r"([a-zA-Z]{3})-([a-zA-Z]{3}) ([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})(?: ([a-zA-Z0-9/_+-]+))?"
)
_MOMENT: Final = r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[-+][0-9]{2}:[0-9]{2})"
_ABSOLUTE: Final = re.compile(f"{_MOMENT}-{_MOMENT}")
_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)
_MINUTES_OF_A_DAY: Final = 1440
_MINUTES_OF_AN_HOUR: Final = 60
_WIDEST_OFFSET: Final = timedelta(hours=15)


class TimeSpecError(ValueError):
    """A text is no time specification; the message says why and what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyHours:
    """The same hours on some weekdays: minutes of the day, [begins, ends)."""

    weekdays: frozenset[int]
    begins: int
    ends: int
    zone: ZoneInfo

    def stretches(self, first: date, last: date) -> Iterator[Stretch]:
        """Yield when the clocks of the zone show these hours, from `first` to `last`."""
        for day in days_from(first, last):
            if day.weekday() in self.weekdays:
                yield from self._on(day)

    def _on(self, day: date) -> Iterator[Stretch]:
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001  # what clocks show
        begin = midnight + self.begins * _MINUTE
        end = midnight + self.ends * _MINUTE
        steady = steady_offset(self.zone, day.toordinal())
        if steady is not None:
            yield (begin - steady).replace(tzinfo=UTC), (end - steady).replace(tzinfo=UTC)
            return
        yield from united((each, each + _MINUTE) for each in _minutes(begin, end, self.zone))


def _minutes(begin: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield each minute at which clocks show a time in [begin, end): where they change, none can be worked out."""
    moment = (begin - _WIDEST_OFFSET).replace(tzinfo=UTC)
    last = (end + _WIDEST_OFFSET).replace(tzinfo=UTC)
    while moment < last:
        if begin <= moment.astimezone(zone).replace(tzinfo=None) < end:
            yield moment
        moment += _MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSpec:
    """A specification, read: always, or in any of its parts."""

    always: bool
    weekly: tuple[WeeklyHours, ...] = ()
    absolute: tuple[Stretch, ...] = ()
    assumes_zone: bool = False
    """Whether hours of it name no zone."""

    @classmethod
    def parse(cls, text: str, *, default_zone: ZoneInfo) -> TimeSpec:
        """Return what `text` means; `default_zone` is that of the downscaler itself, for hours without one.

        Raises:
            TimeSpecError: it is no specification, or one that never comes.
            ZoneError: it names a time zone that there is not.
        """
        word = text.strip().lower()
        if word in {"always", "never"}:
            return cls(always=word == "always")
        weekly: list[WeeklyHours] = []
        absolute: list[Stretch] = []
        assumes_zone = False
        for part in (each.strip() for each in text.split(",")):
            if match := _RECURRING.fullmatch(part):
                weekly.append(_weekly(part, match, default_zone))
                assumes_zone = assumes_zone or match[7] is None
            elif match := _ABSOLUTE.fullmatch(part):
                absolute.append(_absolute(part, match))
            else:
                raise TimeSpecError(
                    f"{shortened(part)} is not understood; write `Mon-Fri 08:00-20:00 Europe/Berlin`, or two times "
                    "such as 2026-01-01T00:00:00+00:00 with a hyphen between them"
                )
        return cls(always=False, weekly=tuple(weekly), absolute=tuple(absolute), assumes_zone=assumes_zone)

    @property
    def zones(self) -> tuple[ZoneInfo, ...]:
        """The zones of its weekly hours, each once."""
        return tuple(dict.fromkeys(hours.zone for hours in self.weekly))

    def stretches(self, years: Years) -> list[Stretch]:
        """Return when it matches, in the time that is worked out."""
        if self.always:
            return [years.edges]
        first, last = years.followed
        weekly = (each for hours in self.weekly for each in hours.stretches(first, last))
        return united([*weekly, *self.absolute])


def zones_of(specs: Iterable[TimeSpec], default: ZoneInfo) -> list[ZoneInfo]:
    """Return the zones that `specs` are written in; `default` where they name none."""
    return list(dict.fromkeys(zone for spec in specs for zone in spec.zones)) or [default]


def _weekly(part: str, match: re.Match[str], default_zone: ZoneInfo) -> WeeklyHours:
    days = [each.upper() for each in match.group(1, 2)]
    unknown = [each for each in days if each not in _WEEKDAYS]
    if unknown:
        raise TimeSpecError(f"{shortened(part)}: {unknown[0]} is no weekday; write Mon to Sun")
    hours = [int(each) for each in match.group(3, 4, 5, 6)]
    begins = hours[0] * _MINUTES_OF_AN_HOUR + hours[1]
    ends = hours[2] * _MINUTES_OF_AN_HOUR + hours[3]
    if max(hours[1], hours[3]) >= _MINUTES_OF_AN_HOUR or max(begins, ends) > _MINUTES_OF_A_DAY:
        raise TimeSpecError(f"{shortened(part)}: that is no time of a day; write 00:00 to 24:00")
    if begins >= ends:
        raise TimeSpecError(
            f"{shortened(part)} ends before it begins, and kube-downscaler never matches it; write one part until "
            "24:00 and one from 00:00"
        )
    first, last = (_WEEKDAYS.index(each) for each in days)
    count = (last - first) % len(_WEEKDAYS) + 1
    return WeeklyHours(
        weekdays=frozenset((first + number) % len(_WEEKDAYS) for number in range(count)),
        begins=begins,
        ends=ends,
        zone=zone_of(match[7]) if match[7] else default_zone,
    )


def _absolute(part: str, match: re.Match[str]) -> Stretch:
    try:
        start, end = (datetime.fromisoformat(each).astimezone(UTC) for each in match.groups())
    except ValueError as error:
        raise TimeSpecError(f"{shortened(part)}: {error}; write dates that there are") from error
    if end < start:
        raise TimeSpecError(f"{shortened(part)} ends before it begins; write the earlier time first")
    return start, end + _SECOND  # kube-downscaler counts the last moment in
