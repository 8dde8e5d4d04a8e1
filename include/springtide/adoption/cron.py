"""Cron schedules as the Go library `robfig/cron` reads them, and the instants at which they come. Pure.

KEDA and the CronHPA controllers use it. A schedule comes whenever the clocks of its zone show a matching time:

    a time that does not exist (clocks go forward over it)   does not come on that day
    a time that comes twice (clocks go back over it)         comes twice

>>> schedule = CronSchedule.parse("0 8 * * MON-FRI")
>>> [f"{moment:%a %H:%M}" for moment in schedule.instants(ZoneInfo("UTC"), date(2026, 5, 8), date(2026, 5, 12))]
['Fri 08:00', 'Mon 08:00', 'Tue 08:00']
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import Final
from zoneinfo import ZoneInfo

from springtide.adoption.remarks import shortened
from springtide.policy.language.moments import steady_offset

MOST_A_DAY: Final = 288
"""How often a schedule may come on one day: every five minutes. A calendar holds no more."""

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_WITHOUT_SECONDS: Final = 5
_WITH_SECONDS: Final = 6
_SUNDAY_AS_SEVEN: Final = 7
_LONGEST_STEP: Final = 999
_DESCRIPTORS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class CronError(ValueError):
    """A text is no schedule that can be followed; the message says why and what to write."""


@dataclass(frozen=True, slots=True)
class CronField:
    """One field of a schedule: what matches, and whether it was left open with a star."""

    values: frozenset[int]
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CronSchedule:
    """A schedule, read."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: CronField
    months: frozenset[int]
    weekdays: CronField
    """0 for Sunday to 6 for Saturday."""

    @classmethod
    def parse(cls, text: str, *, with_seconds: bool = False) -> CronSchedule:
        """Return what `text` means: five fields, or six that begin with the seconds, or a word such as `@daily`.

        Raises:
            CronError: it is none, or comes more often than `MOST_A_DAY`.
        """
        fields = _fields(text, with_seconds=with_seconds)
        # The library of the controllers with seconds is older: to it a star with a step is still a star.
        second, minute, hour = (tuple(sorted(_field(fields[at], 0, top).values)) for at, top in enumerate((59, 59, 23)))
        if len(second) * len(minute) * len(hour) > MOST_A_DAY:
            times = len(second) * len(minute) * len(hour)
            raise CronError(f"{shortened(text)} comes {times} times a day; a calendar holds {MOST_A_DAY} at most")
        return cls(
            seconds=second,
            minutes=minute,
            hours=hour,
            days=_field(fields[3], 1, 31, steps_are_open=with_seconds),
            months=_field(fields[4], 1, 12, _MONTHS).values,
            weekdays=_weekdays(_field(fields[5], 0, _SUNDAY_AS_SEVEN, _WEEKDAYS, steps_are_open=with_seconds)),
        )

    def comes_on(self, day: date) -> bool:
        """Whether it comes on that day; of a day of the month and a weekday that are both given, one is enough."""
        on_day = day.day in self.days.values
        on_weekday = day.isoweekday() % 7 in self.weekdays.values
        matches = on_day and on_weekday if self.days.is_open or self.weekdays.is_open else on_day or on_weekday
        return day.month in self.months and matches

    def instants(self, zone: ZoneInfo, first: date, last: date) -> Iterator[datetime]:
        """Yield when it comes from `first` to `last`, both included, by the clocks of `zone`; in UTC, in order."""
        times = [time(*clock) for clock in product(self.hours, self.minutes, self.seconds)]
        day = first
        while day <= last:
            if self.comes_on(day):
                walls = [datetime.combine(day, clock) for clock in times]
                yield from sorted({moment for wall in walls for moment in _shown(wall, zone)})
            day += timedelta(days=1)


def _shown(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return when the clocks of `zone` show `wall`: never, once or twice."""
    steady = steady_offset(zone, wall.toordinal())
    if steady is not None:
        return [(wall - steady).replace(tzinfo=UTC)]
    candidates = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return [each for each in candidates if each.astimezone(zone).replace(tzinfo=None) == wall]


def _fields(text: str, *, with_seconds: bool) -> list[str]:
    written = text.strip()
    if written.startswith("@"):
        written = _DESCRIPTORS.get(written.lower(), "")
        if not written:
            known = ", ".join(sorted(_DESCRIPTORS))
            raise CronError(f"{shortened(text)} is none of {known}; write the times as fields")
        return ["0", *written.split()]
    fields = written.split()
    wanted = _WITH_SECONDS if with_seconds else _WITHOUT_SECONDS
    if len(fields) != wanted:
        names = f"{'seconds ' if with_seconds else ''}minutes hours day month weekday"
        raise CronError(f"{shortened(text)} has {len(fields)} fields; write {wanted}: {names}")
    return fields if with_seconds else ["0", *fields]


def _field(
    text: str, lowest: int, highest: int, names: tuple[str, ...] = (), *, steps_are_open: bool = False
) -> CronField:
    values: set[int] = set()
    is_open = False
    for part in text.split(","):
        span, has_step, step_text = part.partition("/")
        step = _number(step_text, 1, _LONGEST_STEP, (), part) if has_step else 1
        top = highest - 1 if names == _WEEKDAYS else highest  # 7 is Sunday for whoever writes it, and 0 for a star
        if span in {"*", "?"}:
            low = lowest
            high = top
            is_open = is_open or step == 1 or steps_are_open
        else:
            first, is_range, second = span.partition("-")
            low = _number(first, lowest, highest, names, part)
            high = _number(second, lowest, highest, names, part) if is_range else top if has_step else low
        if low > high:
            raise CronError(f"{shortened(part)} ends before it begins; write it as two parts, with a comma")
        values |= set(range(low, high + 1, step))
    return CronField(frozenset(values), is_open)


def _number(text: str, lowest: int, highest: int, names: tuple[str, ...], part: str) -> int:
    if text.upper() in names:
        return names.index(text.upper()) + (1 if names == _MONTHS else 0)
    if not (text.isascii() and text.isdigit()) or not lowest <= int(text[:9]) <= highest:
        raise CronError(f"{shortened(part)} is not understood; write numbers from {lowest} to {highest}, *, -, / and ,")
    return int(text)


def _weekdays(field: CronField) -> CronField:
    return CronField(frozenset(value % _SUNDAY_AS_SEVEN for value in field.values), field.is_open)
