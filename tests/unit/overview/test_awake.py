"""When somebody is awake: by the clocks of their zone, also over midnight."""

from __future__ import annotations

from datetime import datetime

import pytest

from springtide.errors import InputError
from springtide.overview.awake import Awake
from unit.events.calendars import utc


@pytest.mark.parametrize(
    ("awake", "begin", "end", "first"),
    [
        ("08:00-22:00 UTC", "2026-11-11T09:00", "2026-11-11T10:00", "2026-11-11T09:00"),
        ("08:00-22:00 UTC", "2026-11-11T07:00", "2026-11-11T09:00", "2026-11-11T08:00"),
        ("08:00-22:00 UTC", "2026-11-11T07:00", "2026-11-11T08:00", None),
        ("08:00-22:00 UTC", "2026-11-11T22:00", "2026-11-12T07:00", None),
        ("08:00-22:00 UTC", "2026-11-11T22:00", "2026-11-12T09:00", "2026-11-12T08:00"),
        ("08:00-22:00 Europe/Berlin", "2026-11-11T07:00", "2026-11-11T07:10", "2026-11-11T07:00"),
        ("22:00-06:00 UTC", "2026-11-11T01:00", "2026-11-11T02:00", "2026-11-11T01:00"),
        ("22:00-06:00 UTC", "2026-11-11T07:00", "2026-11-11T21:00", None),
    ],
)
def test_the_first_moment_at_which_somebody_is_awake(awake: str, begin: str, end: str, first: str | None) -> None:
    expected: datetime | None = None if first is None else utc(first)

    assert Awake.parse(awake).first(utc(begin), utc(end)) == expected


@pytest.mark.parametrize(
    "text", ["", "8-22 UTC", "08:00-22:00", "08:00-22:00 No", "08:00-25:00 UTC", "08:00-22:00 Europe"]
)
def test_what_is_no_time_is_refused_with_its_variable(text: str) -> None:
    with pytest.raises(InputError, match=r"SPRINGTIDE_AWAKE is .* Write it as 08:00-22:00 Europe/Berlin"):
        Awake.parse(text)


def test_it_is_told_as_it_was_written() -> None:
    assert str(Awake.parse("08:00-22:00 Europe/Berlin")) == "08:00-22:00 Europe/Berlin"
