"""From when to when: what events and freezes have in common, whether they are written down or come with a feed."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, WithJsonSchema

from springtide.policy.language.moments import Moment, Recurrence
from springtide.policy.language.parts import Contradiction, Part
from springtide.policy.language.units import Duration, Line, refusal, shown
from springtide.policy.scaling.databases import Connection


class EventWindow(Part):
    """From when to when, once or again and again."""

    start: Moment
    """When it begins, by the clocks of `timezone` unless an offset stands behind it. Required."""

    end: Moment | None = None
    """When it is over: the first moment that does not belong to it. This or `duration`. Where `repeat` brings it again,
    its clock time moves along."""

    duration: Duration | None = None
    """How long it lasts in real time, whatever clocks do. This or `end`."""

    repeat: Recurrence | None = None
    """When it comes again, as RFC 5545 writes it: `FREQ=WEEKLY;BYDAY=FR`. Default never. A rule for 29 February comes
    in leap years alone; `FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1` is the last day of every February."""

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        if (self.end is None) == (self.duration is None):
            yield Contradiction((), "write end or duration, one of them")
        if self.duration is not None and not self.duration:
            yield Contradiction(("duration",), "it lasts no time at all", "policy_range")
        if self._is_reversed():
            yield Contradiction(("end",), _reversed(self))
        if self.repeat is not None and any(moment and moment.wall.tzinfo for moment in (self.start, self.end)):
            yield Contradiction(("repeat",), "with repeat, start and end are clock times: leave the offset out")

    def _is_reversed(self) -> bool:
        start = self.start.wall
        end = self.end.wall if self.end else None
        return end is not None and (start.tzinfo is None) == (end.tzinfo is None) and end <= start

    def is_reversed_in(self, zone: ZoneInfo) -> bool:
        """Whether it ends before it begins, where one of both is an instant and the other a clock time."""
        if self.end is None or (self.start.wall.tzinfo is None) == (self.end.wall.tzinfo is None):
            return False
        return self.end.instant(zone, is_end=True) <= self.start.instant(zone)


def _reversed(window: EventWindow) -> str:
    return f"end {window.end} is not after start {window.start}: over midnight, it is on the next day"


def _ical_path(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text or not text.isprintable() or path.suffix != ".ics":
        raise refusal("path_not_allowed", f"{shown(text)}: write a path below the calendar's folder that ends in .ics")
    return text


class FeedPart(Part):
    """What of which iCalendar file (RFC 5545) counts."""

    ical: Annotated[
        str,
        AfterValidator(_ical_path),
        WithJsonSchema({"type": "string", "pattern": r"^[^/\\][^\\]*\.ics$"}),
    ]
    """The file, from the folder of this calendar, ending in `.ics`. Required."""

    connection: Connection | None = None
    """Where `springtide events fetch` fetches it from: the environment variable `SPRINGTIDE_FEED_<CONNECTION>`, in
    capitals and with `_`. Never the address itself: whoever knows it may read the calendar. Default none: somebody
    else puts the file there."""

    match: Line | None = None
    """Only events whose summary holds this, in capitals or not. Default all."""
