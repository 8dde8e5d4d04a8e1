"""From instants to what a calendar says: a first time, a rule that brings it again, and the days left out. Pure.

Whatever was worked out as instants is found again in the words of `springtide.policy.calendar`. A rule is taken where
it brings nearly all of the days; a day that it brings in vain is left out by name, and what no rule brings is written
once. So what clock changes do to the original is kept to the minute, for as long as was worked out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import Any, Final
from zoneinfo import ZoneInfo

from springtide.adoption.spans import Stretch
from springtide.policy.language.moments import instant
from springtide.policy.language.recurrence import WEEKDAYS

_FEWEST: Final = 3
"""A rule for less than three days would be guessed."""

_NEARLY_ALL: Final = 0.7
"""Of the Mondays, say, so many must be meant before a rule says Mondays."""

_MOST_LEFT_OUT: Final = 60
_COST_OF_ONE_LEFT_OUT: Final = 3
_DAYS_OF_THE_WEEK: Final = 7
_MONTHS: Final = 12
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Shape:
    """When on its day something begins, and how long it lasts by the clocks."""

    begins: time
    lasts: timedelta

    def on(self, day: date, zone: ZoneInfo) -> Stretch:
        """Return what a calendar means by it on that day."""
        wall = datetime.combine(day, self.begins)
        return instant(wall, zone), instant(wall + self.lasts, zone, is_end=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One entry of a calendar: from `start` to `end`, by the clocks or as instants, and when it comes again."""

    start: datetime
    end: datetime
    rule: str | None = None
    left_out: tuple[date, ...] = ()

    def to_event(self) -> dict[str, Any]:
        """Return the keys of an event that say when it is."""
        written: dict[str, Any] = {"start": _written(self.start), "end": _written(self.end)}
        if self.rule is not None:
            written["repeat"] = self.rule
        if self.left_out:
            written["except"] = [str(day) for day in self.left_out]
        return written

    @property
    def is_bounded(self) -> bool:
        """Whether it says something of single days, which were worked out for a while only."""
        return self.rule is None or bool(self.left_out)


@dataclass(frozen=True, slots=True)
class _Rule:
    text: str
    days: frozenset[date]


def shape_count(stretches: Iterable[Stretch], zone: ZoneInfo) -> int:
    """Return how many entries `repeated` makes at least, without looking for rules."""
    return len({_shape(each, zone) for each in stretches})


def repeated(stretches: Iterable[Stretch], zone: ZoneInfo, days: Sequence[date]) -> list[Repeat]:
    """Return the entries that together mean `stretches` and nothing else on `days`, which follow each other."""
    left = set(stretches)
    found: list[Repeat] = []
    shapes = Counter(shape for each in left if (shape := _shape(each, zone)) is not None)
    for shape, _ in sorted(shapes.items(), key=lambda item: (-item[1], item[0].begins, item[0].lasts)):
        found += _of_shape(shape, left, zone, days)
    return found + [_once(each, zone) for each in sorted(left)]


def _of_shape(shape: Shape, left: set[Stretch], zone: ZoneInfo, days: Sequence[date]) -> Iterator[Repeat]:
    """Yield the rules that bring `shape`; what they bring leaves `left`."""
    meant = {day: stretch for day in days if (stretch := shape.on(day, zone)) in left}
    while len(meant) >= _FEWEST:
        rule = _best(frozenset(meant), days)
        if rule is None:
            return
        covered = sorted(rule.days & meant.keys())
        wall = datetime.combine(covered[0], shape.begins)
        missing = sorted(day for day in rule.days if day > covered[0] and day not in meant)
        yield Repeat(start=wall, end=wall + shape.lasts, rule=rule.text, left_out=tuple(missing))
        for day in covered:
            left.discard(meant.pop(day))


def _shape(stretch: Stretch, zone: ZoneInfo) -> Shape | None:
    """Return the shape of `stretch`; None where clocks cannot say it."""
    start, end = (each.astimezone(zone).replace(tzinfo=None) for each in stretch)
    shape = Shape(start.time(), end - start)
    return shape if shape.lasts > timedelta() and shape.on(start.date(), zone) == stretch else None


