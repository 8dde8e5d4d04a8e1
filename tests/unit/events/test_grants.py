"""What each service gets: overlaps are the maximum, the cap goes by priority, every cut has its reason."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from springtide.events.grants import ReplicaBounds, grants
from springtide.events.occurrences import Occurrence
from unit.events.calendars import occurrence

ANY = ReplicaBounds(1, 1000)
BOUNDS = dict.fromkeys(("web", "search", "db"), ANY)


def replicas(*going_on: Occurrence, cap: int | None = None, expected: int = 10) -> dict[str, int]:
    granted = grants(going_on, dict.fromkeys(BOUNDS, expected), BOUNDS, cap=cap)
    return {name: grant.replicas for name, grant in granted.items()}


def test_overlapping_events_are_the_maximum_and_no_sum() -> None:
    flash = occurrence("flash", "2026-11-11T10:00", web="2x")
    day = occurrence("day", "2026-11-11T00:00", 24, web=15)

    assert replicas(flash, day) == {"web": 20}


def test_a_multiple_is_rounded_up_and_exact_where_it_can_be() -> None:
    assert replicas(occurrence("flash", "2026-11-11T10:00", web="3.2x")) == {"web": 32}
    assert replicas(occurrence("flash", "2026-11-11T10:00", web="1.01x")) == {"web": 11}


def test_without_a_policy_there_is_nothing() -> None:
    assert replicas(occurrence("flash", "2026-11-11T10:00", unknown=5)) == {}


def test_a_policys_bounds_hold_and_say_so() -> None:
    granted = grants([occurrence("flash", "2026-11-11T10:00", web=80)], {}, {"web": ReplicaBounds(2, 40)})["web"]

    assert granted.replicas == 40
    assert [(clamp.guard, clamp.was, clamp.replicas) for clamp in granted.clamps] == [("replicas.max", 80, 40)]


def test_two_events_in_conflict_with_the_cap_go_by_priority() -> None:
    low = occurrence("low", "2026-11-11T00:00", web=60, search=30, priority=10)
    high = occurrence("high", "2026-11-11T10:00", db=80, priority=90)

    granted = grants([low, high], {}, BOUNDS, cap=140)

    assert {name: grant.replicas for name, grant in granted.items()} == {"db": 80, "web": 40, "search": 20}
    assert granted["web"].clamps[0].reason == "60 of the cap of 140 pods are left, 90 are asked for"


def test_what_a_higher_event_holds_already_costs_a_lower_one_nothing() -> None:
    low = occurrence("low", "2026-11-11T00:00", web=60, priority=10)
    high = occurrence("high", "2026-11-11T10:00", web=50)

    assert replicas(low, high, cap=60) == {"web": 60}
    assert replicas(low, high, cap=55) == {"web": 55}
    assert replicas(low, high, cap=50) == {"web": 50}


ASKS = st.dictionaries(st.sampled_from(sorted(BOUNDS)), st.integers(1, 200), min_size=1)
EVENTS = st.lists(st.tuples(ASKS, st.integers(0, 100)), max_size=6).map(
    lambda drawn: [
        occurrence(f"e{at}", "2026-11-11T00:00", priority=priority, **asks) for at, (asks, priority) in enumerate(drawn)
    ]
)


@given(EVENTS, st.integers(0, 300))
def test_the_cap_holds_and_nobody_gets_more_than_was_asked(events: list[Occurrence], cap: int) -> None:
    granted = grants(events, {}, BOUNDS, cap=cap)

    assert sum(grant.replicas for grant in granted.values()) <= cap
    for name, grant in granted.items():
        assert grant.replicas <= max(event.asks[name].replicas or 0 for event in events if name in event.asks)
        assert grant.replicas == grants(events, {}, BOUNDS)[name].replicas or grant.clamps


@given(EVENTS)
def test_without_a_cap_everybody_gets_the_most_that_was_asked(events: list[Occurrence]) -> None:
    most: Counter[str] = Counter()
    for event in events:
        for name, ask in event.asks.items():
            most[name] = max(most[name], ask.replicas or 0)

    assert {name: grant.replicas for name, grant in grants(events, {}, BOUNDS).items()} == dict(most)


@given(EVENTS, st.integers(0, 300))
def test_the_order_of_the_calendar_does_not_matter(events: list[Occurrence], cap: int) -> None:
    assert grants(events, {}, BOUNDS, cap=cap) == grants(events[::-1], {}, BOUNDS, cap=cap)
