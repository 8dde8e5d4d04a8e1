"""`springtide events`: what the calendars hold, and events of no calendar, queued in Airflow one run each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from springtide.cli.airflow import delete_run, queue_run
from springtide.cli.answers import answering, print_record
from springtide.cli.display import answer, out
from springtide.cli.groups import Offers, grouped
from springtide.cli.halt_banner import say_halts
from springtide.cli.options import (
    DEFAULTS,
    CliContext,
    Output,
    OutputOption,
    Policies,
    current_user,
    settings_now,
)
from springtide.cli.plain_text import PlainTable
from springtide.clock import SystemClock
from springtide.errors import InputError, PermanentError, SpringtideError, TemporaryError
from springtide.events.ad_hoc import ad_hoc_event
from springtide.events.calendars import Calendars
from springtide.events.feed_address import networks_of
from springtide.events.feed_fetch import FeedClient, FetchedFeed, FetchOutcome
from springtide.events.leads import LeadTime, MeasuredRuns, leads_of
from springtide.events.occurrences import Occurrence
from springtide.events.rehearsal import named_event
from springtide.events.snapshot import CalendarSnapshot, read_calendars
from springtide.policy.calendar.fetchable import FetchableFeed, fetchable_feeds
from springtide.policy.scaling.mode import ADVISE
from springtide.settings import FEED_PREFIX, Settings, variable_name, variable_part

if TYPE_CHECKING:
    from springtide.policy.scaling.model import ScalingPolicy

app = typer.Typer(no_args_is_help=True, help="What the calendars hold, and events of no calendar.")

CalendarsOption = Annotated[Path, typer.Option(envvar=variable_name("calendars"), help="The folder of calendar files.")]
AirflowOption = Annotated[
    str,
    typer.Option(
        envvar=variable_name("airflow_url"),
        help="Airflow's address. Its credentials: SPRINGTIDE_AIRFLOW_TOKEN, or _USER and _PASSWORD.",
    ),
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What the event is called.")]
StartOption = Annotated[str, typer.Option(help="When it begins, with its offset: 2026-11-11T00:00+08:00, or Z.")]
DEFAULT_CALENDARS = DEFAULTS.calendars
DEFAULT_AIRFLOW = DEFAULTS.airflow_url
_PLANNED_ONLY: Final = "{}: mode advise: planned only, nothing is written"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventOptions:
    """An event of no calendar."""

    start: StartOption
    end: Annotated[str, typer.Option(help="When it is over, with its offset.")]
    service: Annotated[list[str], typer.Option(help="checkout=3.2x or search=80 (repeatable).")]
    lead: Annotated[str, typer.Option(help="How long before: auto, or a duration such as 45m.")] = "auto"
    reason: Annotated[str, typer.Option(help="Why; kept with the event.")] = "by hand"
    priority: Annotated[int, typer.Option(min=0, max=100)] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalOptions:
    """How a rehearsal is bounded, and why it is made."""

    load: Annotated[bool, typer.Option(help="Whether load is sent.")] = True
    max_rate: Annotated[float, typer.Option(min=1, max=2000, help="Requests a second to one service.")] = 100.0
    seconds: Annotated[int, typer.Option(min=10, max=600, help="How long load is sent.")] = 60
    minutes: Annotated[int, typer.Option(min=5, max=240, help="When what it asks for expires.")] = 60
    reason: Annotated[str, typer.Option(help="Why; kept with it.")] = "a rehearsal"


@app.command("list")
@grouped
def list_events(
    *,
    days: Annotated[int, typer.Option(min=1, max=400, help="How far ahead.")] = 30,
    calendars: CalendarsOption = DEFAULT_CALENDARS,
    place: Policies,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print what the calendars hold: when each event is prepared, what it asks for, and what stands in its way.

    What became of every source stands below the table. Where something cannot be read, the rest is printed all the
    same; the errors come last.
    """
    now = SystemClock().now()
    with answering(output):
        snapshot = _read(calendars, _services(place), now)
        say_halts(place, output)
        policies, broken = _policies(place, _asked_for(snapshot.calendars))
        leads = leads_of(snapshot.calendars, _measured(snapshot.calendars, place, policies), now)
        coming = [
            occurrence
            for occurrence in snapshot.calendars.occurrences
            if now < occurrence.end and occurrence.start < now + timedelta(days=days)
        ]
        not_acted = _not_acted(policies, broken)
        rows = [_row(occurrence, leads[occurrence.id], snapshot.calendars, not_acted) for occurrence in coming]
        if output.is_for_programs:
            print_record(rows, output)
        else:
            _show(rows)
            _show_sources(snapshot)
        snapshot.raise_if_broken()


