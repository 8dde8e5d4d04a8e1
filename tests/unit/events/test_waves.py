"""Order, pace and what is held back: checked over whole preparations in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.events.almanac import Pace
from springtide.events.waves import Order, RunState, Started, Turn, next_turn, waves
from unit.events.calendars import utc

START = utc("2026-11-10T23:00")
FAST = Pace(pods_per_minute=float("inf"), runs=100)


def order(service: str, pods: int = 5, *after: str, current: int = 5) -> Order:
    return Order(service, current, (current + pods,) if pods else (), after)


@dataclass
class Preparation:
    """Runs of `seconds` each, conducted to the end; `failing` ones fail."""

    orders: list[Order]
    pace: Pace
    failing: frozenset[str] = frozenset()
    seconds: float = 30.0
    now: datetime = START
    started: list[Started] = field(default_factory=list)

    def go(self) -> Turn:
        for _ in range(10_000):
            turn = next_turn(self.orders, self.started, self.pace, now=self.now)
            self.started += [Started(service, step, self.now) for service, step in turn.starts]
            if turn.is_over:
                return turn
            self.now += timedelta(seconds=1)
            self.started = [self._later(one) for one in self.started]
        raise AssertionError("it does not end")

    def _later(self, one: Started) -> Started:
        if one.state is not RunState.GOING or self.now < one.at + timedelta(seconds=self.seconds):
            return one
        failed = one.service in self.failing
        return replace(
            one, state=RunState.FAILED if failed else RunState.SUCCEEDED, message="no image" if failed else ""
        )


def test_a_service_starts_when_what_it_comes_after_stands() -> None:
    orders = [order("web", 5, "search", "db"), order("search", 5, "db"), order("db"), order("mail")]
    preparation = Preparation(orders, FAST)

    preparation.go()

    assert [one.service for one in preparation.started] == ["db", "mail", "search", "web"]
    assert waves(orders) == (("db", "mail"), ("search",), ("web",))
    assert [(one.at - START).total_seconds() for one in preparation.started] == [0, 0, 30, 60]


def test_what_has_nothing_to_do_holds_nobody_up() -> None:
    turn = next_turn([order("web", 5, "db"), order("db", 0)], [], FAST, now=START)

    assert turn.starts == (("web", 0),)


def test_what_is_not_part_of_the_event_holds_nobody_up() -> None:
    assert next_turn([order("web", 5, "elsewhere")], [], FAST, now=START).starts == (("web", 0),)


def test_a_failure_holds_back_its_dependants_and_nobody_else() -> None:
    orders = [order("db"), order("search", 5, "db"), order("web", 5, "search"), order("mail"), order("news", 5, "mail")]
    preparation = Preparation(orders, FAST, failing=frozenset({"db"}))

    end = preparation.go()

    assert {one.service for one in preparation.started} == {"db", "mail", "news"}
    assert end.failed == {"db": "no image"}
    assert end.held == {
        "search": "held back: it comes after db, which failed: no image",
        "web": "held back: it comes after search, which is held back: it comes after db, which failed: no image",
    }


def test_a_large_step_goes_in_several_runs_and_only_the_last_lets_others_start() -> None:
    preparation = Preparation([Order("db", 5, (15, 40)), order("web", 5, "db")], FAST)

    preparation.go()

    assert [(one.service, one.step) for one in preparation.started] == [("db", 0), ("db", 1), ("web", 0)]


def test_a_circle_is_held_back_and_said() -> None:
    turn = next_turn([order("a", 5, "b"), order("b", 5, "a"), order("c")], [], FAST, now=START)

    assert turn.starts == (("c", 0),)
    assert set(turn.held) == {"a", "b"}


def test_the_pace_says_when_it_goes_on() -> None:
    started = [Started("db", 0, START, RunState.SUCCEEDED)]
    pace = Pace(pods_per_minute=10, runs=4)

    turn = next_turn([order("db", 20), order("web", 5)], started, pace, now=START + timedelta(seconds=100))

    assert turn.starts == ()
    assert turn.waiting == {"web": "waits until 23:02:00: 10 pods a minute"}
    assert turn.opens_at == START + timedelta(minutes=2)


def test_an_order_is_kept_as_it_was() -> None:
    for one in (order("web", 5, "db"), order("db", 0)):
        assert Order.from_record(one.to_record()) == one


@st.composite
def fleets(draw: st.DrawFn) -> list[Order]:
    """Services that come after some of those before them."""
    found: list[Order] = []
    for at in range(draw(st.integers(1, 15))):
        after = draw(st.sets(st.sampled_from([one.service for one in found]), max_size=3)) if found else set()
        found.append(order(f"s{at}", draw(st.integers(0, 40)), *sorted(after)))
    return found


@settings(deadline=None)
@given(fleets(), st.integers(5, 200), st.integers(1, 6), st.sets(st.integers(0, 14), max_size=3))
def test_order_pace_and_number_hold_in_every_preparation(
    orders: list[Order], pods_per_minute: int, runs: int, failing: set[int]
) -> None:
    lost = frozenset(f"s{at}" for at in failing)
    preparation = Preparation(orders, Pace(pods_per_minute, runs), lost)

    end = preparation.go()

    by_name = {one.service: one for one in orders}
    ends = {one.service: one.at + timedelta(seconds=30) for one in preparation.started}
    for one in preparation.started:
        assert all(ends[name] <= one.at for name in by_name[one.service].after if by_name[name].steps)
        assert not lost & set(by_name[one.service].after) & set(ends)
        together = [other for other in preparation.started if other.at <= one.at < ends[other.service]]
        assert len(together) <= runs
    largest = max((one.pods(0) for one in orders if one.steps), default=0)
    for one in preparation.started:
        minute = [other for other in preparation.started if one.at <= other.at < one.at + timedelta(minutes=1)]
        assert sum(by_name[other.service].pods(0) for other in minute) <= pods_per_minute + largest
    done = {one.service for one in orders if not one.steps} | set(ends) | set(end.held)
    assert done == set(by_name)  # nobody is forgotten
