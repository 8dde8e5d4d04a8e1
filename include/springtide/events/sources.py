"""When the events of a calendar's sources take place, and what became of each: one source never takes another away.

    events, freezes            windows of the calendar itself, once or by a rule
    imports, freeze_imports    feeds: iCalendar files below the calendar's folder
    holidays                   those of a country, by the library of that name

What was known of an event that cannot be read any more stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Final, TypeVar

from springtide.events.accounts import NO_MATCH, UNREADABLE, Oddity, SourceAccount
from springtide.events.feed_copies import stale_since
from springtide.events.feed_spans import Horizon, Span
from springtide.events.feed_values import folded
from springtide.events.feeds import read_feed
from springtide.policy.calendar.freezes import FreezeImportSpec, FreezeSource, FreezeSpec
from springtide.policy.calendar.ical import ICalendar, read_ical
from springtide.policy.calendar.model import EventCalendar, EventSource, EventSpec, HolidaySpec, ImportSpec
from springtide.policy.calendar.windows import EventWindow, FeedPart
from springtide.policy.language.moments import instant

if TYPE_CHECKING:
    from pathlib import Path
    from zoneinfo import ZoneInfo

Remembered = Mapping[str, Mapping[str, Sequence[int]]]
"""What was known of feeds when they were read last, as it is stored: source → UID → seconds of starts and ends."""

Spec = TypeVar("Spec", bound=EventSource | FreezeSource)

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReading:
    """One source, read. Of feeds `by_uid` is what will be remembered."""

    asking: EventSource | FreezeSource
    account: SourceAccount
    spans: tuple[Span, ...]
    """In the order of their starts, no two with the same."""

    by_uid: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarReading:
    """What reading a source needs: its calendar, where its feeds lie, and the time that is told."""

    calendar: EventCalendar
    folder: Path
    now: datetime
    horizon: Horizon
    remembered: Remembered = field(default_factory=dict)
    feeds: dict[str, ICalendar] = field(default_factory=dict)
    """Feeds that were read already: several sources may be of one."""

    @property
    def zone(self) -> ZoneInfo:
        """The calendar's clocks."""
        return self.calendar.spec.zone

    @property
    def file(self) -> str:
        """The calendar's own file."""
        return f"{self.calendar.name}.yaml"


def event_sources(reading: CalendarReading) -> tuple[SourceReading, ...]:
    """Return the calendar's sources of events. What cannot be read is told in their accounts, and nothing is raised."""
    spec = reading.calendar.spec
    return (
        *(_contained("events", source, reading, _read_window) for source in spec.events),
        *(_contained("imports", source, reading, _read_import) for source in spec.imports),
        *(_contained("holidays", source, reading, _read_holidays) for source in spec.holidays),
    )


def freeze_sources(reading: CalendarReading) -> tuple[SourceReading, ...]:
    """Return the calendar's freezes, as `event_sources` its events."""
    spec = reading.calendar.spec
    return (
        *(_contained("freezes", freeze, reading, _read_window) for freeze in spec.freezes),
        *(_contained("freeze_imports", source, reading, _read_import) for source in spec.freeze_imports),
    )


def remembered_as(source: EventSource | FreezeSource) -> str:
    """Return under which name what was known of a source is kept: an event and a freeze may be called the same."""
    return f"freeze:{source.name}" if isinstance(source, FreezeSource) else source.name


def accounts_of(calendar: EventCalendar, folder: Path, horizon: Horizon, *, now: datetime) -> tuple[SourceAccount, ...]:
    """Return what every source of `calendar` holds, and what became of it; its feeds lie below `folder`."""
    reading = CalendarReading(calendar=calendar, folder=folder, now=now, horizon=horizon)
    return tuple(source.account for source in (*event_sources(reading), *freeze_sources(reading)))


def _contained(
    kind: str, spec: Spec, reading: CalendarReading, read: Callable[[str, Spec, CalendarReading], SourceReading]
) -> SourceReading:
    try:
        return read(kind, spec, reading)
    except Exception as error:  # noqa: BLE001  whatever one source holds takes no other away, and is told
        message = f"it cannot be read: {type(error).__name__}: {str(error)[:160]}"
        finding = Oddity(message=message, file=reading.file, is_error=True)
        before = reading.remembered.get(remembered_as(spec), {})
        kept = {uid: _held(seconds, reading.horizon) for uid, seconds in before.items()}
        return _source(kind, spec, reading, by_uid=kept, findings=(finding,), left_out={UNREADABLE: (spec.name,)})