@app.command("sources")
@grouped
def list_sources(
    *,
    calendars: CalendarsOption = DEFAULT_CALENDARS,
    place: Annotated[CliContext, Offers("policies")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Print what became of everything that the calendars hold: how many count, which are left out, and why."""
    now = SystemClock().now()
    with answering(output):
        known = _read(calendars, _services(place), now)
        if output.is_for_programs:
            print_record([account.to_record() for account in known.accounts], output)
        else:
            _show_sources(known)
        known.raise_if_broken()


@app.command("fetch")
@grouped
def fetch_feeds(
    *,
    calendars: CalendarsOption = DEFAULT_CALENDARS,
    output: OutputOption = Output.TABLE,
) -> None:
    """Fetch the feeds whose calendars name a `connection`, each into its file; whatever fails leaves its last copy.

    SPRINGTIDE_FEED_<CONNECTION> has the address. A feed without one is told, and not fetched.
    """
    with answering(output):
        settings = settings_now()
        client = FeedClient(clock=SystemClock(), networks=networks_of(settings.private_feeds))
        fetched = {feed: _fetched(client, settings, feed) for feed in _fetchable(calendars)}
        rows = [
            {"feed": feed.copy.name, "connection": feed.connection, "outcome": done.outcome, "problem": done.problem}
            for feed, done in fetched.items()
        ]
        if output.is_for_programs:
            print_record(rows, output)
        else:
            for row in rows:
                why = "" if row["problem"] is None else f": {row['problem']}"
                answer(f"{row['feed']} ({row['connection']}) {row['outcome']}{why}")
        failed = [done for done in fetched.values() if done.problem is not None]
        if failed:
            kind = TemporaryError if all(done.is_temporary for done in failed) else PermanentError
            raise kind(f"{len(failed)} of {len(rows)} feeds could not be fetched.", code="feed_unavailable")


def _fetchable(calendars: Path) -> list[FetchableFeed]:
    try:
        return fetchable_feeds(calendars)
    except OSError as error:
        message = f"the folder of calendars cannot be read: {error.strerror}."
        raise InputError(message, code="policy_unreadable", field="calendars") from error


def _fetched(client: FeedClient, settings: Settings, feed: FetchableFeed) -> FetchedFeed:
    url = settings.feed_url(feed.connection)
    if url is None:
        variable = f"{FEED_PREFIX}{variable_part(feed.connection)}"
        return FetchedFeed(outcome=FetchOutcome.KEPT, problem=f"{variable} is not set, so it is not fetched")
    return client.fetch(url, feed.copy)


@app.command("add")
@grouped
def add_event(
    name: NameArgument,
    *,
    asked: EventOptions,
    place: Policies,
    airflow: AirflowOption = DEFAULT_AIRFLOW,
    output: OutputOption = Output.TABLE,
) -> None:
    """Queue the run that prepares one event. The same event again is refused."""
    now = SystemClock().now()
    with answering(output):
        event = {
            "name": name,
            "start": _instant("start", asked.start).isoformat(),
            "end": _instant("end", asked.end).isoformat(),
            "lead": asked.lead,
            "priority": asked.priority,
            "services": dict(_ask(text, _services(place)) for text in asked.service),
            "owner": current_user(),
            "reason": asked.reason,
        }
        added = ad_hoc_event(event)
        occurrence = added.occurrence
        if occurrence.end <= now:
            raise InputError(f"end: {asked.end} is over already.", code="event_invalid", field="end")
        policies, broken = _policies(place, _asked_for(added.calendars))
        for error in broken.values():
            raise error
        ahead = leads_of(added.calendars, _measured(added.calendars, place, policies), now)[occurrence.id]
        due = max(now, occurrence.start - ahead.length).replace(microsecond=0)
        queue_run(airflow, run_id(occurrence.event, occurrence.start), {"event": event}, due)
        queued = f"{run_id(occurrence.event, occurrence.start)} is queued for {due:%Y-%m-%d %H:%M:%S} UTC"
        if occurrence.start - ahead.length < now.replace(microsecond=0):
            queued += f": at once, for its lead of {ahead.length} is longer than the notice"
        answer(f"{queued}. Lead {ahead.length}: {ahead.reason}.")
        for why in _not_acted(policies, broken).values():
            answer(f"warning: {why}", "yellow")


@app.command("cancel")
def cancel_event(
    name: NameArgument,
    *,
    start: StartOption,
    airflow: AirflowOption = DEFAULT_AIRFLOW,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take back an event that was added and is not being prepared yet."""
    with answering(output):
        queued = run_id(name, _instant("start", start))
        delete_run(airflow, queued)
        answer(f"{queued} is cancelled.")


@app.command("rehearse")
@grouped
def rehearse_event(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An event of the calendars: EVENT or CALENDAR.EVENT.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="I know that it scales and loads what serves customers.")] = False,
    asked: RehearsalOptions,
    calendars: CalendarsOption = DEFAULT_CALENDARS,
    airflow: AirflowOption = DEFAULT_AIRFLOW,
    output: OutputOption = Output.TABLE,
) -> None:
    """Start a rehearsal of one event in Airflow: its waves, a bounded load test, a verdict, everything given back."""
    now = SystemClock().now()
    with answering(output):
        known = _read(calendars, None, now)
        known.raise_if_broken()
        event = named_event(known.calendars, name, now)
        if not yes:
            raise InputError(
                f"{event.id} is rehearsed with --yes only: it scales and loads what serves customers.",
                code="not_confirmed",
                field="yes",
            )
        limits = {
            "load_test": asked.load,
            "max_rate": asked.max_rate,
            "seconds": asked.seconds,
            "minutes": asked.minutes,
        }
        begun = f"rehearsal__{event.event}__{now:%Y%m%dT%H%M%SZ}"
        conf = {"event": event.id, **limits, "confirm": True, "reason": asked.reason}
        queue_run(airflow, begun, conf, now, dag_id="rehearse_event")
        answer(f"{begun} of {event.id} has begun: see the DAG rehearse_event.")