def _once(stretch: Stretch, zone: ZoneInfo) -> Repeat:
    if _shape(stretch, zone) is None:
        return Repeat(start=stretch[0], end=stretch[1])
    start, end = (each.astimezone(zone).replace(tzinfo=None) for each in stretch)
    return Repeat(start=start, end=end)


def _best(meant: frozenset[date], days: Sequence[date]) -> _Rule | None:
    """Return the rule that brings most of `meant` and little else; None where none is worth it."""
    first = min(meant)
    pool = [day for day in days if day >= first]
    best: _Rule | None = None
    most = 0
    for rule in _candidates(meant, pool):
        covered = len(rule.days & meant)
        in_vain = sum(day > first for day in rule.days - meant)
        worth = covered - _COST_OF_ONE_LEFT_OUT * in_vain
        if covered >= _FEWEST and in_vain <= _MOST_LEFT_OUT and worth > most:
            most = worth
            best = rule
    return best


def _candidates(meant: frozenset[date], pool: Sequence[date]) -> Iterator[_Rule]:
    """Yield rules by weekday, day of the month and month, each limited or not; the plainest first."""
    for by_month, by_day, by_weekday in product((False, True), repeat=3):
        days = list(pool)
        months = sorted({day.month for day in meant}) if by_month else []
        days = [day for day in days if not by_month or day.month in months]
        # Of the days of the month nearly all are meant on those weekdays alone on which any is.
        seen = {day.weekday() for day in meant} if by_weekday else set(range(_DAYS_OF_THE_WEEK))
        looked_at = [day for day in days if day.weekday() in seen]
        numbers = _frequent(meant, looked_at, lambda day: day.day) if by_day else []
        days = [day for day in days if not by_day or day.day in numbers]
        weekdays = _frequent(meant, days, date.weekday) if by_weekday else []
        days = [day for day in days if not by_weekday or day.weekday() in weekdays]
        is_real = (not by_month or len(months) < _MONTHS) and (not by_weekday or len(weekdays) < _DAYS_OF_THE_WEEK)
        if days and is_real:
            yield _Rule(_text(months, numbers, weekdays), frozenset(days))


def _frequent(meant: frozenset[date], pool: Sequence[date], of: Callable[[date], int]) -> list[int]:
    """Return the values of `of` of which nearly all days of `pool` are meant."""
    everywhere = Counter(map(of, pool))
    hits = Counter(of(day) for day in pool if day in meant)
    return sorted(value for value, count in hits.items() if count >= _NEARLY_ALL * everywhere[value])


def _text(months: Sequence[int], numbers: Sequence[int], weekdays: Sequence[int]) -> str:
    frequency = {
        (False, False, True): "WEEKLY",
        (False, True, False): "MONTHLY",
        (True, True, False): "YEARLY",
    }.get((bool(months), bool(numbers), bool(weekdays)), "DAILY")
    parts = [f"FREQ={frequency}"]
    if months:
        parts.append(f"BYMONTH={','.join(map(str, months))}")
    if numbers:
        parts.append(f"BYMONTHDAY={','.join(map(str, numbers))}")
    if weekdays:
        parts.append(f"BYDAY={','.join(WEEKDAYS[each] for each in weekdays)}")
    return ";".join(parts)


def _written(moment: datetime) -> str:
    """Return a clock time, or an instant with its Z, as calendars write it."""
    is_instant = moment.tzinfo is not None
    wall = moment.astimezone(UTC).replace(tzinfo=None) if is_instant else moment
    form = "%Y-%m-%dT%H:%M:%S" if wall.second else "%Y-%m-%dT%H:%M"
    return f"{wall.strftime(form)}{'Z' if is_instant else ''}"


def days_from(first: date, last: date) -> list[date]:
    """Return the days from `first` to `last`, both included."""
    return [first + _DAY * number for number in range((last - first).days + 1)]
