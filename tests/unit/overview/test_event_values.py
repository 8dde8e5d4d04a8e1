"""Lights of several checks together, and event values as they are stored."""

from __future__ import annotations

import pytest

from springtide.overview.events import Aftermath, Light, Readiness, light_of
from support.event_views import aftermath, event_check, readiness

GREEN = Light.GREEN
AMBER = Light.AMBER
RED = Light.RED
UNKNOWN = Light.UNKNOWN


@pytest.mark.parametrize(
    ("lights", "together"),
    [
        ((GREEN, GREEN), GREEN),
        ((GREEN, AMBER), AMBER),
        ((GREEN, UNKNOWN), AMBER),
        ((AMBER, UNKNOWN), AMBER),
        ((UNKNOWN, RED, GREEN), RED),
        ((UNKNOWN, UNKNOWN), UNKNOWN),
        ((), UNKNOWN),
    ],
)
def test_unknown_is_never_green(lights: tuple[Light, ...], together: Light) -> None:
    assert light_of(lights) is together


def test_a_card_comes_back_as_it_was_stored() -> None:
    card = readiness(event_check("quota", UNKNOWN), event_check("cap", RED))

    assert Readiness.from_record(card.to_record()) == card
    assert [check.name for check in card.not_green] == ["cap", "quota"]


def test_what_an_event_came_to_comes_back_as_it_was_stored() -> None:
    assert Aftermath.from_record(aftermath().to_record()) == aftermath()
