"""Known events: one file of an operator as frozen, typed values.

>>> calendar = EventCalendar.model_validate(
...     {
...         "apiVersion": "springtide/v1",
...         "kind": "EventCalendar",
...         "metadata": {"name": "sales", "owner": "commerce"},
...         "spec": {
...             "timezone": "Asia/Shanghai",
...             "events": [
...                 {
...                     "name": "singles-day",
...                     "start": "2026-11-11T00:00",
...                     "end": "2026-11-12T02:00",
...                     "services": {"checkout": {"multiply": "3.2x"}, "search": {"replicas": 80}},
...                 }
...             ],
...         },
...     }
... )
>>> calendar.spec.events[0].lead_or(calendar.spec.lead).text
'auto'
>>> EventCalendar.model_validate(calendar.model_dump(mode="json")) == calendar
True

`springtide.policy.language.moments` says what a time means where clocks are put forward and back.
"""

from collections.abc import Iterator
from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from springtide.policy.calendar.freezes import FreezeImportSpec, FreezeSource, FreezeSpec, OverrideSpec
from springtide.policy.calendar.windows import EventWindow, FeedPart
from springtide.policy.language.moments import Day, Lead, TimeOfDay, Zone
from springtide.policy.language.parts import Contradiction, Part
from springtide.policy.language.units import (
    MAX_REPLICAS,
    MOST_SERVICES,
    Count,
    Duration,
    Factor,
    Line,
    Name,
    between,
    refusal,
)
from springtide.policy.scaling.model import Metadata

Money = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _grows(factor: Factor) -> Factor:
    if not 1 <= factor <= MAX_REPLICAS:
        raise refusal("policy_range", f"{factor} is out of range: at least 1x, at most {MAX_REPLICAS}x")
    return factor


class ServiceRequest(Part):
    """What an event asks of one service: a number, or a multiple. Exactly one."""

    replicas: Count | None = None
    """The least replicas while the event lasts, 1 to 10000."""

    multiply: Annotated[Factor, AfterValidator(_grows)] | None = None
    """Times what the service's capacity models ask for when the event is prepared: `3.2x`, at least 1x."""

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        if (self.replicas is None) == (self.multiply is None):
            yield Contradiction((), "write replicas or multiply, one of them")

    def __str__(self) -> str:
        return str(self.replicas) if self.multiply is None else str(self.multiply)


Services = Annotated[dict[Name, ServiceRequest], Field(min_length=1, max_length=MOST_SERVICES)]


class EventSource(Part):
    """What every source of events says of them."""

    name: Name
    """What they are called in records, run ids and messages. Required, once in a calendar."""

    services: Services
    """What is asked of which service (the name of its policy). Required."""

    lead: Lead | None = None
    """How long before its start an event is prepared. Default: the calendar's `lead`."""

    priority: Annotated[int, Field(ge=0, le=100)] = 50
    """Who gets what is left where `cap` does not suffice for all: the higher first. Default 50."""

    shape: Literal["learned", "flat"] = "flat"
    """How an event is held: `flat` at what is asked for until its end; `learned` by the shape of past events of its
    kind, at their height while they were high, and never below what demand asks for. Default flat."""

    kind: Name | None = None
    """What events have in common that teach each other their shape, also over several names and calendars. Default:
    the events of this name in this calendar."""

    def lead_or(self, default: Lead) -> Lead:
        """Return its own lead, else the calendar's."""
        return default if self.lead is None else self.lead


class EventSpec(EventSource, EventWindow):
    """One event, or one that comes again."""

    excluded: Annotated[tuple[Day, ...], Field(alias="except", strict=False, max_length=400)] = ()
    """Days on which `repeat` does not bring it, by the clocks of `timezone`. Default none."""


class ImportSpec(FeedPart, EventSource):
    """Events of an iCalendar file (RFC 5545), with its own time zones, recurrences and exceptions."""


