"""`springtide events check` and `show`: is the event ready, by both numbers of every check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.display import answer
from springtide.cli.event_card import card_lines
from springtide.cli.event_options import (
    EventPlaces,
    KnownArgument,
    read_known,
    services_of,
    surroundings_of,
)
from springtide.cli.exit_codes import ExitCode
from springtide.cli.groups import grouped
from springtide.cli.options import CliContext, Output, OutputOption
from springtide.clock import SystemClock
from springtide.overview.event_surroundings import OpenPortsOf
from springtide.overview.event_views import readiness_of, readiness_of_all
from springtide.overview.events import Light, Readiness
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.ports import Ports

ClusterOption = Annotated[
    bool, typer.Option("--cluster/--no-cluster", help="Whether HPAs, quotas and nodes are looked at.")
]

_STYLES = {Light.RED: "bold red", Light.AMBER: "yellow", Light.UNKNOWN: "yellow", Light.GREEN: "green"}


@grouped
def check_events(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="EVENT, CALENDAR.EVENT or an id. Without it: all.")
    ] = None,
    *,
    days: Annotated[int, typer.Option(min=1, max=400, help="How far ahead, without NAME.")] = 14,
    cluster: ClusterOption = True,
    events: EventPlaces,
    place: CliContext,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say whether events are ready. Exits with 1 when one is red; amber and what was not checked are told.

    Without a cluster, Airflow or a store, the checks that need them are `not checked`: so the CI of a repository of
    calendars can run it. What cannot be met whatever these say is red.
    """
    with answering(output):
        cards = _cards(name, days, cluster=cluster, place=place, events=events)
        if output.is_for_programs:
            print_record([card.to_record() for card in cards], output)
        else:
            _show(cards, days, is_whole=name is not None)
    if any(card.light is Light.RED for card in cards):
        raise typer.Exit(ExitCode.FAILED)


@grouped
def show_event(
    name: KnownArgument,
    *,
    cluster: ClusterOption = True,
    events: EventPlaces,
    place: CliContext,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print everything that is known of one event: every check, its waves and their times, and what it costs."""
    with answering(output):
        cards = _cards(name, 0, cluster=cluster, place=place, events=events)
        if output.is_for_programs:
            print_record(cards[0].to_record(), output)
        else:
            _show(cards, 0, is_whole=True)


def _cards(
    name: str | None, days: int, *, cluster: bool, place: CliContext, events: EventPlaces
) -> tuple[Readiness, ...]:
    clock = SystemClock()
    known = read_known(events.calendars, services_of(place), clock.now())
    known.raise_if_broken()
    ports_of = _ports_of(place) if cluster else None
    around = surroundings_of(place, known, events.airflow, clock=clock, ports_of=ports_of)
    return readiness_of_all(around, days=days) if name is None else (readiness_of(around, name),)


def _ports_of(place: CliContext) -> OpenPortsOf:
    @contextmanager
    def opened(policy: ScalingPolicy) -> Iterator[Ports]:
        with place.at(policy).ports(lambda _message: None) as ports:
            yield ports

    return opened


def _show(cards: tuple[Readiness, ...], days: int, *, is_whole: bool) -> None:
    now = SystemClock().now()
    if not cards:
        answer(f"no event begins within {days} {'day' if days == 1 else 'days'}")
    for number, card in enumerate(cards):
        if number:
            answer("")
        for line, light in card_lines(card, now, is_whole=is_whole):
            answer(line, _STYLES.get(light, "") if light is not None else "")