def run_id(name: str, start: datetime) -> str:
    """Return the name of the run that prepares an event of no calendar: the same for the same event."""
    return f"event__{name}__{start.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _asked_for(calendars: Calendars) -> set[str]:
    return {name for occurrence in calendars.occurrences for name in occurrence.asks}


def _policies(
    place: CliContext, services: Iterable[str]
) -> tuple[dict[str, ScalingPolicy], dict[str, SpringtideError]]:
    """Return the policies of `services`, each read once, and why others cannot be used; without policies nothing."""
    policies: dict[str, ScalingPolicy] = {}
    broken: dict[str, SpringtideError] = {}
    for name in sorted(services) if _services(place) else ():
        try:
            policies[name] = place.policy(name)
        except SpringtideError as error:
            broken[name] = error
    return policies, broken


def _not_acted(policies: Mapping[str, ScalingPolicy], broken: Mapping[str, SpringtideError]) -> dict[str, str]:
    """Return why nothing will be done for a service, whatever its events ask for."""
    advising = {name: _PLANNED_ONLY.format(name) for name, policy in policies.items() if policy.spec.mode == ADVISE}
    return advising | {
        name: f"{name}: its policy cannot be used ({error.code}); see springtide validate"
        for name, error in broken.items()
    }


def _row(occurrence: Occurrence, lead: LeadTime, calendars: Calendars, not_acted: Mapping[str, str]) -> dict[str, Any]:
    frozen = {
        name: calendars.frozen(name, occurrence.start - lead.length, occurrence.event) for name in occurrence.asks
    }
    return {
        "event": occurrence.id,
        "prepared": (occurrence.start - lead.length).isoformat(),
        "start": occurrence.start.isoformat(),
        "end": occurrence.end.isoformat(),
        "lead": lead.length.total_seconds(),
        "lead_reason": lead.reason,
        "priority": occurrence.priority,
        "asks": {name: str(ask) for name, ask in occurrence.asks.items()},
        "frozen": {name: why for name, why in frozen.items() if why is not None},
        "not_acted": {name: not_acted[name] for name in occurrence.asks if name in not_acted},
    }