class HolidaySpec(EventSource):
    """Public holidays of a country, every year anew."""

    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    """Its ISO 3166 code: `DE`. Required."""

    subdivision: Annotated[str, Field(pattern="^[A-Z0-9]{1,6}$")] | None = None
    """A part of it with holidays of its own: `BY`. Default none."""

    only: Annotated[tuple[Line, ...], Field(strict=False, max_length=50)] = ()
    """Only holidays whose English name holds one of these, in capitals or not: `Easter Monday`. Default all."""

    starts: Annotated[TimeOfDay, Field(alias="from")] = TimeOfDay("00:00")
    """When an event begins on such a day. Default 00:00."""

    until: TimeOfDay = TimeOfDay("24:00")
    """When it is over; not after `from` means on the next day. Default 24:00."""

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        from holidays import country_holidays

        try:
            country_holidays(self.country, subdiv=self.subdivision, years=2026)
        except RuntimeError as error:  # what the library raises for a country or a part that it does not know
            field = "country" if self.subdivision is None else "subdivision"
            yield Contradiction((field,), f"its holidays are not known: {str(error).rstrip('.')[:160]}", "policy_range")


class LearnSpec(Part):
    """How `lead: auto` is learned."""

    margin: Annotated[Duration, between("0s", "1d")] = Duration("5m")
    """What is added to the p95 of the measured runs. Default 5m: an API server's restart and a second try."""

    least_runs: Annotated[int, Field(ge=1, le=100)] = 5
    """How many measured runs a service needs before they say anything. Default 5."""

    otherwise: Annotated[Duration, between("1m", "1d")] = Duration("30m")
    """What is taken for a service with fewer. Default 30m."""

    longest: Annotated[Duration, between("1m", "1d")] = Duration("12h")
    """The longest lead that is ever learned, at most 1d. Default 12h: beyond it something else is wrong."""


class PaceSpec(Part):
    """How fast services are scaled one after the other: nodes, registries and databases bear only so much."""

    pods_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Pods that may be started a minute, over all services. Default 100."""

    runs: Annotated[int, Field(ge=1, le=100)] = 4
    """Services that are scaled at the same time. Default 4."""


class CapSpec(Part):
    """The most that all events together may ask for at one time."""

    pods: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Pods of all services under an event. Default no cap."""

    cost_per_hour: Money | None = None
    """Cost of those pods an hour, in your currency. Default no cap."""

    cost_per_pod_hour: Money | None = None
    """What one pod costs an hour. Required with `cost_per_hour`."""

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        if (self.cost_per_hour is None) != (self.cost_per_pod_hour is None):
            yield Contradiction((), "cost_per_hour and cost_per_pod_hour belong together")

    @property
    def most(self) -> int | None:
        """The cap in pods: the smaller of both."""
        by_cost = None
        if self.cost_per_hour is not None and self.cost_per_pod_hour is not None:
            by_cost = int(self.cost_per_hour / self.cost_per_pod_hour * (1 + 1e-9))
        return min((cap for cap in (self.pods, by_cost) if cap is not None), default=None)


