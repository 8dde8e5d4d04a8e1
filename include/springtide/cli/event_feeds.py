"""`springtide events sources` and `fetch`: what calendars are made of, and the feeds of other people in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from springtide.cli.answers import answering, print_record
from springtide.cli.display import answer
from springtide.cli.event_options import DEFAULT_CALENDARS, CalendarsOption, read_known, services_of
from springtide.cli.groups import Offers, grouped
from springtide.cli.options import CliContext, Output, OutputOption, settings_now
from springtide.clock import SystemClock
from springtide.errors import InputError, PermanentError, TemporaryError
from springtide.events.feed_address import networks_of
from springtide.events.feed_fetch import FeedClient, FetchedFeed, FetchOutcome
from springtide.events.snapshot import CalendarSnapshot
from springtide.policy.calendar.fetchable import FetchableFeed, fetchable_feeds
from springtide.settings import FEED_PREFIX, Settings, variable_part


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
        known = read_known(calendars, services_of(place), now)
        if output.is_for_programs:
            print_record([account.to_record() for account in known.accounts], output)
        else:
            show_sources(known)
        known.raise_if_broken()


def show_sources(known: CalendarSnapshot) -> None:
    """Print a line for each source, and what should be looked at."""
    for account in known.accounts:
        following = "" if account.following is None else f", next {account.following:%Y-%m-%d %H:%M} UTC"
        answer(f"{account}; {account.ahead} {'time' if account.ahead == 1 else 'times'} ahead{following}")
    if known.absent is not None:
        answer(str(known.account))
    for warning in known.warnings:
        answer(f"warning: {warning}", "yellow")


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
