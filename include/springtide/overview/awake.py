"""When people are taken to be awake: an approval that is asked for outside of it waits for the morning."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from springtide.errors import InputError
from springtide.settings import variable_name

_WRITTEN: Final = re.compile(r"(\d{2}:\d{2})-(\d{2}:\d{2}) (\S{1,60})")
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Awake:
    """Every day from `begins` to `ends` by the clocks of `zone`; it may go over midnight."""

    begins: time
    ends: time
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str) -> Awake:
        """Return what `text` says: `08:00-22:00 Europe/Berlin`.

        Raises:
            InputError: it is not written so, or there is no such zone (`awake_invalid`).
        """
        written = _WRITTEN.fullmatch(text.strip())
        if written is None:
            raise _refused(text)
        try:
            begins, ends = (time.fromisoformat(part) for part in written.groups()[:2])
            return cls(begins, ends, ZoneInfo(written.group(3)))
        except (ValueError, ZoneInfoNotFoundError, OSError) as error:  # OSError: a zone that is a folder of zones
            raise _refused(text) from error

    def first(self, begin: datetime, end: datetime) -> datetime | None:
        """Return the first moment from `begin` on, and before `end`, at which somebody is awake; None without one."""
        day = begin.astimezone(self.zone).date() - _DAY  # what began yesterday may go over midnight
        while True:
            opens = datetime.combine(day, self.begins, self.zone).astimezone(UTC)
            last = day if self.begins < self.ends else day + _DAY
            closes = datetime.combine(last, self.ends, self.zone).astimezone(UTC)
            if opens >= end:
                return None
            if begin < closes:
                return max(begin, opens)
            day += _DAY

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}-{self.ends:%H:%M} {self.zone.key}"


def _refused(text: str) -> InputError:
    name = variable_name("awake")
    return InputError(
        f"{name} is {text[:80]!a}. Write it as 08:00-22:00 Europe/Berlin: from, to, and a time zone.",
        code="awake_invalid",
        field=name,
    )
