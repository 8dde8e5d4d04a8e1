"""What autoscalers, cron scalers and annotations ask for, minute by minute, after their own documentation.

This is the other side of the comparison: it shares no code with what is tested. Nothing is worked out ahead; each
minute is looked at by what the clocks of its zone show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
WEEKDAYS = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
SPEC = re.compile(r"(\w{3})-(\w{3}) (\d\d):(\d\d)-(\d\d):(\d\d) (\S+)")

SPRING = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 12, tzinfo=UTC))
"""Clocks go forward in America and Europe, and back in Australia."""

AUTUMN = (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 12, tzinfo=UTC))
"""The other way round."""

Times = tuple[datetime, datetime]
Asked = list[int]


def minutes(times: Times) -> Iterator[datetime]:
    moment, end = times
    while moment < end:
        yield moment
        moment += MINUTE


@lru_cache(maxsize=32)
def walls(times: Times, zone: str) -> list[datetime]:
    """Return what the clocks of `zone` show at each minute."""
    clocks = ZoneInfo(zone)
    return [moment.astimezone(clocks) for moment in minutes(times)]


def _number(text: str) -> int:
    upper = text.upper()
    if upper in MONTHS:
        return MONTHS.index(upper) + 1
    return (WEEKDAYS.index(upper) + 1) % 7 if upper in WEEKDAYS else int(text)


@lru_cache(maxsize=4096)
def _in_field(text: str, value: int, top: int) -> bool:
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        low = 0 if span in "*?" else _number(first)
        high = top if span in "*?" or (step and not last) else _number(last or first)
        start = (1 if top in {31, 12} else 0) if span in "*?" else low
        if low <= value <= high and (value - start) % int(step or 1) == 0:
            return True
    return False


@lru_cache(maxsize=256)
def _fields(cron: str) -> tuple[str, ...]:
    return tuple(cron.split())


def comes(cron: str, wall: datetime, *, star_with_step: bool = False) -> bool:
    """Whether five fields match what clocks show; a star (and, to older libraries, one with a step) opens a day."""
    minute, hour, day, month, weekday = _fields(cron)
    if not (_in_field(minute, wall.minute, 59) and _in_field(hour, wall.hour, 23)):
        return False
    if not _in_field(month, wall.month, 12):
        return False
    on_day = _in_field(day, wall.day, 31)
    on_weekday = _in_field(weekday, wall.isoweekday() % 7, 6)
    is_open = [text in "*?" or (star_with_step and text[0] in "*?") for text in (day, weekday)]
    return (on_day and on_weekday) if any(is_open) else (on_day or on_weekday)


def scaled_object(manifest: Mapping[str, Any], times: Times) -> Asked:
    """A cron trigger is active while its next end comes no later than its next start; the largest trigger counts."""
    spec = manifest["spec"]
    least = spec.get("minReplicaCount", 0)
    most = spec.get("maxReplicaCount", 100)
    asked = [least] * len(list(minutes(times)))
    for trigger in spec["triggers"]:
        if trigger["type"] != "cron":
            continue
        data = trigger["metadata"]
        ahead = (times[0], times[1] + 70 * DAY)
        never = len(walls(ahead, data["timezone"]))
        next_start = next_end = never
        shown = walls(ahead, data["timezone"])
        for at in range(len(shown) - 1, -1, -1):
            if at < len(asked):
                assert min(next_end, next_start) < never, "what comes next lies behind what is looked at"
            if at < len(asked) and next_end <= next_start:
                asked[at] = max(asked[at], min(most, int(data["desiredReplicas"])))
            if comes(data["start"], shown[at]):
                next_start = at
            if comes(data["end"], shown[at]):
                next_end = at
    return asked


def _matches(spec: str, moment: datetime) -> bool:
    if spec.lower() in {"always", "never"}:
        return spec.lower() == "always"
    for part in spec.split(","):
        match = SPEC.fullmatch(part.strip())
        if match is None:
            absolute = part.strip()
            if datetime.fromisoformat(absolute[:25]) <= moment <= datetime.fromisoformat(absolute[26:]):
                return True
            continue
        wall = moment.astimezone(ZoneInfo(match[7]))
        first = WEEKDAYS.index(match[1].upper())
        last = WEEKDAYS.index(match[2].upper())
        today = wall.weekday()
        is_day = first <= today <= last if first <= last else today >= first or today <= last
        now = wall.hour * 60 + wall.minute
        begin = int(match[3]) * 60 + int(match[4])
        end = int(match[5]) * 60 + int(match[6])
        if is_day and begin <= now < end:
            return True
    return False


def downscaled(
    annotations: Mapping[str, str], replicas: int, times: Times, namespace: Mapping[str, str] | None = None
) -> Asked:
    """What kube-downscaler leaves: with periods it changes something in them alone, else it is up or down."""

    def said(key: str, default: str) -> str:
        around = (namespace or {}).get(f"downscaler/{key}", default)
        return annotations.get(f"downscaler/{key}", around)

    down = min(replicas, int(said("downtime-replicas", "0")))
    up_period = said("upscale-period", "never")
    down_period = said("downscale-period", "never")
    asked: Asked = []
    present = down
    for moment in minutes((times[0] - 14 * DAY, times[1])):
        if _matches((namespace or {}).get("downscaler/force-uptime", "never"), moment):
            is_up: bool | None = True
        elif up_period != "never" or down_period != "never":
            upscale = _matches(up_period, moment)
            is_up = None if upscale == _matches(down_period, moment) else upscale
        else:
            is_up = _matches(said("uptime", "always"), moment) and not _matches(said("downtime", "never"), moment)
        present = present if is_up is None else replicas if is_up else down
        if moment >= times[0]:
            asked.append(present)
    return asked


def cron_hpa(manifest: Mapping[str, Any], zone: str, before: int, times: Times) -> Asked:
    """Each job sets the replicas at its second, but not on excluded days; they stay until the next one."""
    spec = manifest["spec"]
    asked: Asked = []
    present = before
    for wall, moment in zip(
        walls((times[0] - 40 * DAY, times[1]), zone), minutes((times[0] - 40 * DAY, times[1])), strict=True
    ):
        # What came in the minute before, at a second other than 0, is there by now.
        earlier = (moment - MINUTE).astimezone(ZoneInfo(zone))
        present = _set(spec, earlier, present, at_zero=False)
        present = _set(spec, wall, present, at_zero=True)
        if moment >= times[0]:
            asked.append(present)
    return asked


def _set(spec: Mapping[str, Any], wall: datetime, present: int, *, at_zero: bool) -> int:
    for job in spec["jobs"]:
        if _is_due(job["schedule"], wall, at_zero=at_zero) and not _is_excluded(spec, wall):
            present = job["targetSize"]
    return present


def _is_due(schedule: str, wall: datetime, *, at_zero: bool) -> bool:
    if schedule.startswith("@date "):
        return at_zero and f"@date {wall:%Y-%m-%d %H:%M}:00" == schedule
    second, rest = schedule.split(maxsplit=1)
    return (second == "0") is at_zero and comes(rest, wall, star_with_step=True)


def _is_excluded(spec: Mapping[str, Any], wall: datetime) -> bool:
    midnight = wall.replace(hour=0, minute=0)
    days = [" ".join(text.split()[3:]) for text in spec.get("excludeDates", ())]
    return any(comes(f"0 0 {day}", midnight, star_with_step=True) for day in days)
