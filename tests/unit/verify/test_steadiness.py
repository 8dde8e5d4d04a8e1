"""Pods that have been ready all the while are told from those that restarted, faltered or were replaced meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from springtide.kube.observation import PodSet
from springtide.verify.steadiness import lost_steadiness, marks_of
from support.builders import SetBuilder

AN_HOUR = timedelta(hours=1)
WELL = SetBuilder(replicas=3, age=AN_HOUR)


def restarted(times: int, *, exit_code: int = 137) -> dict[str, Any]:
    """Return what pods report that were started again so often."""
    last = {"terminated": {"exitCode": exit_code}}
    return {"containerStatuses": [{"name": "web", "restartCount": times, "state": {"running": {}}, "lastState": last}]}


def judged(
    now: SetBuilder | PodSet, *, before: SetBuilder = WELL, needed: int = 3, floor: int | None = None
) -> str | None:
    pods = now if isinstance(now, PodSet) else now.build()
    marks = marks_of(before.build().ready_pods)
    return lost_steadiness(pods, marks, needed=needed, floor=needed if floor is None else floor)


def test_the_same_pods_are_steady() -> None:
    assert judged(WELL) is None


def test_more_pods_beside_them_do_not_matter() -> None:
    assert judged(WELL.with_(replicas=5)) is None


def test_restarts_of_before_do_not_count() -> None:
    often = WELL.with_(pod_changes=restarted(4))

    assert judged(often, before=often) is None


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (WELL.with_(pod_changes=restarted(1)), "0 of 3 pods have been ready all the while; pod web-0 restarted, last"),
        (WELL.with_(ready=2), "2 of 3 pods have been ready all the while; pod web-2 is not ready"),
        (WELL.with_(age=timedelta(minutes=1)), "pod web-0 was not ready for a while"),
        (WELL.with_(name="other"), "3 of them went; pod other-0 came later, and 2 more"),
        (WELL.with_(replicas=2), "2 of 3 pods have been ready all the while; 1 of them went"),
    ],
    ids=["restarted", "not ready", "ready again", "replaced", "gone"],
)
def test_what_is_not_is_said_with_its_reason(now: SetBuilder, words: str) -> None:
    assert words in str(judged(now))


@pytest.mark.parametrize(("needed", "is_enough"), [(2, True), (3, False)])
def test_as_many_as_are_not_needed_may_falter(needed: int, *, is_enough: bool) -> None:
    assert (judged(WELL.with_(ready=2), needed=needed) is None) is is_enough


@pytest.mark.parametrize(
    ("replicas", "floor", "is_enough"), [(2, 2, True), (1, 2, False), (2, 3, False), (1, 1, True), (0, 1, False)]
)
def test_pods_that_somebody_deletes_count_by_the_floor(replicas: int, floor: int, *, is_enough: bool) -> None:
    assert (judged(WELL.with_(replicas=replicas), floor=floor) is None) is is_enough


def test_a_pod_that_restarts_counts_beside_one_that_was_deleted() -> None:
    two = WELL.with_(replicas=2, pod_changes=restarted(1))

    assert "1 of them went; pod web-0 restarted" in str(judged(two, floor=0))


@pytest.mark.parametrize(("times", "is_enough"), [(0, True), (1, False)])
def test_what_came_in_the_place_of_a_deleted_pod_may_not_restart(times: int, *, is_enough: bool) -> None:
    pods = WELL.build()
    later = WELL.with_(name="later", replicas=1, pod_changes=restarted(times)).build()

    told = judged(replace(pods, pods=(*pods.pods[:2], *later.pods)), floor=1)

    assert (told is None) is is_enough
    assert is_enough or "1 of them went; pod later-0 restarted, last exit code 137" in str(told)


def test_a_pod_that_is_going_is_not_steady_however_ready_it_says_it_is() -> None:
    pods = WELL.build()
    pods.pods[0].raw["metadata"]["deletionTimestamp"] = "2026-11-11T00:00:30Z"

    assert "pod web-0 is going" in str(judged(pods))


def test_marks_are_small_enough_for_thousands_of_pods() -> None:
    marks = marks_of(WELL.with_(replicas=3000).build().ready_pods)

    assert len(marks) == 3000
    assert len(str(marks)) < 200_000
