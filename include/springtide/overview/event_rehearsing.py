"""Which event a rehearsal is of, and what its run has to be told of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from springtide.events.ad_hoc import CALENDAR
from springtide.events.calendars import Calendars
from springtide.events.occurrences import Occurrence
from springtide.events.rehearsal import named_event, plain_asks
from springtide.overview.event_rows import calendars_with
from springtide.overview.event_surroundings import AirflowSight


def event_to_rehearse(
    calendars: Calendars, airflow: AirflowSight, name: str, now: datetime
) -> tuple[Occurrence, dict[str, Any]]:
    """Return the event `name` and the parameters of `rehearse_event` that lead to it: the added ones count as well.

    Raises:
        InputError: no event ahead has this name (`event_unknown`), or several calendars have one.
    """
    event = named_event(calendars_with(calendars, airflow.added or ()), name, now)
    # A run finds an event of a calendar by its id alone. Of an added one it knows only what it is told.
    asks = {"services": plain_asks(event.asks)} if event.calendar == CALENDAR else {}
    return event, {"event": event.id, **asks}
