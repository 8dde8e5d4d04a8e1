"""What the commands of events have in common: their options, and what they read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from springtide.cli.airflow_sight import airflow_sight
from springtide.cli.options import (
    DEFAULTS,
    CliContext,
    current_user,
    halt_by_environment,
    settings_now,
)
from springtide.clock import Clock
from springtide.errors import InputError
from springtide.events.snapshot import CalendarSnapshot, read_calendars
from springtide.overview.awake import Awake
from springtide.overview.event_surroundings import EventSurroundings, OpenPortsOf
from springtide.settings import variable_name

CalendarsOption = Annotated[Path, typer.Option(envvar=variable_name("calendars"), help="The folder of calendar files.")]
AirflowOption = Annotated[
    str,
    typer.Option(
        envvar=variable_name("airflow_url"),
        help="Airflow's address. Its credentials: SPRINGTIDE_AIRFLOW_TOKEN, or _USER and _PASSWORD.",
    ),
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What the event is called.")]
KnownArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="An event: EVENT or CALENDAR.EVENT for its next time, or an id.")
]
StartOption = Annotated[str, typer.Option(help="When it begins, with its offset: 2026-11-11T00:00+08:00, or Z.")]
DEFAULT_CALENDARS: Final = DEFAULTS.calendars
DEFAULT_AIRFLOW: Final = DEFAULTS.airflow_url


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPlaces:
    """Where events stand: in calendars, and in Airflow."""

    calendars: CalendarsOption = DEFAULT_CALENDARS
    airflow: AirflowOption = DEFAULT_AIRFLOW


def read_known(calendars: Path, services: list[str] | None, now: datetime) -> CalendarSnapshot:
    """Return what the calendars hold. The default folder need not be there; one that somebody named must."""
    may_be_absent = calendars == DEFAULT_CALENDARS and not settings_now().calendars_named
    return read_calendars(calendars, {}, now=now, services=services, may_be_absent=may_be_absent)


def services_of(place: CliContext) -> list[str] | None:
    """Return the services that have a policy; None without any, for then nobody knows which there are."""
    return place.folder.names() or None


def surroundings_of(
    place: CliContext,
    known: CalendarSnapshot,
    airflow: str,
    *,
    clock: Clock,
    ports_of: OpenPortsOf | None = None,
) -> EventSurroundings:
    """Return what the view of events is made from. Airflow is asked here; where it does not answer, that is told."""
    halt = halt_by_environment()
    return EventSurroundings(
        clock=clock,
        known=known,
        policies=place.folder,
        open_store=place.open_store,
        awake=Awake.parse(settings_now().awake),
        ports_of=ports_of,
        airflow=airflow_sight(airflow),
        halted="" if halt is None else f"{halt.words} ({halt.source})",
    )


def event_owner() -> str:
    """Return who adds an event: as Airflow knows them, else the user of this machine."""
    return settings_now().airflow_user or current_user()


def instant(field: str, text: str) -> datetime:
    """Return the time that `text` says, in UTC.

    Raises:
        InputError: it says none, or not in which zone (`time_invalid`).
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901  it has no offset either
    if moment.tzinfo is None:
        raise InputError(
            f"{field}: {text[:60]!a} is not a time with its offset; write 2026-11-11T00:00+08:00 or 2026-11-10T16:00Z.",
            code="time_invalid",
            field=field,
        )
    return moment.astimezone(UTC)
