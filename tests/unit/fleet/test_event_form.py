"""What a form's fields ask for: the same as a program asks for in one value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from springtide.errors import InputError
from springtide.events.ad_hoc import ad_hoc_event
from springtide.events.written_asks import written_asks
from springtide.fleet.deadline import deadline_of
from springtide.fleet.event_form import event_of_form

FILLED: dict[str, Any] = {
    "name": "flash",
    "start": "2026-11-27T18:00:00+00:00",
    "end": "2026-11-27T20:00:00+00:00",
    "services": ["checkout=3.2x", "", " search=80 "],
    "priority": 50,
    "reason": "",
}
EMPTY: dict[str, Any] = dict.fromkeys(("name", "start", "end", "services")) | {"priority": 50, "reason": ""}


def test_the_fields_make_an_event() -> None:
    added = ad_hoc_event(event_of_form(FILLED, asked_by="ann"))

    assert added.occurrence.id == "ad-hoc.flash.20261127T180000Z"
    assert {name: str(ask) for name, ask in added.occurrence.asks.items()} == {"checkout": "3.2x", "search": "80"}
    assert added.owner == "ann"


@pytest.mark.parametrize("conf", [{}, EMPTY, {"event": {}}, {"event": None}])
def test_empty_fields_ask_for_what_the_calendars_hold(conf: dict[str, Any]) -> None:
    assert event_of_form(conf, asked_by="ann") is None


def test_what_a_program_asks_for_in_one_value_stays(sale: dict[str, Any]) -> None:
    assert event_of_form({"event": sale} | EMPTY, asked_by="ann") == sale


def test_half_a_form_is_refused_by_the_rules_of_events() -> None:
    with pytest.raises(InputError) as refused:
        ad_hoc_event(event_of_form(EMPTY | {"name": "flash"}, asked_by="ann"))
    assert "start" in refused.value.message


def test_the_deadline_of_a_form_is_its_start() -> None:
    assert deadline_of(FILLED, interval_end=None) == datetime(2026, 11, 27, 18, tzinfo=UTC)
    assert deadline_of(EMPTY, interval_end=datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["checkout"], "gives no number; write checkout=80 or checkout=3.2x"),
        (["chekout=3"], "there is no policy 'chekout'; there are: checkout"),
        (["checkout=3", "checkout=4"], "'checkout' is named twice"),
    ],
)
def test_a_line_that_says_nothing_is_refused_in_words(lines: list[str], says: str) -> None:
    with pytest.raises(InputError) as refused:
        written_asks(lines, ["checkout"])
    assert says in refused.value.message


@pytest.fixture
def sale() -> dict[str, Any]:
    return {"name": "sale", "start": "2026-11-27T18:00Z", "end": "2026-11-27T20:00Z", "services": {}}