class CalendarSpec(Part):
    """Everything that the calendar knows."""

    timezone: Zone
    """Whose clocks its times are read from: an IANA name. Required."""

    lead: Lead = Lead("auto")
    """How long before its start an event is prepared, unless it says otherwise. Default auto: the p95 of the services'
    own measured runs, in their order and at their pace, and a margin."""

    learn: LearnSpec = LearnSpec()
    """How `lead: auto` is learned; see `LearnSpec`."""

    pace: PaceSpec = PaceSpec()
    """How fast services are scaled; see `PaceSpec`."""

    cap: CapSpec = CapSpec()
    """The most that all events may ask for; see `CapSpec`. With several calendars the smallest counts."""

    events: Annotated[tuple[EventSpec, ...], Field(strict=False, max_length=500)] = ()
    """Events; see `EventSpec`."""

    imports: Annotated[tuple[ImportSpec, ...], Field(strict=False, max_length=20)] = ()
    """Events of iCalendar files; see `ImportSpec`."""

    holidays: Annotated[tuple[HolidaySpec, ...], Field(strict=False, max_length=50)] = ()
    """Events on public holidays; see `HolidaySpec`."""

    freezes: Annotated[tuple[FreezeSpec, ...], Field(strict=False, max_length=100)] = ()
    """When nothing is scaled; see `FreezeSpec`."""

    freeze_imports: Annotated[tuple[FreezeImportSpec, ...], Field(strict=False, max_length=20)] = ()
    """Freezes of iCalendar files; see `FreezeImportSpec`."""

    overrides: Annotated[tuple[OverrideSpec, ...], Field(strict=False, max_length=100)] = ()
    """What is scaled in a freeze all the same; see `OverrideSpec`."""

    @property
    def zone(self) -> ZoneInfo:
        """The zone of its clock times."""
        return ZoneInfo(self.timezone)

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        yield from _twice("events", (*self.events, *self.imports, *self.holidays), self._places())
        yield from _twice("freezes", (*self.freezes, *self.freeze_imports), self._freeze_places())
        yield from _twice("overrides", self.overrides, [("overrides", at) for at in range(len(self.overrides))])
        for key, windows in (("events", self.events), ("freezes", self.freezes)):
            for at, window in enumerate(windows):
                if window.is_reversed_in(self.zone):
                    message = f"end {window.end} is not after start {window.start}: over midnight, it is the next day"
                    yield Contradiction((key, at, "end"), message)
        for at, override in enumerate(self.overrides):
            yield from self._unknown(at, override)

    def _places(self) -> list[tuple[str, int]]:
        kinds = (("events", self.events), ("imports", self.imports), ("holidays", self.holidays))
        return [(key, at) for key, kind in kinds for at in range(len(kind))]

    def _freeze_places(self) -> list[tuple[str, int]]:
        kinds = (("freezes", self.freezes), ("freeze_imports", self.freeze_imports))
        return [(key, at) for key, kind in kinds for at in range(len(kind))]

    def _unknown(self, at: int, override: OverrideSpec) -> Iterator[Contradiction]:
        freezes = [freeze.name for freeze in (*self.freezes, *self.freeze_imports)]
        events = [source.name for source in (*self.events, *self.imports, *self.holidays)]
        if override.freeze not in freezes:
            yield Contradiction(("overrides", at, "freeze"), _no_such("freeze", override.freeze, freezes))
        for index, event in enumerate(override.events):
            if event not in events:
                yield Contradiction(("overrides", at, "events", index), _no_such("event", event, events))


def _twice(
    what: str, named: tuple[EventSource | FreezeSource | OverrideSpec, ...], places: list[tuple[str, int]]
) -> Iterator[Contradiction]:
    seen: set[str] = set()
    for source, place in zip(named, places, strict=True):
        if source.name in seen:
            yield Contradiction((*place, "name"), f"{source.name} stands twice among the {what}")
        seen.add(source.name)


def _no_such(kind: str, name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(set(known))[:10]) or 'none'}"
    return f"there is no {kind} {name}; {hint}"


class EventCalendar(Part):
    """One calendar, complete."""

    api_version: Annotated[Literal["springtide/v1"], Field(alias="apiVersion")]
    """The version of this language: `springtide/v1`. Required."""

    kind: Literal["EventCalendar"]
    """What the file holds: `EventCalendar`. Required."""

    metadata: Metadata
    """Name and owner; see `Metadata`. Required."""

    spec: CalendarSpec
    """Everything that it knows; see `CalendarSpec`. Required."""

    @property
    def name(self) -> str:
        """The calendar's name."""
        return self.metadata.name


LONGEST_LEAD = timedelta(days=7)
"""The longest lead that a calendar can ask for."""
