"""When nothing is scaled, and what is scaled all the same."""

from typing import Annotated

from pydantic import Field

from springtide.policy.calendar.windows import EventWindow, FeedPart
from springtide.policy.language.moments import Moment
from springtide.policy.language.parts import Part
from springtide.policy.language.units import MOST_SERVICES, Line, Name


class FreezeSource(Part):
    """What every freeze says: its name, why, and whose."""

    name: Name
    """What an override calls it. Required, once in a calendar."""

    reason: Line
    """Why; told in every refusal. Required."""

    services: Annotated[tuple[Name, ...], Field(strict=False, max_length=MOST_SERVICES)] = ()
    """Whose. Default every service."""


class FreezeSpec(FreezeSource, EventWindow):
    """When nothing is scaled: by no sweep, no event and, without an override of its own, by nobody who starts a run."""


class FreezeImportSpec(FeedPart, FreezeSource):
    """Freezes of an iCalendar file: each of its events is a time in which nothing is scaled."""


class OverrideSpec(Part):
    """Somebody's word that events may be prepared in a freeze all the same, until it expires."""

    name: Name
    """What it is called. Required, once in a calendar."""

    freeze: Name
    """Which freeze it lifts. Required."""

    events: Annotated[tuple[Name, ...], Field(strict=False, min_length=1, max_length=200)]
    """For which events. Required: an override for everything would be no freeze."""

    owner: Line
    """Who answers for it. Required."""

    reason: Line
    """Why. Required."""

    expires: Moment
    """Until when it counts. Required."""