def _source(  # noqa: PLR0913 - a source is what its three kinds find, each by keyword
    kind: str,
    spec: EventSource | FreezeSource,
    reading: CalendarReading,
    *,
    spans: Sequence[Span] = (),
    by_uid: Mapping[str, Sequence[Span]] | None = None,
    file: str | None = None,
    in_file: int = 1,
    findings: Sequence[Oddity] = (),
    left_out: Mapping[str, Sequence[str]] | None = None,
) -> SourceReading:
    every = merged([*spans, *chain.from_iterable((by_uid or {}).values())])
    ahead = [start for start, end in every if end > reading.now]
    account = SourceAccount(
        calendar=reading.calendar.name,
        kind=kind,
        name=spec.name,
        file=file or reading.file,
        in_file=in_file,
        left_out={why: tuple(names) for why, names in (left_out or {}).items()},
        ahead=len(ahead),
        following=ahead[0] if ahead else None,
        findings=tuple(findings),
        teaches=getattr(spec, "kind", None) is not None,
    )
    kept = {uid: tuple(of_one) for uid, of_one in (by_uid or {}).items()}
    return SourceReading(asking=spec, account=account, spans=tuple(every), by_uid=kept)


def merged(spans: list[Span]) -> list[Span]:
    """Return `spans` in the order of their starts; of those that begin at one instant the longest."""
    kept: list[Span] = []
    for start, end in sorted(spans, key=itemgetter(0)):
        # In order, so what begins at one instant is next to each other; a dict would hash every instant.
        if not kept or kept[-1][0] != start:
            kept.append((start, end))
        elif end > kept[-1][1]:
            kept[-1] = (start, end)
    return kept


def _read_window(kind: str, window: EventSpec | FreezeSpec, reading: CalendarReading) -> SourceReading:
    findings = []
    if window.repeat is not None:
        warnings = window.repeat.rule.warnings(window.start.wall)
        findings = [Oddity(message=f"{window.name}: repeat: {warning}", file=reading.file) for warning in warnings]
    spans = [span for span in _windows(window, reading) if reading.horizon.holds(span) or kind == "freezes"]
    return _source(kind, window, reading, spans=spans, findings=findings)


def _windows(window: EventSpec | FreezeSpec, reading: CalendarReading) -> Iterator[Span]:
    if window.repeat is None:
        yield _instants(window, window.start.wall, window.end.wall if window.end else None, reading.zone)
        return
    first = window.start.wall
    length = window.end.wall - first if window.end else None
    excluded = {day.date for day in window.excluded} if isinstance(window, EventSpec) else set()
    for wall in window.repeat.walls(first, *reading.horizon.walls(reading.zone)):
        if wall.date() not in excluded:
            yield _instants(window, wall, None if length is None else wall + length, reading.zone)


def _instants(window: EventWindow, wall: datetime, end: datetime | None, zone: ZoneInfo) -> Span:
    start = instant(wall, zone)
    if end is None:
        assert window.duration is not None
        return start, start + window.duration
    return start, max(instant(end, zone, is_end=True), start + _SECOND)  # a gap may hold both


def _read_import(kind: str, spec: ImportSpec | FreezeImportSpec, reading: CalendarReading) -> SourceReading:
    """Return the events of a feed; where it cannot be read, what was known of it."""
    before = reading.remembered.get(remembered_as(spec), {})
    try:
        if spec.ical not in reading.feeds:
            reading.feeds[spec.ical] = read_ical(reading.folder / spec.ical)
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else str(error)
        finding = Oddity(message=f"it cannot be read: {problem}", file=spec.ical, is_error=True)
        kept = {uid: _held(seconds, reading.horizon) for uid, seconds in before.items()}
        return _source(kind, spec, reading, by_uid=kept, file=spec.ical, in_file=0, findings=(finding,))
    feed = read_feed(
        reading.feeds[spec.ical],
        file=spec.ical,
        zone=reading.zone,
        match=spec.match,
        horizon=reading.horizon,
        now=reading.now,
    )
    by_uid = {uid: tuple(spans) for uid, spans in feed.spans.items()}
    for uid, seconds in before.items():
        if uid in feed.unread or (feed.is_cut_off and uid not in by_uid):
            by_uid[uid] = tuple(sorted({*by_uid.get(uid, ()), *_held(seconds, reading.horizon)}))
    return _source(
        kind,
        spec,
        reading,
        by_uid=by_uid,
        file=spec.ical,
        in_file=feed.in_file,
        findings=[*feed.findings, *_no_match(spec, feed.in_file, feed.left_out), *_stale(spec, reading)],
        left_out=feed.left_out,
    )