def _show(rows: list[dict[str, Any]]) -> None:
    table = PlainTable("event", "prepared (UTC)", "start", "end", "asks", "what stands in its way")
    for row in rows:
        times = (f"{datetime.fromisoformat(row[key]):%Y-%m-%d %H:%M}" for key in ("prepared", "start", "end"))
        asks = ", ".join(f"{name} {ask}" for name, ask in row["asks"].items())
        obstacles = [*row["frozen"].values(), *row["not_acted"].values()]
        table.add_row(row["event"].rpartition(".")[0], *times, asks, "\n".join(obstacles))
    out.print(table)


def _show_sources(known: CalendarSnapshot) -> None:
    for account in known.accounts:
        following = "" if account.following is None else f", next {account.following:%Y-%m-%d %H:%M} UTC"
        line = f"{account}; {account.ahead} times ahead{following}"
        answer(line)
    if known.absent is not None:
        answer(str(known.account))
    for warning in known.warnings:
        answer(f"warning: {warning}", "yellow")


def _read(calendars: Path, services: list[str] | None, now: datetime) -> CalendarSnapshot:
    """Return what the calendars hold. The default folder need not be there; one that somebody named must."""
    may_be_absent = calendars == DEFAULT_CALENDARS and not settings_now().calendars_named
    return read_calendars(calendars, {}, now=now, services=services, may_be_absent=may_be_absent)


def _services(place: CliContext) -> list[str] | None:
    return place.folder.names() or None


def _measured(calendars: Calendars, place: CliContext, policies: Mapping[str, ScalingPolicy]) -> MeasuredRuns:
    """Return what the store of runs says of the services whose leads are learned."""
    from springtide.training.durations import measure

    services = {name for occurrence in calendars.occurrences if occurrence.lead is None for name in occurrence.asks}
    if not services:
        return MeasuredRuns()
    with place.open_store() as store:
        return measure(store, services, {name: policy for name, policy in policies.items() if name in services})


def _instant(field: str, text: str) -> datetime:
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


def _ask(text: str, services: list[str] | None) -> tuple[str, dict[str, Any]]:
    name, equals, wanted = text.partition("=")
    if services is not None and name not in services:
        raise InputError(
            f"service: there is no policy {name[:60]!a}; there are: {', '.join(services)}.",
            code="service_unknown",
            field="service",
        )
    if not equals:
        raise InputError(
            f"service: {text[:60]!a} gives no number; write {name}=80 or {name}=3.2x.",
            code="event_invalid",
            field="service",
        )
    return name, {"replicas": int(wanted)} if wanted.isascii() and wanted.isdigit() else {"multiply": wanted}
