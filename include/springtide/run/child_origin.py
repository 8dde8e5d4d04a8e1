"""Who asked for a run that no person did: the sweep, preparation or rehearsal that started it, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from springtide.run.request_parameters import LONGEST_REASON

_CONDUCTORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "adjust_capacity": "the sweep",
        "prepare_events": "the preparation",
        "rehearse_event": "the rehearsal",
    }
)


def child_asker(run_id: str, event: object) -> str:
    """Return who asked for the run of a conductor: which one, by the run's name, and for which event.

    `event` is the id of the occurrence as the run's conf has it: anything that is none is left out.
    """
    asker = next((words for dag_id, words in _CONDUCTORS.items() if f"__{dag_id}__" in run_id), "another DAG")
    title = _title(event)
    return f"{asker}, for event {title}" if title else asker


def child_trigger(run_id: str, event: object) -> str:
    """Return what started the run of a conductor: an event, the sweep's schedule, or somebody's rehearsal."""
    if _title(event):
        return "event"
    return "schedule" if "__adjust_capacity__" in run_id else "manual"


def _title(event: object) -> str:
    """Return calendar and name of an occurrence, `sales.flash`, without the time of its start."""
    if not isinstance(event, str) or len(event) > LONGEST_REASON or not event.isprintable():
        return ""
    return event.rpartition(".")[0] or event
