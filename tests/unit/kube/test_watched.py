"""What watches show: the answers of a cluster without asking it, or that they do not know."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from structlog.testing import capture_logs

from springtide.clock import ManualClock
from springtide.errors import ClusterRefused, NotFound
from springtide.kube.client import Right
from springtide.kube.following import WatchFollower, WatchQuestion
from springtide.kube.objects import Kind
from springtide.kube.watched import AGAIN_SECONDS, REFUSED_SECONDS, UNWANTED_SECONDS, NotWatched, WatchedKube
from support.builders import NOW
from support.simulation import NAMESPACE, Simulation
from support.watching import PumpedWatches

Json = dict[str, Any]
READS: list[Callable[[Any], object]] = [
    lambda kube: kube.get(Kind.SERVICE, NAMESPACE, "web"),
    lambda kube: kube.get(Kind.DEPLOYMENT, NAMESPACE, "web"),
    lambda kube: [each["metadata"]["name"] for each in kube.list(Kind.POD, NAMESPACE, selector="app=web")],
    lambda kube: [each["metadata"]["name"] for each in kube.list(Kind.REPLICA_SET, NAMESPACE, selector="app=web")],
    lambda kube: kube.list(Kind.REPLICA_SET, NAMESPACE, selector="springtide.dev/aside-of=web"),
]


def plain(read: object) -> object:
    """Return what was read without what watches leave out."""
    if isinstance(read, dict):
        metadata = {key: value for key, value in read["metadata"].items() if key != "managedFields"}
        rest = {key: value for key, value in read.items() if key not in {"apiVersion", "kind"}}
        return rest | {"metadata": metadata}
    return read


@pytest.mark.parametrize("is_wide", [False, True], ids=["of one workload", "of the namespace"])
def test_they_show_what_the_cluster_answers(*, is_wide: bool) -> None:
    simulation = Simulation.of(2)
    kube = simulation.ports().kube
    watched = PumpedWatches(kube, simulation.world, is_wide=is_wide)  # type: ignore[arg-type]
    noting = watched.noting(kube)
    answers = [plain(read(noting)) for read in READS]
    with pytest.raises(NotWatched):
        READS[0](watched)
    simulation.world.advance(1)

    assert [plain(read(watched)) for read in READS] == answers


def test_an_object_that_is_not_there_is_not_found_once_a_watch_has_shown_all_there_is() -> None:
    simulation = Simulation.of(2)
    watched = PumpedWatches(simulation.ports().kube, simulation.world)  # type: ignore[arg-type]
    asked(watched, "nobody")
    simulation.world.advance(1)

    with pytest.raises(NotFound):
        watched.get(Kind.SERVICE, NAMESPACE, "nobody")


def test_what_looks_ask_is_watched_from_the_first_question_on() -> None:
    simulation = Simulation.of(2)
    kube = simulation.ports().kube
    watched = PumpedWatches(kube, simulation.world)  # type: ignore[arg-type]
    for read in READS:
        read(watched.noting(kube))

    with pytest.raises(NotWatched):
        READS[0](watched)

    assert len(watched.pumps) == len(READS)


@pytest.mark.parametrize(
    "read",
    [
        lambda watched: watched.may(Right(verb="get", group="", resource="pods"), NAMESPACE),
        lambda watched: watched.server_version(),
        lambda watched: watched.list(Kind.EVENT, NAMESPACE, fields="reason=FailedScheduling"),
        lambda watched: watched.list(Kind.POD, NAMESPACE, selector="app in (web)"),
    ],
    ids=["a right", "the version", "by fields", "by more than equality"],
)
def test_they_do_not_guess(read: Callable[[WatchedKube], object]) -> None:
    simulation = Simulation.of(2)
    watched = PumpedWatches(simulation.ports().kube, simulation.world)  # type: ignore[arg-type]

    with pytest.raises(NotWatched):
        read(watched)


class Refusing:
    """A cluster that lets nobody watch."""

    def listed(self, question: WatchQuestion) -> tuple[list[Json], str]:
        """Refuse."""
        raise ClusterRefused(f"cannot list {question.kind.value}", code="rbac_missing")

    def watch(self, question: WatchQuestion, version: str, seconds: int) -> Iterator[Json]:
        """Refuse."""
        del version, seconds
        raise ClusterRefused(f"cannot watch {question.kind.value}", code="rbac_missing")


class AtOnce(WatchedKube):
    """Follows until the end before it goes on, in a thread that is over then."""

    followers = 0

    def start(self, follower: WatchFollower) -> Thread | None:
        """Follow, where that ends."""
        self.followers += 1
        thread = Thread(target=self._follow, args=(follower,))
        self._lock.release()
        thread.start()
        thread.join()
        self._lock.acquire()
        return thread

    def _follow(self, follower: WatchFollower) -> None:
        follower.follow()


def asked(watched: WatchedKube, name: str = "web") -> None:
    with pytest.raises(NotWatched):
        watched.get(Kind.SERVICE, NAMESPACE, name)


def made(kube: Any, *, at_most: int = 8) -> tuple[AtOnce, ManualClock]:
    clock = ManualClock(NOW)
    return AtOnce(kube, clock, trusted=timedelta(seconds=30), at_most=at_most), clock


def test_a_missing_right_is_told_once_and_tried_again_after_a_while() -> None:
    watched, clock = made(Refusing())

    with capture_logs() as logs:
        for name in ("web", "web", "other"):
            asked(watched, name)
        clock.sleep(REFUSED_SECONDS)
        asked(watched)

    assert [each["event"] for each in logs] == ["watch_refused"]
    assert watched.followers == 2


class Failing(AtOnce):
    """Whose followers die."""

    def _follow(self, follower: WatchFollower) -> None:
        follower.objects.lose()


def test_a_watch_whose_thread_has_died_is_opened_again_after_a_while() -> None:
    clock = ManualClock(NOW)
    watched = Failing(Refusing(), clock, trusted=timedelta(seconds=30), at_most=8)

    asked(watched)
    asked(watched)
    assert watched.followers == 1

    clock.sleep(AGAIN_SECONDS)
    asked(watched)
    assert watched.followers == 2


class Held(WatchedKube):
    """Whose followers are kept by the test."""

    def __init__(self, clock: ManualClock, *, at_most: int) -> None:
        super().__init__(Refusing(), clock, trusted=timedelta(seconds=30), at_most=at_most)
        self.followers: list[WatchFollower] = []

    def start(self, follower: WatchFollower) -> Thread | None:
        """Keep it."""
        self.followers.append(follower)
        return None


def test_no_more_are_opened_than_are_allowed_and_that_is_told_once() -> None:
    watched = Held(ManualClock(NOW), at_most=2)

    with capture_logs() as logs:
        for name in ("a", "b", "c", "d"):
            asked(watched, name)

    assert [str(each.question) for each in watched.followers] == [
        "service shop metadata.name=a",
        "service shop metadata.name=b",
    ]
    assert [each["event"] for each in logs] == ["watches_full"]


def test_a_watch_that_nobody_asks_any_more_is_not_opened_again_and_makes_room() -> None:
    clock = ManualClock(NOW)
    watched = Held(clock, at_most=1)
    asked(watched, "a")
    clock.sleep(UNWANTED_SECONDS - 1)
    asked(watched, "a")
    clock.sleep(UNWANTED_SECONDS - 1)
    (follower,) = watched.followers
    assert follower.is_wanted()

    clock.sleep(1)
    assert not follower.is_wanted()
    asked(watched, "b")
    assert len(watched.followers) == 2


def test_a_process_that_was_forked_off_watches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation.of(2)
    watched = PumpedWatches(simulation.ports().kube, simulation.world)  # type: ignore[arg-type]
    asked(watched)
    simulation.world.advance(1)
    watched.get(Kind.SERVICE, NAMESPACE, "web")
    watched._lock.acquire()  # as a thread of the process before may have held it
    monkeypatch.setattr(os, "getpid", lambda: -1)

    asked(watched)
