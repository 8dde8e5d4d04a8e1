"""The folders of policies and calendars, in the places that all of Airflow's processes know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from springtide.errors import SpringtideError
from springtide.policy.reading.folder import PolicyFolder
from springtide_airflow.settings import airflow_settings, store_url

if TYPE_CHECKING:
    from springtide.fleet.calendars import CalendarFolder
    from springtide.policy.scaling.model import ScalingPolicy


def policy_folder() -> PolicyFolder:
    """Return the folder of policies."""
    settings = airflow_settings()
    return PolicyFolder(settings.policies, settings.calendars, settings.mode)


def policy_or_none(name: str) -> ScalingPolicy | None:
    """Return the policy `name`; None where it cannot be read, which its own runs tell."""
    try:
        return policy_folder().get(name)
    except SpringtideError:
        return None


def known_events() -> tuple[str, ...]:
    """Return the names of the events that the calendars hold, for a form: fewer where a calendar cannot be read."""
    from springtide.policy.calendar.files import event_names

    return event_names(airflow_settings().calendars)


def calendar_folder() -> CalendarFolder:
    """Return the folder of calendars and its memory, with the policies and the store that leads are learned from."""
    from springtide.fleet.calendars import CalendarFolder
    from springtide.record.sql import open_store

    settings = airflow_settings()
    return CalendarFolder(
        folder=settings.calendars,
        memory_file=settings.known_events,
        policies=policy_folder(),
        open_store=lambda: open_store(store_url()),  # the one that runs are kept in, also in the DAG processor
        may_be_absent=not settings.calendars_named,
    )
