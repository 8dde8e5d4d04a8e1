"""What an event multiplies where demand is known, and where nobody knows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from springtide.events.minimum import Minimum
from springtide.events.multiplied import Multiplied, multiplied
from springtide.events.notes import EventNote
from springtide.events.sweep import Inspection
from unit.events.calendars import occurrence

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
AWAY = "Prometheus does not answer."


def found(**changes: object) -> Inspection:
    """Return a service with minimum 3, of which 3 run and nothing is known."""
    settings: dict[str, object] = {"current": 3, "planned": None, "expected": None, "unknown": AWAY, "least": 3}
    return Inspection(service="web", **(settings | changes))  # type: ignore[arg-type]


def autoscaled(running: int) -> Minimum:
    """Return an autoscaler of minimum 3 that runs so many."""
    return Minimum(owner_minimum=3, running=running, looked_at=NOW, expires=timedelta(days=1))


def noted(name: str, ask: int | str, expected: int) -> EventNote:
    """Return the note of another event."""
    event = occurrence(name, "2026-11-27T11:00", web=ask)
    return EventNote(service="web", occurrence=event, expected=expected, before=None, owner="a", reason="")


def test_demand_that_is_known_decides_alone() -> None:
    assert multiplied(found(expected=5, unknown=None, minimum=autoscaled(40))) == Multiplied(5)


@pytest.mark.parametrize(
    ("changes", "replicas", "words"),
    [
        ({"minimum": autoscaled(40)}, 40, "what runs now"),
        ({"current": 40}, 40, "what runs now"),
        ({"current": 20, "usual": 38}, 38, "what is usual at this hour"),
        ({"current": 2, "expected": 12}, 12, "what its plan asks for"),
        ({"current": 0}, 3, "replicas.min"),
    ],
)
def test_demand_that_is_not_known_is_never_the_lowest_number(
    changes: dict[str, object], replicas: int, words: str
) -> None:
    assert multiplied(found(**changes)) == Multiplied(
        replicas, f"its demand is not known (Prometheus does not answer), so {replicas} counts: {words}"
    )


def test_a_policy_that_measures_nothing_multiplies_what_runs_and_nobody_is_alarmed() -> None:
    found_now = found(expected=3, unknown=None, reads_demand=False, minimum=autoscaled(40))

    assert multiplied(found_now) == Multiplied(40)


def test_what_runs_for_another_event_is_not_multiplied_again() -> None:
    base = multiplied(found(current=18), [noted("morning", "3x", 6)])

    assert (base.replicas, base.assumed.endswith("what was expected before the other events")) == (6, True)


def test_what_runs_beyond_another_event_is_there_for_demand() -> None:
    assert multiplied(found(current=19), [noted("morning", "3x", 6)]).replicas == 19


def test_a_long_message_of_the_metrics_is_cut() -> None:
    assert len(multiplied(found(unknown="x" * 1000)).assumed) < 300
