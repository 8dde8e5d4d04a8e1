"""Learns a day of many services: an error stays with its own, and the next attempt goes on with what is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from springtide.clock import ManualClock
from springtide.errors import DemandUnavailable, InputError, PermanentError, SpringtideError, TemporaryError
from springtide.fleet.chunks import learn_chunk, parts_of, span_of
from springtide.fleet.learning import WITHIN, Attempts, DayLearner, ServicesLearned, inputs_version
from springtide.fleet.memory import Memory, ProcessMemory
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.history import SLOTS, HistoryDay
from springtide.settings import Settings
from springtide.training.whole_days import LearnedDay
from support.builders import policy_document

DAY = date(2026, 11, 9)
CHAIN = "0/4"
SERVICES = ("api", "db", "web")


class Killed(BaseException):
    """What a process meets that is killed: nothing in it handles that."""


@dataclass
class Fleet:
    """Three services of which a day can be learned, one attempt after the other; `meets` is what becomes of some."""

    meets: dict[str, BaseException] = field(default_factory=dict)
    maximum: dict[str, int] = field(default_factory=dict)
    clock: ManualClock = field(default_factory=lambda: ManualClock(datetime(2026, 11, 10, tzinfo=UTC)))
    takes: timedelta = timedelta()
    memory: Memory = field(default_factory=ProcessMemory)
    tried: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        return sorted(SERVICES)

    def get(self, name: str) -> ScalingPolicy:
        replicas = {"min": 1, "max": self.maximum.get(name, 50)}
        return ScalingPolicy.model_validate(policy_document(name, replicas=replicas))

    def learn(self, policy: ScalingPolicy) -> LearnedDay:
        self.tried.append(policy.name)
        self.clock.sleep(self.takes.total_seconds())
        if policy.name in self.meets:
            raise self.meets[policy.name]
        return LearnedDay(day=a_day(policy.name))

    def attempt(self, chain: str = CHAIN) -> ServicesLearned:
        """Let one attempt learn; `tried` are those that it came to."""
        self.tried.clear()
        learner = DayLearner(day=DAY, policies=self, learn=self.learn, clock=self.clock, tell=self.told.append)
        return learner.learn_all(SERVICES, Attempts(self.memory, chain))


def a_day(service: str) -> HistoryDay:
    return HistoryDay(
        policy=service, day=DAY, unit="requests/s", profile=(None,) * SLOTS, peak=109.0, required=11, actual=12.0,
        quality={"outcome": "pass"}, pages="/pages/day.html",
    )  # fmt: skip


def away(seconds: int = 5) -> TemporaryError:
    return DemandUnavailable("no answer", code="demand_unavailable", retry_after=timedelta(seconds=seconds))


REFUSED = PermanentError("the query was refused", code="demand_refused")


class TestOneAttempt:
    def test_learns_the_others_where_one_fails_and_ends_with_its_name_and_reason(self) -> None:
        fleet = Fleet({"db": REFUSED})

        done = fleet.attempt()

        assert (list(done.learned), list(done.failed)) == (["api", "web"], ["db"])
        with pytest.raises(
            PermanentError, match=r"^not learned: 1 of 3 .*db: the query was refused \(demand_refused\)"
        ) as ended:
            done.require_all()
        assert ended.value.code == "days_not_learned"

    def test_that_learns_all_passes(self) -> None:
        done = Fleet().attempt()

        done.require_all()

        assert list(done.to_record()["learned"]) == list(SERVICES)
        assert done.to_record()["learned"]["db"]["peak"] == 109.0

    def test_tells_a_line_of_each_service(self) -> None:
        fleet = Fleet({"db": REFUSED})

        fleet.attempt()

        assert fleet.told == [
            "api: 2026-11-09: peak 109 requests/s, 11 replicas filled of 12, quality pass, page /pages/day.html",
            "db: not learned: the query was refused (demand_refused)",
            "web: 2026-11-09: peak 109 requests/s, 11 replicas filled of 12, quality pass, page /pages/day.html",
        ]

    def test_is_worth_another_one_where_any_error_is_and_after_the_longest_delay(self) -> None:
        done = Fleet({"api": away(5), "db": REFUSED, "web": away(40)}).attempt()

        with pytest.raises(TemporaryError, match=r"^not learned: 3 of 3 .*api: .*db: .*web: ") as ended:
            done.require_all()
        assert (ended.value.code, ended.value.retry_after) == ("days_not_learned", timedelta(seconds=40))

    def test_that_meets_a_fault_of_its_own_fails_for_that_service_alone(self) -> None:
        done = Fleet({"db": KeyError("season")}).attempt()

        assert list(done.learned) == ["api", "web"]
        assert done.failed["db"].code == "internal_error"

    def test_that_takes_too_long_leaves_the_rest_to_the_next(self) -> None:
        fleet = Fleet(takes=WITHIN / 2)

        done = fleet.attempt()

        assert (list(done.learned), list(done.failed)) == (["api", "db"], ["web"])
        assert (done.failed["web"].code, type(done.failed["web"])) == ("learning_late", TemporaryError)
        assert list(fleet.attempt().learned) == ["web"]

    def test_of_many_failures_names_ten_and_says_how_many_more(self) -> None:
        failed: dict[str, SpringtideError] = {f"service-{number:02d}": REFUSED for number in range(12)}

        with pytest.raises(
            PermanentError, match=r"^not learned: 12 of 12 .*service-09: .*; and 2 more, which the log names\. Correct"
        ):
            ServicesLearned(failed=failed).require_all()


class TestTheNextAttempt:
    def test_learns_only_what_is_left(self) -> None:
        fleet = Fleet({"db": away()})
        fleet.attempt()
        fleet.meets.clear()

        done = fleet.attempt()

        assert fleet.tried == ["db"]
        assert (list(done.learned), done.before) == (["db"], ["api", "web"])
        done.require_all()

    def test_goes_on_where_the_one_before_was_killed_and_takes_what_killed_it_last(self) -> None:
        fleet = Fleet({"db": Killed()})
        with pytest.raises(Killed):
            fleet.attempt()
        fleet.meets.clear()

        done = fleet.attempt()

        assert fleet.tried == ["web", "db"]
        assert done.before == ["api"]

    def test_learns_again_whose_policy_was_changed(self) -> None:
        fleet = Fleet({"db": away()})
        fleet.attempt()
        fleet.meets.clear()
        fleet.maximum["api"] = 60

        assert sorted(fleet.attempt().learned) == ["api", "db"]

    def test_of_another_chain_learns_all_again(self) -> None:
        fleet = Fleet()
        fleet.attempt()

        assert list(fleet.attempt("1/9").learned) == list(SERVICES)

    def test_of_the_first_chain_learns_all_again_behind_another(self) -> None:
        fleet = Fleet()
        for chain in (CHAIN, "1/9"):
            fleet.attempt(chain)

        assert list(fleet.attempt().learned) == list(SERVICES)


class TestVersions:
    @pytest.mark.parametrize("other", [lambda: (a_policy("db"), DAY), lambda: (a_policy("web"), date(2026, 11, 8))])
    def test_of_other_inputs_are_others(self, other: Callable[[], tuple[ScalingPolicy, date]]) -> None:
        assert inputs_version(a_policy("web"), DAY) != inputs_version(*other())

    def test_of_the_same_inputs_are_the_same(self) -> None:
        assert inputs_version(a_policy("web"), DAY) == inputs_version(a_policy("web"), DAY)


def a_policy(name: str) -> ScalingPolicy:
    return ScalingPolicy.model_validate(policy_document(name))


class TestParts:
    def test_hold_the_services_as_they_stand(self) -> None:
        assert parts_of(["a", "b", "c", "d", "e"], 2) == [["a", "b"], ["c", "d"], ["e"]]
        assert parts_of([], 2) == []

    def test_are_called_by_their_first_and_last_service(self) -> None:
        assert [span_of([]), span_of(["a"]), span_of(["a", "b", "c"])] == ["none", "a", "a to c, 3 services"]

    def test_are_as_large_as_the_environment_says(self) -> None:
        assert learn_chunk(Settings.from_environment({"SPRINGTIDE_LEARN_CHUNK": "7"})) == 7

    @pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "501"])
    def test_of_a_size_that_is_none_are_refused_by_its_variable(self, text: str) -> None:
        environment: Mapping[str, str] = {"SPRINGTIDE_LEARN_CHUNK": text}

        with pytest.raises(InputError, match=r"SPRINGTIDE_LEARN_CHUNK.*from 1 to 500"):
            learn_chunk(Settings.from_environment(environment))
