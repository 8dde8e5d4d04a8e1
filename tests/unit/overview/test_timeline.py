"""Where everything stands on the timeline of events: by shares of its width, whatever the screen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.overview.events import EventOrigin, EventRow, EventState, FreezeRow, Light
from springtide.overview.timeline import (
    GAP,
    HEADER,
    LABEL,
    NARROWEST,
    ROW,
    TITLE,
    EventBlock,
    timeline,
)

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
"""A Friday at noon: half a day from the left edge."""

MIDNIGHT = NOW.replace(hour=0)
DAY = 100 / 14


def a_row(start: datetime = NOW + timedelta(days=1), hours: float = 24, **values: Any) -> EventRow:
    row = EventRow(
        id=f"sales.launch.{start:%Y%m%dT%H%M%SZ}",
        event="launch",
        calendar="sales",
        origin=EventOrigin.CALENDAR,
        state=EventState.AHEAD,
        prepared_at=start - timedelta(hours=6),
        start=start,
        end=start + timedelta(hours=hours),
        lead_seconds=6 * 3600,
        lead_reason="of the calendar",
        priority=50,
        asks={"checkout": "3x"},
    )
    return replace(row, **values)


def only_block(row: EventRow) -> EventBlock:
    (lane,) = timeline([row], [], NOW).lanes
    (block,) = lane.blocks
    return block


def test_fourteen_days_begin_with_today_and_the_line_of_now_is_within_it() -> None:
    drawn = timeline([], [], NOW)

    assert [day.label for day in drawn.days][:5] == ["Fri 27 Nov", "Sat 28", "Sun 29", "Mon 30", "Tue 1 Dec"]
    assert [day.is_weekend for day in drawn.days][:4] == [False, True, True, False]
    assert drawn.now_x == pytest.approx(DAY / 2)
    assert (drawn.begin, drawn.end) == (MIDNIGHT, MIDNIGHT + timedelta(days=14))
    assert drawn.height == HEADER


def test_an_event_stands_where_its_time_is_and_its_lead_before_it() -> None:
    block = only_block(a_row(MIDNIGHT + timedelta(days=7)))

    assert block.x == pytest.approx(50)
    assert block.width == pytest.approx(DAY)
    assert block.lead_x == pytest.approx(50 - DAY / 4)
    assert block.lead_x + block.lead_width == pytest.approx(block.x)


def test_an_event_of_minutes_can_still_be_seen_and_pressed() -> None:
    assert only_block(a_row(hours=0.1)).width == NARROWEST


def test_what_has_begun_is_cut_at_the_left_and_what_goes_on_longer_at_the_right() -> None:
    begun = only_block(a_row(MIDNIGHT - timedelta(hours=3), hours=27))
    long = only_block(a_row(MIDNIGHT + timedelta(days=13), hours=90))

    assert (begun.x, begun.opens_before, begun.lead_width) == (0, True, 0)
    assert begun.width == pytest.approx(DAY)
    assert long.x + long.width == pytest.approx(100)
    assert long.ends_after


def test_what_is_over_or_later_than_the_drawing_has_no_lane() -> None:
    over = a_row(MIDNIGHT - timedelta(days=2))
    later = a_row(MIDNIGHT + timedelta(days=20))

    assert timeline([over, later], [], NOW).lanes == ()


def test_an_event_that_is_prepared_within_the_drawing_is_shown_by_its_lead() -> None:
    drawn = timeline([a_row(MIDNIGHT + timedelta(days=14, hours=1))], [], NOW)

    (block,) = drawn.lanes[0].blocks
    assert block.lead_width > 0
    assert block.x + block.width <= 100


def test_events_that_overlap_in_one_service_stand_below_each_other() -> None:
    first = a_row(MIDNIGHT + timedelta(days=2), hours=48)
    second = a_row(MIDNIGHT + timedelta(days=3))
    third = a_row(MIDNIGHT + timedelta(days=5))

    (lane,) = timeline([third, second, first], [], NOW).lanes

    assert [block.y for block in lane.blocks] == [TITLE, TITLE + ROW, TITLE]
    assert lane.height == TITLE + 2 * ROW


def test_each_service_has_a_lane_below_the_one_before_those_with_something_red_first() -> None:
    rows = [
        a_row(asks={"checkout": "3x", "search": "80"}),
        a_row(NOW + timedelta(days=4), asks={"web": "2x"}, light=Light.RED),
    ]

    lanes = timeline(rows, [], NOW).lanes

    assert [lane.service for lane in lanes] == ["web", "checkout", "search"]
    assert [lane.y for lane in lanes] == [HEADER + number * (TITLE + ROW + GAP) for number in range(3)]
    assert [lane.light for lane in lanes] == [Light.RED, Light.UNKNOWN, Light.UNKNOWN]


def test_services_beyond_the_most_lanes_are_told() -> None:
    rows = [a_row(asks={f"svc-{number:02}": "2x" for number in range(12)})]

    drawn = timeline(rows, [], NOW, most=10)

    assert len(drawn.lanes) == 10
    assert drawn.left_out == ("svc-10", "svc-11")


def test_a_freeze_lies_over_the_services_that_stand_still() -> None:
    span: dict[str, Any] = {"start": MIDNIGHT + timedelta(days=1), "end": MIDNIGHT + timedelta(days=2)}
    every = FreezeRow(name="audit", calendar="sales", reason="audit", **span)
    one = FreezeRow(name="move", calendar="sales", reason="the database moves", services=("web",), **span)
    over = replace(every, start=NOW - timedelta(days=9), end=NOW - timedelta(days=8))

    lanes = timeline([a_row(asks={"checkout": "3x", "web": "2x"})], [every, one, over], NOW).lanes

    assert [[band.freeze.name for band in lane.bands] for lane in lanes] == [["audit"], ["audit", "move"]]
    assert lanes[0].bands[0].x == pytest.approx(DAY)


def test_a_label_stands_within_a_long_event_beside_a_short_one_and_nowhere_without_room() -> None:
    long = only_block(a_row(MIDNIGHT + timedelta(days=2), hours=72))
    short = only_block(a_row(MIDNIGHT + timedelta(days=2), hours=1))
    last = only_block(a_row(MIDNIGHT + timedelta(days=13, hours=20), hours=2))
    row = a_row(MIDNIGHT + timedelta(days=2), hours=1)
    crowded = timeline([row, a_row(MIDNIGHT + timedelta(days=3), hours=1)], [], NOW).lanes[0].blocks

    assert (long.label_x, long.label_width) == (long.x, long.width)
    assert short.label_x == short.x + short.width
    assert short.label_width == 2 * LABEL
    assert last.label_width == 0
    assert crowded[0].label_width == 0
    assert crowded[1].label_width > 0


@given(
    starts=st.lists(st.integers(-72, 24 * 20), min_size=1, max_size=20),
    hours=st.floats(0.02, 24 * 30),
    lead=st.floats(0, 24 * 9),
)
def test_no_box_leaves_the_drawing_and_none_covers_another(starts: list[int], hours: float, lead: float) -> None:
    rows = []
    for number, at in enumerate(starts):
        start = MIDNIGHT + timedelta(hours=at)
        rows.append(a_row(start, hours=hours, id=str(number), prepared_at=start - timedelta(hours=lead)))

    for lane in timeline(rows, [], NOW).lanes:
        for block in lane.blocks:
            assert block.lead_x >= 0
            assert block.width >= NARROWEST
            assert block.x + block.width <= 100 + 1e-9
            assert TITLE <= block.y <= lane.height - ROW
        for one in lane.blocks:
            for other in lane.blocks:
                if one is not other and one.y == other.y:
                    assert one.x + one.width <= other.lead_x + 1e-9 or other.x + other.width <= one.lead_x + 1e-9
