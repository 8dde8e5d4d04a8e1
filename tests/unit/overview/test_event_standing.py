"""An event in its lead and while it goes on: the list, its headline and the card judge it by one rule."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import pytest

from springtide.capacity.event_shape import EventShape
from springtide.events.notes import EventNote
from springtide.overview.event_views import aftermath_of, events_overview
from springtide.overview.event_words import list_headline
from springtide.overview.events import Check, EventState, Light
from springtide.record.pauses import Pause
from support.builders import NOW
from support.event_scene import START, EventScene, sale, sales
from support.fleet import Fleet

AHEAD: Final = timedelta(hours=-30)
IN_ITS_LEAD: Final = timedelta(minutes=-30)
SECONDS_BEFORE: Final = timedelta(seconds=-30)
GOES_ON: Final = timedelta(hours=1)
RUNNING: Final = 2
"""What the fleet's service has, and what its last run went to."""


@dataclass(frozen=True)
class Case:
    """One event: how far from its start, whether a note of its preparation is there, and what it asks for."""

    name: str
    at: timedelta
    is_noted: bool
    asks: int
    state: EventState
    row: Light
    seen: Light | None
    unseen: Light | None

    def scene(self, *, with_cluster: bool) -> EventScene:
        fleet = Fleet({"web": ()})
        scene = EventScene(
            policies=dict(fleet.policies),
            store=fleet.store,
            now=START + self.at,
            ports_of=(lambda _policy: nullcontext(fleet.ports())) if with_cluster else None,
            calendars=(sales(sale(services={"web": {"replicas": self.asks}})),),
        )
        scene.took("web", 58, replicas=RUNNING)
        if self.is_noted:
            noted(scene)
        return scene


def noted(scene: EventScene, shape: EventShape | None = None) -> None:
    """Have a note of the preparation, which began when one replica was expected."""
    (event,) = scene.around.known.calendars.occurrences
    note = EventNote(service="web", occurrence=event, expected=1, before=None, owner="ada", reason="", shape=shape)
    scene.store.keep_notes([note], now=scene.now)


HELD: Final = RUNNING
MORE: Final = 12
GREEN: Final = Light.GREEN
RED: Final = Light.RED
UNKNOWN: Final = Light.UNKNOWN
CASES: Final = (
    Case("ahead", AHEAD, False, MORE, EventState.AHEAD, UNKNOWN, GREEN, GREEN),
    Case("in its lead, and nobody has begun", IN_ITS_LEAD, False, MORE, EventState.DUE, UNKNOWN, GREEN, GREEN),
    Case("in its lead, too late to begin", SECONDS_BEFORE, False, MORE, EventState.DUE, RED, RED, RED),
    Case("preparing", IN_ITS_LEAD, True, MORE, EventState.PREPARING, UNKNOWN, GREEN, UNKNOWN),
    Case("preparing, and too late", SECONDS_BEFORE, True, MORE, EventState.PREPARING, UNKNOWN, RED, UNKNOWN),
    Case("prepared", SECONDS_BEFORE, True, HELD, EventState.PREPARED, UNKNOWN, GREEN, None),
    Case("going on and held", GOES_ON, True, HELD, EventState.GOING_ON, UNKNOWN, GREEN, None),
    Case("going on, held, and nobody noted it", GOES_ON, False, HELD, EventState.GOING_ON, UNKNOWN, GREEN, None),
    Case("going on and not held", GOES_ON, True, MORE, EventState.GOING_ON, UNKNOWN, RED, UNKNOWN),
    Case("going on, and never prepared", GOES_ON, False, MORE, EventState.GOING_ON, UNKNOWN, RED, UNKNOWN),
)


def judged(checks: tuple[Check, ...]) -> Light | None:
    """Return the light of the one check of whether it comes in time or stands; None where there is none."""
    found = [check.light for check in checks if check.name in {"time", "standing"}]
    return max(found, key=(GREEN, UNKNOWN, RED).index, default=None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_list_is_red_only_where_it_is_known_and_counts_in_its_headline_what_is_red(case: Case) -> None:
    scene = case.scene(with_cluster=True)
    (row,) = events_overview(scene.around).rows

    headline = list_headline([row], scene.now, days=14)

    assert (row.state, row.light) == (case.state, case.row)
    assert ("cannot be met" in headline) == (case.row is RED)
    assert (not row.obstacles) == (case.row is not RED and case.unseen is not UNKNOWN)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_card_is_red_by_what_is_seen_and_unknown_by_what_is_not(case: Case) -> None:
    assert judged(case.scene(with_cluster=True).card().checks) is case.seen
    assert judged(case.scene(with_cluster=False).card().checks) is case.unseen


def test_what_is_not_known_says_both_numbers_and_why() -> None:
    (row,) = events_overview(CASES[-1].scene(with_cluster=False).around).rows

    (words,) = row.obstacles
    assert "whether it stands is not known: web is to have 12, its last run went to 2" in words
    assert "no cluster was asked" in words


def test_what_goes_on_and_is_short_says_both_numbers_and_has_no_margin() -> None:
    card = CASES[-1].scene(with_cluster=True).card()

    (check,) = [each for each in card.checks if each.name == "standing"]
    assert "web has 2 of 12" in check.sentence
    assert card.margin_seconds is None


def test_fewer_pods_by_a_learned_shape_are_not_taken_for_a_shortfall() -> None:
    scene = replace(CASES[-1], is_noted=False).scene(with_cluster=True)
    noted(scene, EventShape(shares=(1.0, 0.2), least=(0.5, 0.5), events=2))

    assert judged(scene.card().checks) is UNKNOWN


def test_a_pause_is_in_the_way_of_what_is_not_held_yet_alone() -> None:
    lights = []
    for asks in (HELD, MORE):
        scene = replace(CASES[5], asks=asks).scene(with_cluster=True)
        scene.store.pause(Pause(service="web", at=NOW, by="ann", reason="no", until=None))
        lights.append([check.light for check in scene.card().checks if check.name == "pause"])

    assert lights == [[], [RED]]


def test_what_is_over_is_no_longer_judged() -> None:
    scene = replace(CASES[0], at=timedelta(hours=3)).scene(with_cluster=False)

    assert events_overview(scene.around).rows == ()
    (row,) = events_overview(scene.around, over=timedelta(days=1)).rows
    assert (row.light, row.obstacles) == (UNKNOWN, ())
    assert aftermath_of(scene.around, "sale").event.state is EventState.OVER
