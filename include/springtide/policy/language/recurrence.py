"""Recurrence rules (RFC 5545) over clock times, in bounded time whatever the rule says. Pure.

    a period      the day, week, month, year, hour, minute or second that FREQ names, every INTERVAL of them
    in a period   the days and times that all BY parts let through, of which BYSETPOS picks some
    the start     always counts, also where its own rule does not bring it

Only periods near the asked time are looked at, unless COUNT has to be counted from the start.

>>> rule = parse_rule("FREQ=WEEKLY;BYDAY=FR;COUNT=2")
>>> [f"{wall:%a %d}" for wall in rule.walls(datetime(2026, 11, 27, 18), datetime(2026, 1, 1), datetime(2027, 1, 1))]
['Fri 27', 'Fri 04']
"""

from __future__ import annotations

import re
from calendar import isleap, monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, product
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FREQUENCIES: Final = ("SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

_Value = TypeVar("_Value")

MOST_PERIODS: Final = 100_000
"""How many periods are looked at before a rule is given up: a daily rule has as many in 270 years."""

_STEPS: Final = {
    "SECONDLY": timedelta(seconds=1),
    "MINUTELY": timedelta(minutes=1),
    "HOURLY": timedelta(hours=1),
    "DAILY": timedelta(days=1),
    "WEEKLY": timedelta(days=7),
}
_RANGES: Final = {
    "BYSECOND": (0, 60),
    "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYMONTH": (1, 12),
    "BYSETPOS": (-366, 366),
}
_SIGNED: Final = ("BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS")
_DAY: Final = timedelta(days=1)
_DAYS_OF_FEBRUARY: Final = 28


class RuleError(ValueError):
    """A text is no rule, or one that cannot be followed; the message says why and what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrenceRule:
    """A rule, read. `until` is as it was written: a date, a clock time, or an instant in UTC."""

    frequency: str
    interval: int
    count: int | None
    until: date | datetime | None
    numbers: dict[str, tuple[int, ...]]
    weekdays: tuple[tuple[int, int], ...]
    """(0 for every one or the how-manieth, 0 for Monday to 6 for Sunday)"""

    week_start: int
    notes: tuple[str, ...]
    """What is odd about it, although it can be followed."""

    @property
    def last(self) -> datetime | None:
        """The last clock time of `until`, where it is not an instant: a date is the whole of its day."""
        if self.until is None or isinstance(self.until, datetime):
            return self.until
        return datetime.combine(self.until, time.max)

    @property
    def is_plain(self) -> bool:
        """Whether it is nothing but a step of fixed length."""
        return self.frequency in _STEPS and not self.numbers and not self.weekdays

    def walls(
        self, first: datetime, after: datetime, before: datetime, *, last: datetime | None = None
    ) -> Iterator[datetime]:
        """Yield what clocks show at each occurrence in [after, before], of what first comes at `first`, in order.

        `last` is where UNTIL ends it, as a clock time; by default the rule's own, which must then be no instant.

        Raises:
            RuleError: it is given up after `MOST_PERIODS`.
        """
        last = self.last if last is None else last
        bound = before if last is None else min(before, last)
        if first > bound:
            return
        if after <= first:
            yield first
        # COUNT counts what the rule brings; a start outside its rule comes on top.
        for number, wall in enumerate(self._brought(first, after, bound), start=self._skipped(first, after) + 1):
            if wall > bound or (self.count is not None and number > self.count):
                return
            if wall >= after and wall != first:
                yield wall

    def brings(self, first: datetime) -> bool:
        """Whether the rule itself brings its start, `first`."""
        if self.is_plain:
            return True
        period = next(self._periods(first, first))
        return first in self._in_period(period, first, self._day_filter(first))

    def warnings(self, first: datetime) -> tuple[str, ...]:
        """Return what its owner may not mean, of what first comes at `first`."""
        warnings = []
        days = self.numbers.get("BYMONTHDAY", (first.day,) if not self.weekdays else ())
        is_monthly = self.frequency == "MONTHLY" and not {"BYSETPOS", "BYYEARDAY", "BYWEEKNO"} & self.numbers.keys()
        if is_monthly and days and min(days) > _DAYS_OF_FEBRUARY:
            warnings.append(
                f"it comes only in months that have a day {min(days)}; BYMONTHDAY=-1 is the last day of every month"
            )
        if self.last is not None and self.last.replace(tzinfo=None) < first - _DAY:
            warnings.append(f"UNTIL lies before the start ({first:%Y-%m-%d}): it never takes place")
        elif not self.brings(first):
            warnings.append(f"the start ({first:%A, %Y-%m-%d %H:%M}) is none of the times it brings: it counts as well")
        return tuple(warnings)

    def _brought(self, first: datetime, after: datetime, bound: datetime) -> Iterator[datetime]:
        """Yield what the rule brings from about `after` on, in order; `first` only where it brings it."""
        if self.is_plain:
            step = _STEPS[self.frequency] * self.interval
            wall = first + step * self._skipped(first, after)
            while wall <= bound:
                yield wall
                wall += step
            return
        lets_day = self._day_filter(first)
        for looked_at, period in enumerate(self._periods(first, after)):
            if period > bound:
                return
            if looked_at >= MOST_PERIODS:
                message = f"it is given up after {MOST_PERIODS} periods: write a rule with fewer, or a later start"
                raise RuleError(message)
            yield from (wall for wall in self._in_period(period, first, lets_day) if wall >= first)

    def _skipped(self, first: datetime, after: datetime) -> int:
        """Return how many occurrences of a plain rule lie before `after` and need not be looked at."""
        if not self.is_plain or after <= first:
            return 0
        return (after - first) // (_STEPS[self.frequency] * self.interval)

    def _periods(self, first: datetime, after: datetime) -> Iterator[datetime]:
        """Yield where each period begins, from the one that holds `after` on; all from the start where COUNT counts."""
        # In whole intervals from the start: every second week stays the same second week, however far it is skipped.
        near = first if self.count is not None else max(first, after)
        if self.frequency in _STEPS:
            step = _STEPS[self.frequency] * self.interval
            begin = self._begin(first)
            skipped = max((near - begin) // step, 0)
            for number in count(skipped):
                try:
                    yield begin + number * step
                except OverflowError:
                    return
        months = self.interval * (12 if self.frequency == "YEARLY" else 1)
        start = first.year * 12 + (0 if self.frequency == "YEARLY" else first.month - 1)
        skipped = max((near.year * 12 + near.month - 1 - start) // months, 0)
        for number in count(skipped):
            year, month = divmod(start + number * months, 12)
            if year > 9999:  # noqa: PLR2004  the last year that there is
                return
            yield datetime(year, month + 1, 1)  # noqa: DTZ001  clock times

    def _begin(self, first: datetime) -> datetime:
        if self.frequency == "WEEKLY":
            return datetime.combine(first.date() - _DAY * ((first.weekday() - self.week_start) % 7), time())
        if self.frequency == "DAILY":
            return datetime.combine(first.date(), time())
        return {
            "HOURLY": first.replace(minute=0, second=0),
            "MINUTELY": first.replace(second=0),
            "SECONDLY": first,
        }[self.frequency]

    def _in_period(self, period: datetime, first: datetime, lets_day: _DayFilter) -> list[datetime]:
        times = self._times(period, first)
        days = [day for day in self._days(period) if lets_day(day)] if times else []
        moments = [datetime.combine(day, moment) for day, moment in product(days, times)]
        positions = self.numbers.get("BYSETPOS")
        if positions is None:
            return moments
        picked = {at - 1 if at > 0 else len(moments) + at for at in positions}
        return [wall for at, wall in enumerate(moments) if at in picked]

    def _days(self, period: datetime) -> list[date]:
        lengths = {
            "YEARLY": 365 + isleap(period.year),
            "MONTHLY": monthrange(period.year, period.month)[1],
            "WEEKLY": 7,
        }
        # Days after 9999 do not exist, though the period that holds the last of them does.
        length = min(lengths.get(self.frequency, 1), (date.max - period.date()).days)
        return [period.date() + _DAY * number for number in range(length)]

    def _times(self, period: datetime, first: datetime) -> list[time]:
        """Return the times of day in a period: of a day or more it is spread, of less it is filtered."""
        fixed = {"HOURLY": 1, "MINUTELY": 2, "SECONDLY": 3}.get(self.frequency, 0)
        choices = []
        for at, unit in enumerate(("hour", "minute", "second")):
            wanted = self.numbers.get(f"BY{unit.upper()}")
            own = getattr(period if at < fixed else first, unit)
            if at < fixed:
                choices.append([own] if wanted is None or own in wanted else [])
            else:
                # a leap second is the second before it: no clock of Python's shows 60
                choices.append([own] if wanted is None else sorted({min(number, 59) for number in wanted}))
        return [time(*parts) for parts in product(*choices)]

    def _day_filter(self, first: datetime) -> _DayFilter:
        numbers = dict(self.numbers)
        weekdays = self.weekdays
        # What the rule leaves open is as the start has it (RFC 5545, 3.3.10), unless another part says which days.
        if not weekdays and not {"BYWEEKNO", "BYYEARDAY", "BYMONTHDAY"} & numbers.keys():
            if self.frequency == "YEARLY":
                numbers.setdefault("BYMONTH", (first.month,))
            if self.frequency in ("YEARLY", "MONTHLY"):
                numbers["BYMONTHDAY"] = (first.day,)
            if self.frequency == "WEEKLY":
                weekdays = ((0, first.weekday()),)
        return _DayFilter(numbers=numbers, weekdays=weekdays, frequency=self.frequency, week_start=self.week_start)


@dataclass(frozen=True, slots=True, kw_only=True)
class _DayFilter:
    """Which days all BY parts let through."""

    numbers: dict[str, tuple[int, ...]]
    weekdays: tuple[tuple[int, int], ...]
    frequency: str
    week_start: int

    def __call__(self, day: date) -> bool:
        """Whether `day` is let through."""
        if not self._holds("BYMONTH", day.month):
            return False
        month_length = monthrange(day.year, day.month)[1]
        year_length = 365 + isleap(day.year)
        year_day = day.timetuple().tm_yday
        return (
            self._holds("BYMONTHDAY", day.day, day.day - month_length - 1)
            and self._holds("BYYEARDAY", year_day, year_day - year_length - 1)
            and ("BYWEEKNO" not in self.numbers or self._holds("BYWEEKNO", *_week_numbers(day, self.week_start)))
            and self._holds_weekday(day, month_length, year_day, year_length)
        )

    def _holds(self, part: str, *names: int) -> bool:
        wanted = self.numbers.get(part)
        return wanted is None or any(name in wanted for name in names)

    def _holds_weekday(self, day: date, month_length: int, year_day: int, year_length: int) -> bool:
        if not self.weekdays:
            return True
        # Of a yearly rule, "the second Friday" is that of the year only where no BYMONTH narrows it.
        inside = day.day
        length = month_length
        if self.frequency == "YEARLY" and "BYMONTH" not in self.numbers:
            inside = year_day
            length = year_length
        places = {0, (inside - 1) // 7 + 1, -((length - inside) // 7 + 1)}
        counts = self.frequency in ("YEARLY", "MONTHLY")
        return any(day.weekday() == weekday and (not counts or at in places) for at, weekday in self.weekdays)


def _week_numbers(day: date, week_start: int) -> tuple[int, int]:
    """Return the number of the week that holds `day`, from the front and from the back of its year."""
    begin = day - _DAY * ((day.weekday() - week_start) % 7)
    year = (begin + 3 * _DAY).year  # a week is of the year that holds most of its days
    first, following = (_first_week(number, week_start) for number in (year, year + 1))
    return (begin - first).days // 7 + 1, -((following - begin).days // 7)


def _first_week(year: int, week_start: int) -> date:
    fourth = date(year, 1, 4)  # always in the first week
    return fourth - _DAY * ((fourth.weekday() - week_start) % 7)


def parse_rule(text: str) -> RecurrenceRule:
    """Return the rule that `text` holds: `FREQ=WEEKLY;BYDAY=FR`.

    Raises:
        RuleError: it is none; the message names the part, its value and what is allowed.
    """
    parts = _parts(text)
    frequency = parts.pop("FREQ", None)
    if frequency not in FREQUENCIES:
        got = "is missing" if frequency is None else f"is {frequency[:20]!a}"
        raise RuleError(f"FREQ {got}: one of {', '.join(FREQUENCIES)}")
    notes = [f"{key} is passed over" for key in parts if key.startswith("X-")]
    if "COUNT" in parts and "UNTIL" in parts:
        notes.append("it has COUNT and UNTIL: what ends it earlier counts")
    interval = _number("INTERVAL", parts.pop("INTERVAL", "1"), 1, 100_000)
    number = parts.pop("COUNT", None)
    until = parts.pop("UNTIL", None)
    weekdays = parts.pop("BYDAY", None)
    week_start = parts.pop("WKST", "MO")
    if week_start not in WEEKDAYS:
        raise RuleError(f"WKST is {week_start[:20]!a}: one of {', '.join(WEEKDAYS)}")
    numbers = {key: _numbers(key, value) for key, value in parts.items() if not key.startswith("X-")}
    return RecurrenceRule(
        frequency=frequency,
        interval=interval,
        count=None if number is None else _number("COUNT", number, 1, 1_000_000),
        until=None if until is None else _until(until),
        numbers=numbers,
        weekdays=() if weekdays is None else _distinct(_weekday(day) for day in weekdays.split(",")),
        week_start=WEEKDAYS.index(week_start),
        notes=tuple(notes),
    )


def _parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.rstrip(";").split(";"):
        key, equals, value = part.partition("=")
        key = key.strip().upper()
        if not equals or not value.strip():
            raise RuleError(f"{part[:40]!a} is no part of a rule: write NAME=VALUE, such as FREQ=WEEKLY;BYDAY=FR")
        if key in parts:
            raise RuleError(f"{key} stands twice: leave one")
        known = (*_RANGES, "FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST")
        if key not in known and not key.startswith("X-"):
            raise RuleError(f"{key[:40]!a} is no part of a rule: one of {', '.join(sorted(known))}")
        parts[key] = value.strip().upper()
    return parts


def _number(key: str, text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text, re.ASCII) or not least <= int(text) <= most:
        raise RuleError(f"{key}={text[:20]} is out of range: {least} to {most}")
    return int(text)


def _numbers(key: str, text: str) -> tuple[int, ...]:
    least, most = _RANGES[key]
    numbers = _distinct(_number(key, number, least, most) for number in text.split(","))
    if key in _SIGNED and 0 in numbers:
        raise RuleError(f"{key}=0 is out of range: {least} to -1, or 1 to {most}")
    return numbers


def _distinct(values: Iterable[_Value]) -> tuple[_Value, ...]:
    """Return each value once: a list that says the same ten thousand times would be gone through for every day."""
    return tuple(dict.fromkeys(values))


def _weekday(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)", text.strip(), re.ASCII)
    place = int(match[1] or 0) if match else 0
    if match is None or (match[1] and not 1 <= abs(place) <= 53):  # noqa: PLR2004  the weeks of a year
        raise RuleError(f"BYDAY={text[:20]}: one of {', '.join(WEEKDAYS)}, with a number such as 1FR or -1MO before it")
    return place, WEEKDAYS.index(match[2])


def _until(text: str) -> date | datetime:
    forms = {r"[0-9]{8}": "%Y%m%d", r"[0-9]{8}T[0-9]{6}": "%Y%m%dT%H%M%S", r"[0-9]{8}T[0-9]{6}Z": "%Y%m%dT%H%M%SZ"}
    for pattern, form in forms.items():
        if re.fullmatch(pattern, text, re.ASCII):
            try:
                moment = datetime.strptime(text, form)  # noqa: DTZ007  clock times, unless it ends in Z
            except ValueError:
                break
            if form == "%Y%m%d":
                return moment.date()
            return moment.replace(tzinfo=UTC) if text.endswith("Z") else moment
    raise RuleError(f"UNTIL={text[:20]} is no date or time that there is: write UNTIL=20261231, the whole of that day")
