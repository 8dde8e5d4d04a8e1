"""Order, pace and what is held back: checked over whole preparations in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.events.calendars import Pace
from springtide.events.waves import ChildRunState, ServicePlan, Started, TurnDecision, decide_turn, waves
from unit.events.calendars import utc

START = utc("2026-11-10T23:00")
FAST = Pace(pods_per_minute=float("inf"), runs=100)


def order(service: str, pods: int = 5, *after: str, current: int = 5) -> ServicePlan:
    return ServicePlan(service=service, current=current, steps=(current + pods,) if pods else (), after=after)


@dataclass
class Preparation:
    """Runs of `seconds` each, conducted to the end; `failing` ones fail."""

    orders: list[ServicePlan]
    pace: Pace
    failing: frozenset[str] = frozenset()
    seconds: float = 30.0
    now: datetime = START
    started: list[Started] = field(default_factory=list)

    def go(self) -> TurnDecision:
        for _ in range(10_000):
            turn = decide_turn(self.orders, self.started, self.pace, now=self.now)
            self.started += [Started(service=service, step=step, at=self.now) for service, step in turn.starts]
            if turn.is_over:
                return turn
            self.now += timedelta(seconds=1)
            self.started = [self._later(run) for run in self.started]
        raise AssertionError("it does not end")

    def _later(self, run: Started) -> Started:
        if run.state is not ChildRunState.GOING or self.now < run.at + timedelta(seconds=self.seconds):
            return run
        failed = run.service in self.failing
        return replace(
            run, state=ChildRunState.FAILED if failed else ChildRunState.SUCCEEDED, message="no image" if failed else ""
        )


def test_a_service_starts_when_what_it_comes_after_stands() -> None:
    orders = [order("web", 5, "search", "db"), order("search", 5, "db"), order("db"), order("mail")]
    preparation = Preparation(orders, FAST)

    preparation.go()

    assert [run.service for run in preparation.started] == ["db", "mail", "search", "web"]
    assert waves(orders) == (("db", "mail"), ("search",), ("web",))
    assert [(run.at - START).total_seconds() for run in preparation.started] == [0, 0, 30, 60]


def test_what_has_nothing_to_do_holds_nobody_up() -> None:
    turn = decide_turn([order("web", 5, "db"), order("db", 0)], [], FAST, now=START)

    assert turn.starts == (("web", 0),)


def test_what_is_not_part_of_the_event_holds_nobody_up() -> None:
    assert decide_turn([order("web", 5, "elsewhere")], [], FAST, now=START).starts == (("web", 0),)


def test_a_failure_holds_back_its_dependants_and_nobody_else() -> None:
    orders = [order("db"), order("search", 5, "db"), order("web", 5, "search"), order("mail"), order("news", 5, "mail")]
    preparation = Preparation(orders, FAST, failing=frozenset({"db"}))

    end = preparation.go()

    assert {run.service for run in preparation.started} == {"db", "mail", "news"}
    assert end.failed == {"db": "no image"}
    assert end.held == {
        "search": "held back: it comes after db, which failed: no image",
        "web": "held back: it comes after search, which is held back: it comes after db, which failed: no image",
    }


def test_a_large_step_goes_in_several_runs_and_only_the_last_lets_others_start() -> None:
    preparation = Preparation([ServicePlan(service="db", current=5, steps=(15, 40)), order("web", 5, "db")], FAST)

    preparation.go()

    assert [(run.service, run.step) for run in preparation.started] == [("db", 0), ("db", 1), ("web", 0)]


def test_a_circle_is_held_back_and_said() -> None:
    turn = decide_turn([order("a", 5, "b"), order("b", 5, "a"), order("c")], [], FAST, now=START)

    assert turn.starts == (("c", 0),)
    assert set(turn.held) == {"a", "b"}


def test_the_pace_says_when_it_goes_on() -> None:
    started = [Started(service="db", step=0, at=START, state=ChildRunState.SUCCEEDED)]
    pace = Pace(pods_per_minute=10, runs=4)

    turn = decide_turn([order("db", 20), order("web", 5)], started, pace, now=START + timedelta(seconds=100))

    assert turn.starts == ()
    assert turn.waiting == {"web": "waits until 23:02:00: 10 pods a minute"}
    assert turn.opens_at == START + timedelta(minutes=2)


def test_an_order_is_kept_as_it_was() -> None:
    for kept in (order("web", 5, "db"), order("db", 0)):
        assert ServicePlan.from_record(kept.to_record()) == kept


@st.composite
def fleets(draw: st.DrawFn) -> list[ServicePlan]:
    """Services that come after some of those before them."""
    orders: list[ServicePlan] = []
    for at in range(draw(st.integers(1, 15))):
        after = draw(st.sets(st.sampled_from([each.service for each in orders]), max_size=3)) if orders else set()
        orders.append(order(f"s{at}", draw(st.integers(0, 40)), *sorted(after)))
    return orders


@settings(deadline=None)
@given(fleets(), st.integers(5, 200), st.integers(1, 6), st.sets(st.integers(0, 14), max_size=3))
def test_order_pace_and_number_hold_in_every_preparation(
    orders: list[ServicePlan], pods_per_minute: int, runs: int, failing: set[int]
) -> None:
    lost = frozenset(f"s{at}" for at in failing)
    preparation = Preparation(orders, Pace(pods_per_minute, runs), lost)

    end = preparation.go()

    by_name = {each.service: each for each in orders}
    ends = {each.service: each.at + timedelta(seconds=30) for each in preparation.started}
    for each in preparation.started:
        assert all(ends[name] <= each.at for name in by_name[each.service].after if by_name[name].steps)
        assert not lost & set(by_name[each.service].after) & set(ends)
        together = [other for other in preparation.started if other.at <= each.at < ends[other.service]]
        assert len(together) <= runs
    largest = max((each.pods(0) for each in orders if each.steps), default=0)
    for each in preparation.started:
        minute = [other for other in preparation.started if each.at <= other.at < each.at + timedelta(minutes=1)]
        assert sum(by_name[other.service].pods(0) for other in minute) <= pods_per_minute + largest
    done = {each.service for each in orders if not each.steps} | set(ends) | set(end.held)
    assert done == set(by_name)  # nobody is forgotten


def turns(pods: list[int], per_minute: int, every: float, count: int) -> list[tuple[float, int]]:
    """Return when so many turns start services of so many pods each, when every run has ended by the next turn."""
    orders = [order(f"s{at:03d}", many) for at, many in enumerate(pods)]
    pace = Pace(per_minute, len(pods))
    started = list[Started]()
    for number in range(count):
        now = START + timedelta(seconds=number * every)
        turn = decide_turn(orders, started, pace, now=now, until_next=timedelta(seconds=every))
        started += [
            Started(service=service, step=step, at=now, state=ChildRunState.SUCCEEDED) for service, step in turn.starts
        ]
    by_name = {each.service: each.pods(0) for each in orders}
    return [((each.at - START).total_seconds(), by_name[each.service]) for each in started]


class TestCreditUntilTheNextTurn:
    def test_a_turn_starts_what_the_pace_lets_start_before_the_next(self) -> None:
        starts = turns([1] * 100, 100, 5.0, 12)

        assert len(starts) == 100  # in a minute, as the pace says; a start a turn would be 12
        assert [sum(pods for at, pods in starts if at == second) for second in (0, 5, 10)] == [9, 8, 8]

    def test_what_opens_with_the_next_turn_is_left_to_it(self) -> None:
        assert [at for at, _ in turns([5] * 3, 60, 5.0, 3)] == [0.0, 5.0, 10.0]

    def test_a_large_start_is_paid_for_before_the_next(self) -> None:
        assert [at for at, _ in turns([30] * 3, 60, 5.0, 13)] == [0.0, 30.0, 60.0]

    def test_nobody_waits_longer_than_without_it(self) -> None:
        started = [Started(service="db", step=0, at=START, state=ChildRunState.SUCCEEDED)]
        pace = Pace(pods_per_minute=60, runs=4)
        at_the_opening = START + timedelta(seconds=20)

        turn = decide_turn([order("db", 20), order("web")], started, pace, now=at_the_opening, until_next=timedelta())

        assert turn.starts == (("web", 0),)

    @settings(deadline=None)
    @given(
        st.lists(st.integers(1, 30), min_size=1, max_size=40),
        st.integers(5, 300),
        st.floats(0.5, 20.0),
    )
    def test_the_pace_is_reached_within_a_turn_and_never_left_behind_by_more(
        self, pods: list[int], per_minute: int, every: float
    ) -> None:
        count = 20
        starts = turns(pods, per_minute, every, count)
        credit = per_minute * every / 60

        for at, _ in starts:
            in_a_minute = sum(many for other, many in starts if at <= other < at + 60)
            assert in_a_minute <= per_minute + credit + max(pods)
        for number in range(count):
            seconds = number * every
            so_far = sum(many for at, many in starts if at <= seconds)
            assert so_far == sum(pods) or so_far >= per_minute * seconds / 60
