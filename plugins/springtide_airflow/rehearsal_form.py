"""The form of a rehearsal in Airflow's pages; its values are judged again inside the task."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from springtide.fleet.rehearsal_bounds import LONGEST_REASON, MINUTES, MOST_RATE, SECONDS


def rehearsal_params() -> dict[str, Param]:
    """Return the form's fields."""

    def whole(value: int, bounds: tuple[int, int], title: str, description: str) -> Param:
        least, most = bounds
        kind: dict[str, Any] = {"type": "integer", "minimum": least, "maximum": most}
        return Param(value, title=title, description=description, **kind)

    return {
        "event": Param(
            None,
            type=["string", "null"],
            title="Event",
            description="An event of the calendars: its name, CALENDAR.EVENT, or the id of one occurrence.",
        ),
        "services": Param(
            None,
            type=["object", "null"],
            title="Services",
            description='Without an event, what is asked of which: {"checkout": {"multiply": "3x"}}.',
        ),
        "minutes": whole(60, MINUTES, "Minutes", "When its grants expire: from then on what is left is given back."),
        "load_test": Param(
            True,
            type="boolean",
            title="Load test",
            description="Send load to the services whose policies have a `rehearsal`. Off: scale only.",
        ),
        "max_rate": Param(
            100,
            type="number",
            exclusiveMinimum=0,
            maximum=MOST_RATE,
            title="Requests a second",
            description="The most that is sent to one service; its policy may allow less.",
        ),
        "seconds": whole(60, SECONDS, "Seconds of load", "The longest that it is sent; the policy may allow less."),
        "confirm": Param(
            False,
            type="boolean",
            title="I know that this scales these services now, and loads them",
            description="Without it nothing is done.",
        ),
        "reason": Param(
            "a rehearsal", type="string", maxLength=LONGEST_REASON, title="Reason", description="Kept with every run."
        ),
    }