def _stale(spec: FeedPart, reading: CalendarReading) -> list[Oddity]:
    since = None if spec.connection is None else stale_since(reading.folder / spec.ical, reading.now)
    if since is None:
        return []
    message = f"it could not be fetched since {since:%Y-%m-%d %H:%M} UTC, and is as it was then: see events fetch"
    return [Oddity(message=message, file=spec.ical)]


def _held(seconds: Sequence[int], horizon: Horizon) -> tuple[Span, ...]:
    return tuple(span for span in spans_of(seconds) if horizon.holds(span))


def spans_of(seconds: Sequence[int]) -> tuple[Span, ...]:
    """Return the spans that `seconds_of` stored."""
    moments = [datetime.fromtimestamp(second, UTC) for second in seconds]
    return tuple(zip(moments[::2], moments[1::2], strict=True))


def seconds_of(spans: Iterable[Span]) -> list[int]:
    """Return the stored form of `spans`: when each begins and ends."""
    return [int(moment.timestamp()) for span in spans for moment in span]


def _no_match(spec: FeedPart, in_file: int, left_out: Mapping[str, list[str]]) -> list[Oddity]:
    names = left_out.get(NO_MATCH, [])
    if not names or len(names) < in_file or spec.match is None:
        return []
    near = get_close_matches(spec.match, sorted(set(names)), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"its events are called {', '.join(sorted(set(names))[:3])}"
    return [Oddity(message=f"match: no event of it is called {spec.match[:60]!a}; {hint}", file=spec.ical)]


def _read_holidays(kind: str, spec: HolidaySpec, reading: CalendarReading) -> SourceReading:
    years = range(reading.horizon.after.year, reading.horizon.before.year + 1)
    days = [(day, name) for day, name in _days(spec, years) if reading.horizon.holds(_holiday(spec, day, reading.zone))]
    wanted = [(day, name) for day, name in days if _is_wanted(spec, name)]
    names = sorted({name for _, name in days})
    findings = [
        Oddity(message=f"only: {_no_holiday(wanted_name, spec, names)}", file=reading.file)
        for wanted_name in spec.only
        if not any(folded(wanted_name) in folded(name) for name in names)
    ]
    others = [name for _, name in days if not _is_wanted(spec, name)]
    return _source(
        kind,
        spec,
        reading,
        spans=[_holiday(spec, day, reading.zone) for day, _ in wanted],
        in_file=len(days),
        findings=findings,
        left_out={NO_MATCH: tuple(others)} if others else {},
    )


def _is_wanted(spec: HolidaySpec, name: str) -> bool:
    return not spec.only or any(folded(wanted) in folded(name) for wanted in spec.only)


def _no_holiday(wanted: str, spec: HolidaySpec, names: list[str]) -> str:
    country = spec.country if spec.subdivision is None else f"{spec.country} {spec.subdivision}"
    near = get_close_matches(wanted, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)[:300]}"
    return f"no holiday of {country} is called {wanted[:60]!a}; {hint}; write other days as events"


def _holiday(spec: HolidaySpec, day: date, zone: ZoneInfo) -> Span:
    start = spec.starts.on(day)
    end = spec.until.on(day)
    if end <= start:
        end += _DAY
    return instant(start, zone), instant(end, zone, is_end=True)


def _days(spec: HolidaySpec, years: range) -> list[tuple[date, str]]:
    """Return the holidays with their names in English where they are known: never in the language of this machine."""
    from holidays import country_holidays

    languages = country_holidays(spec.country)
    language = "en_US" if "en_US" in languages.supported_languages else languages.default_language
    return sorted(country_holidays(spec.country, subdiv=spec.subdivision, years=years, language=language).items())
