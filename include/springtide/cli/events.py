"""`springtide events`: what the calendars hold, and events of no calendar."""

from __future__ import annotations

import typer

from springtide.cli.event_adding import add_event, cancel_event, rehearse_event
from springtide.cli.event_approval import approve_event
from springtide.cli.event_check import check_events, show_event
from springtide.cli.event_feeds import fetch_feeds, list_sources
from springtide.cli.event_list import list_events

app = typer.Typer(no_args_is_help=True, help="What the calendars hold, and events of no calendar.")

app.command("list")(list_events)
app.command("check")(check_events)
app.command("show")(show_event)
app.command("add")(add_event)
app.command("cancel")(cancel_event)
app.command("rehearse")(rehearse_event)
app.command("approve")(approve_event)
app.command("sources")(list_sources)
app.command("fetch")(fetch_feeds)
