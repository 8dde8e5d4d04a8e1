"""When the events of a preparation begin, and what is said when its services do not stand by then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog

log = structlog.get_logger(__name__)


def deadline_of(conf: Mapping[str, Any] | None, *, interval_end: datetime | None) -> datetime | None:
    """Return until when everything has to stand: the start of the event in `conf`, without one the interval's end.

    None where the event's start is no instant with its zone: its first task refuses such an event.
    """
    event = (conf or {}).get("event") or conf
    start = event.get("start") if isinstance(event, Mapping) else None
    if not isinstance(start, str):
        return interval_end
    try:
        begins = datetime.fromisoformat(start)
    except ValueError:
        return None
    return begins if begins.tzinfo else None


def tell_unprepared(run_id: str | None) -> None:
    """Log as an error that the events begin before the preparation `run_id` is done."""
    message = "the events begin and their services do not stand yet: see prepare_services of this run"
    log.error("event_prepared_late", run=run_id, message=message)
