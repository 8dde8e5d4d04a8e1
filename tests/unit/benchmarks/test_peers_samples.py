"""From what was seen of a workload to seconds and to pods x seconds."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from benchmarks.peers.samples import Move, Sample, pod_seconds, settled_at, switched_at

OLD = frozenset({"a", "b", "c"})
UP = Move(3, 6)
DOWN = Move(6, 3)
GROWN = "uvwxyz"


def seen(*looks: tuple[float, int, str]) -> list[Sample]:
    """Build samples from seconds, the number of pods, and one letter for each endpoint."""
    return [Sample(at, pods, frozenset(endpoints)) for at, pods, endpoints in looks]


def counted(*counts: tuple[float, int]) -> Sequence[Sample]:
    return seen(*((at, pods, "") for at, pods in counts))


class TestPodSeconds:
    def test_a_steady_number_of_pods_is_a_rectangle(self) -> None:
        assert pod_seconds(counted((0, 3), (1, 3), (2, 3)), 4) == 12

    def test_each_sample_holds_until_the_next_one(self) -> None:
        assert pod_seconds(counted((0, 3), (2, 9), (5, 6)), 6) == 3 * 2 + 9 * 3 + 6 * 1

    def test_what_was_seen_after_the_end_counts_no_more(self) -> None:
        assert pod_seconds(counted((0, 3), (2, 9), (5, 6), (8, 6)), 4) == 3 * 2 + 9 * 2

    def test_above_the_target_only_what_is_above_it_counts(self) -> None:
        assert pod_seconds(counted((0, 3), (2, 9), (5, 6)), 10, above=6) == 3 * 3

    def test_fewer_pods_than_the_target_do_not_pay_for_more_of_them(self) -> None:
        assert pod_seconds(counted((0, 3), (10, 9)), 11, above=6) == 3


class TestSwitched:
    def test_when_enough_new_pods_alone_are_endpoints(self) -> None:
        samples = seen((0, 3, "abc"), (1, 9, "abc"), (2, 9, "abcu"), (3, 9, GROWN), (4, 6, GROWN))

        assert switched_at(samples, UP, OLD) == 3

    def test_one_old_pod_among_them_is_one_too_many(self) -> None:
        assert switched_at(seen((0, 3, "abc"), (1, 9, "a" + GROWN)), UP, OLD) is None

    def test_it_counts_from_the_last_time_on_when_there_was_a_way_back(self) -> None:
        samples = seen((0, 3, "abc"), (1, 9, GROWN), (2, 9, "abc"), (3, 9, GROWN))

        assert switched_at(samples, UP, OLD) == 3

    def test_a_larger_set_that_shrinks_later_is_a_switch_too(self) -> None:
        old = frozenset("abcdef")
        samples = seen((0, 6, "abcdef"), (1, 12, GROWN), (2, 6, GROWN), (3, 3, "uvw"))

        assert switched_at(samples, DOWN, old) == 1

    @pytest.mark.parametrize(("endpoints", "expected"), [("abcuv", None), ("abcuvw", 1)])
    def test_the_same_pods_may_go_on_where_no_fresh_ones_are_asked_for(
        self, endpoints: str, expected: float | None
    ) -> None:
        samples = seen((0, 3, "abc"), (1, 6, endpoints))

        assert switched_at(samples, Move(3, 6, fresh=False), OLD) == expected


class TestSettled:
    def test_not_before_the_last_old_pod_has_gone(self) -> None:
        samples = seen((0, 3, "abc"), (1, 9, GROWN), (2, 7, GROWN), (3, 6, GROWN), (4, 6, GROWN))

        assert settled_at(samples, UP, OLD) == 3

    def test_not_before_a_larger_set_has_shrunk(self) -> None:
        samples = seen((0, 6, "abcdef"), (1, 12, GROWN), (2, 6, GROWN), (3, 3, "uvw"))

        assert settled_at(samples, DOWN, frozenset("abcdef")) == 3

    def test_never_while_a_pod_is_no_endpoint(self) -> None:
        assert settled_at(seen((0, 3, "abc"), (1, 6, "uvwxy")), UP, OLD) is None
