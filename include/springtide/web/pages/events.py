"""`/pages/events`: the timeline of the next 14 days, and the card of one event before, while and after it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from springtide.errors import InputError, SpringtideError
from springtide.overview.event_views import aftermath_of, events_overview, readiness_of
from springtide.overview.event_words import aftermath_headline, headline, list_headline
from springtide.overview.events import EventRow, Light, Readiness
from springtide.overview.timeline import DAYS, timeline
from springtide.web.access import Reader
from springtide.web.event_sight import seen_events
from springtide.web.pages.frame import Frame, frame_of
from springtide.web.ports import Surroundings
from springtide.web.problems import status_of

if TYPE_CHECKING:
    from springtide.record.approvals import ApprovalAhead

OVER: Final = timedelta(days=14)
"""How far back events that are over are named."""

_NOT_AHEAD: Final = "event_unknown"
_WORST_FIRST: Final = (Light.RED, Light.UNKNOWN, Light.AMBER, Light.GREEN)


def router(surroundings: Surroundings) -> APIRouter:
    """Return the pages of events."""
    made = APIRouter(include_in_schema=False)

    @made.get("/pages/events")
    def events(request: Request, caller: Reader) -> HTMLResponse:
        """Show every event of the next days, and what stands in its way."""
        frame = frame_of(surroundings, request, caller, section="events")
        try:
            return _listed(surroundings, frame)
        except SpringtideError as error:
            return _told(frame, error, "Events")

    @made.get("/pages/events/{event}")
    def one(request: Request, caller: Reader, event: str) -> HTMLResponse:
        """Show one event: its card while it is ahead or goes on, what it came to when it is over."""
        frame = frame_of(surroundings, request, caller, section="events")
        try:
            return _shown(surroundings, frame, event)
        except SpringtideError as error:
            return _told(frame, error, "Event")

    return made


def _listed(surroundings: Surroundings, frame: Frame) -> HTMLResponse:
    overview = events_overview(seen_events(surroundings), days=DAYS, over=OVER)
    coming = [row for row in overview.rows if row.end > frame.now]
    over = [row for row in overview.rows if row.end <= frame.now]
    freezes = [freeze for freeze in overview.freezes if freeze.end > frame.now]
    return frame.page(
        "events.html",
        overview=overview,
        coming=coming,
        over=over[::-1],
        freezes=freezes,
        headline=list_headline(overview.rows, frame.now, days=DAYS),
        timeline=timeline(coming, freezes, frame.now, days=DAYS),
        services=_services(surroundings),
    )


def _shown(surroundings: Surroundings, frame: Frame, name: str) -> HTMLResponse:
    try:
        card = readiness_of(seen_events(surroundings, with_cluster=True), name)
    except InputError as error:
        if error.code != _NOT_AHEAD:
            raise
        return _over(surroundings, frame, name)
    approvals, problem = _approvals(surroundings, card.event)
    return frame.page("event.html", **card_values(card), approvals=approvals, told=problem, services=card.event.asks)


def card_values(card: Readiness) -> dict[str, Any]:
    """Return what the page of one event shows of its card."""
    margin = None if card.margin_seconds is None else timedelta(seconds=card.margin_seconds)
    return {
        "card": card,
        "checks": sorted(card.checks, key=lambda check: _WORST_FIRST.index(check.light)),
        "headline": headline(card),
        "margin": margin,
        "lead": timedelta(seconds=card.event.lead_seconds),
    }


def _over(surroundings: Surroundings, frame: Frame, name: str) -> HTMLResponse:
    after = aftermath_of(seen_events(surroundings, with_cluster=True), name)
    return frame.page("event_over.html", after=after, headline=aftermath_headline(after))


def _approvals(surroundings: Surroundings, row: EventRow) -> tuple[Sequence[ApprovalAhead], list[str]]:
    """Return what was approved ahead for the event, newest first; and why that is not known."""
    try:
        with surroundings.open_store() as store:
            kept = store.approvals_ahead(list(row.asks))
    except SpringtideError as error:
        return (), [f"What was approved ahead is not known: {error.message}"]
    return tuple(each for each in kept if each.event == row.id), []


def _services(surroundings: Surroundings) -> list[str]:
    return list(surroundings.policies().names())


def _told(frame: Frame, error: SpringtideError, title: str) -> HTMLResponse:
    """Return a page that says what is wrong, in the frame of all others."""
    status = status_of(error)
    return frame.page("event_told.html", status=status, title=title, error=error, phrase=HTTPStatus(status).phrase)
