"""What a person wants to see of events, before, while and after they take place: values alone.

Commands, REST and pages show the same ones. What is not known is None or `Light.UNKNOWN`, never a low number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from springtide.stored import Stored


class Light(StrEnum):
    """How well something is. What nobody could look at is `unknown`, which is never green."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    UNKNOWN = "unknown"


def light_of(lights: Iterable[Light]) -> Light:
    """Return the light of several together: red where one is red, and green only where all of them are green.

    What is not known beside what is makes amber; where nothing at all is known, it is unknown.
    """
    seen = set(lights)
    if Light.RED in seen:
        return Light.RED
    if seen <= {Light.UNKNOWN}:
        return Light.UNKNOWN
    return Light.GREEN if seen == {Light.GREEN} else Light.AMBER


class EventOrigin(StrEnum):
    """Where an event comes from."""

    CALENDAR = "calendar"
    ADDED = "added"


class EventState(StrEnum):
    """How far an event is. One that is `due` should be under way by its time, and nobody saw it begin."""

    AHEAD = "ahead"
    DUE = "due"
    PREPARING = "preparing"
    PREPARED = "prepared"
    GOING_ON = "going_on"
    OVER = "over"


class WaveState(StrEnum):
    """What has become of one service of a preparation."""

    WAITS = "waits"
    GOES_ON = "goes_on"
    STANDS = "stands"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow(Stored):
    """One event in a list. Times are UTC.

    `id` is its name in records and paths; `event` and `calendar` are its names for people. `asks` are what it asks of
    each service, as people write it. `obstacles` are what stands in its way, by both numbers. `run_id` is the queued
    run of an event that was `added`, None where nobody could ask for it.
    """

    id: str
    event: str
    calendar: str
    origin: EventOrigin
    state: EventState
    prepared_at: datetime
    start: datetime
    end: datetime
    lead_seconds: float
    lead_reason: str
    priority: int
    asks: Mapping[str, str]
    kind: str = ""
    light: Light = Light.UNKNOWN
    obstacles: tuple[str, ...] = ()
    run_id: str | None = None
    owner: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Stored):
    """One thing that was looked at for an event: `sentence` holds both numbers, `to_do` what to do next.

    `service` is "" where it is about the event as a whole.
    """

    name: str
    light: Light
    sentence: str
    service: str = ""
    to_do: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveService(Stored):
    """One service of a wave: from `current` by `steps` to the last of them; `ready` of them serve now.

    `current` and `ready` are None where nobody could look.
    """

    service: str
    steps: tuple[int, ...]
    current: int | None = None
    ready: int | None = None
    state: WaveState = WaveState.WAITS
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave(Stored):
    """Services that are prepared side by side, after those of the waves before; `begins_at` and `stands_at` in UTC.

    Both are None where no run was measured that says how long it takes.
    """

    number: int
    services: tuple[WaveService, ...]
    begins_at: datetime | None = None
    stands_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost(Stored):
    """What it takes to hold an event: the pods at its height, over its time, and its price where a calendar names one.

    `beyond` are those pods that would not run without it. None where nobody knows.
    """

    pods: int | None = None
    beyond: int | None = None
    pod_hours: float | None = None
    money: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness(Stored):
    """The readiness card of one event: its light, every check, its waves, and what holding it costs.

    `margin_seconds` is what is left of the lead after the preparation by what was measured, None where nothing was.
    """

    event: EventRow
    light: Light
    checks: tuple[Check, ...]
    waves: tuple[Wave, ...] = ()
    cost: Cost = field(default_factory=Cost)
    preparation_seconds: float | None = None
    margin_seconds: float | None = None

    @property
    def not_green(self) -> tuple[Check, ...]:
        """The checks that a person should look at, red ones first."""
        order = (Light.RED, Light.UNKNOWN, Light.AMBER)
        return tuple(
            sorted(
                (check for check in self.checks if check.light is not Light.GREEN),
                # That a run scales a service is why others of its checks cannot know.
                key=lambda check: (order.index(check.light), check.name != "workload"),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAftermath(Stored):
    """What an event came to for one service; None where nobody knows, and `problem` says why.

    `violated_minutes` are those in which demand needed more than was prepared; `pod_hours_held` what stood while it
    lasted, `pod_hours_wasted` what of it demand did not need. `next_time` is what to ask for then, in words.
    """

    service: str
    asked: str
    prepared: int | None = None
    needed: int | None = None
    violated_minutes: int | None = None
    pod_hours_held: float | None = None
    pod_hours_wasted: float | None = None
    next_time: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath(Stored):
    """What an event of the past came to: what it asked for, what was prepared, and what was needed."""

    event: EventRow
    services: tuple[ServiceAftermath, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeRow(Stored):
    """One time that nothing is scaled; no `services` means all."""

    name: str
    calendar: str
    reason: str
    start: datetime
    end: datetime
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsOverview(Stored):
    """Every event of a time: `rows` by their start, `freezes`, and what is `left_out` and why.

    `warnings` are about all of them: a paused sweep, a broken calendar.
    """

    rows: tuple[EventRow, ...]
    freezes: tuple[FreezeRow, ...] = ()
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
