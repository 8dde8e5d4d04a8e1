"""`springtide events list`: what calendars hold and what somebody added, and what stands in the way of each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.display import answer, out
from springtide.cli.event_feeds import show_sources
from springtide.cli.event_options import (
    EventPlaces,
    read_known,
    services_of,
    surroundings_of,
)
from springtide.cli.groups import grouped
from springtide.cli.halt_banner import say_halts
from springtide.cli.options import Output, OutputOption, Policies
from springtide.cli.plain_text import PlainTable, plain
from springtide.clock import SystemClock
from springtide.overview.event_views import events_overview
from springtide.overview.events import EventOrigin, EventRow, EventsOverview, Light
from springtide.wording import on_the_clock


@grouped
def list_events(
    *,
    days: Annotated[int, typer.Option(min=1, max=400, help="How far ahead.")] = 30,
    events: EventPlaces,
    place: Policies,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print every event ahead: when it is prepared, what it asks for, and what stands in its way.

    Those that were added stand beside those of the calendars, with the name that `cancel` wants. What became of every
    source stands below the table. Where something cannot be read, the rest is printed all the same; the errors come
    last. It asks no cluster: `springtide events check` does.
    """
    clock = SystemClock()
    now = clock.now()
    with answering(output):
        known = read_known(events.calendars, services_of(place), now)
        say_halts(place, output)
        overview = events_overview(surroundings_of(place, known, events.airflow, clock=clock), days=days)
        if output.is_for_programs:
            print_record(overview.to_record(), output)
        else:
            _show(overview, now)
            show_sources(known)
        known.raise_if_broken()


def _show(overview: EventsOverview, now: datetime) -> None:
    table = PlainTable("event", "prepared (UTC)", "begins, ends (UTC)", "asks", "what stands in its way")
    for row in overview.rows:
        obstacles = plain("\n".join(row.obstacles), "red" if row.light is Light.RED else "yellow")
        table.add_row(_name(row), _at(row.prepared_at, now), _from_to(row, now), _asks(row), obstacles)
    out.print(table)
    for line in overview.left_out:
        answer(f"not in this list: {line}", "yellow")
    for warning in overview.warnings:
        answer(f"warning: {warning}", "yellow")


def _name(row: EventRow) -> str:
    if row.origin is EventOrigin.CALENDAR:
        return f"{row.calendar}.{row.event}"
    return f"{row.event}\nadded by {row.owner or 'somebody'}"


def _from_to(row: EventRow, now: datetime) -> str:
    return f"{_at(row.start, now)}\nto {row.end:%Y-%m-%d %H:%M}"


def _at(moment: datetime, now: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}\n{on_the_clock(moment, now)}"


def _asks(row: EventRow) -> str:
    return "\n".join(f"{name} {ask}" for name, ask in row.asks.items())
