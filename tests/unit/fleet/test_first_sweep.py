"""The first sweep after the sweeps were turned on only plans, and says so; the next one acts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from springtide.errors import InputError
from springtide.fleet.due import Due, due_sweep
from springtide.fleet.first_sweep import FirstSweep, last_sweep, parse_missed
from support.builders import NOW
from unit.fleet.test_paused_services import WantedFleet

QUARTER = timedelta(minutes=15)


def next_due(after: datetime) -> datetime | None:
    """Return the next quarter of an hour."""
    past = timedelta(minutes=after.minute % 15, seconds=after.second, microseconds=after.microsecond)
    return after - past + QUARTER


FIRST = FirstSweep(4, next_due)


@pytest.mark.parametrize(
    ("last", "is_first"),
    [
        (None, True),
        (NOW - timedelta(minutes=10), False),
        (NOW - timedelta(minutes=60), False),
        (NOW - timedelta(minutes=70), True),  # four did not come, and this is the fifth
        (NOW - timedelta(days=9), True),
    ],
)
def test_it_is_the_first_where_so_many_did_not_come(last: datetime | None, is_first: bool) -> None:  # noqa: FBT001 - a table
    assert bool(FIRST.why_only_planned(last, NOW)) is is_first


def test_a_schedule_that_names_no_time_any_more_makes_none() -> None:
    assert FirstSweep(1, lambda _after: None).why_only_planned(NOW - timedelta(days=9), NOW) == ""


def test_it_only_plans_and_the_next_one_acts() -> None:
    fleet = WantedFleet({"web": (), "db": ()})

    def due() -> Due:
        return due_sweep(fleet.fleet_ports(), first=FIRST)

    first = fleet.conduct(due(), "first")
    assert fleet.replicas() == {"web": 2, "db": 2}
    assert first.planned_only == {"web": 4, "db": 4}
    assert first.services["web"] == (
        "planned only: 2 → 4: first sweep after it was turned on: only planned; the next one acts: "
        "its policy asks for 4"
    )

    fleet.later()
    second = fleet.conduct(due(), "second")
    assert (fleet.replicas(), second.planned_only) == ({"web": 4, "db": 4}, {})


def test_turned_off_for_a_day_the_one_after_it_only_plans_again() -> None:
    fleet = WantedFleet({"web": ()})
    fleet.sweep()
    ended = last_sweep(fleet.store.totals())
    fleet.later(24 * 3600)

    why = due_sweep(fleet.fleet_ports(), first=FIRST).only_plans

    assert ended is not None
    assert why.startswith(f"first sweep after {ended:%Y-%m-%d %H:%M} UTC, with 4 or more missed: only planned")


def test_without_the_setting_every_sweep_acts() -> None:
    fleet = WantedFleet({"web": ()})

    assert due_sweep(fleet.fleet_ports()).only_plans == ""
    assert parse_missed("never", "SPRINGTIDE_SWEEP_PLANS_AFTER") is None


def test_one_over_the_past_is_none() -> None:
    fleet = WantedFleet({"web": ()})

    assert due_sweep(fleet.fleet_ports(), is_simulated=True, first=FIRST).only_plans == ""


def test_it_comes_back_as_it_was_stored() -> None:
    due = due_sweep(WantedFleet({"web": ()}).fleet_ports(), first=FIRST)

    assert Due.from_record(due.to_record()) == due


@pytest.mark.parametrize("text", ["0", "1001", "-1", "4h", "", "always"])
def test_what_is_no_number_of_sweeps_is_refused(text: str) -> None:
    with pytest.raises(InputError) as error:
        parse_missed(text, "SPRINGTIDE_SWEEP_PLANS_AFTER")

    assert error.value.code == "sweeps_invalid"
