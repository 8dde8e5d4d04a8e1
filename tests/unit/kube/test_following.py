"""One watch: what it shows, when it may be relied on, and how it is opened again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from springtide.clock import ManualClock
from springtide.errors import ClusterRefused, ClusterUnavailable
from springtide.kube.following import (
    LONGEST_PAUSE_SECONDS,
    WatchedObjects,
    WatchExpired,
    WatchFollower,
    WatchQuestion,
)
from springtide.kube.objects import Kind
from support.builders import NOW

Json = dict[str, Any]

PODS = WatchQuestion(kind=Kind.POD, namespace="shop", selector="app=web")
WEB = WatchQuestion(kind=Kind.SERVICE, namespace="shop", fields="metadata.name=web")
END = "end"
LONG = 120.0


def pod(name: str, version: int = 1, **labels: str) -> Json:
    return {"metadata": {"name": name, "resourceVersion": str(version), "labels": {"app": "web"} | labels}}


def event(kind: str, found: Json) -> Json:
    return {"type": kind, "object": found}


GONE = event("ERROR", {"code": 410, "message": "too old resource version"})
TOO_OLD = WatchExpired("too old")
BUSY = ClusterUnavailable("busy", code="cluster_busy")


class Scripted:
    """A cluster whose watches say what each test wrote down, and which knows what it was asked."""

    def __init__(self, clock: ManualClock, *watches: list[Json | Exception | float] | Exception) -> None:
        self.clock = clock
        self.watches = list(watches)
        self.pods = [pod("a", 5), pod("b", 6)]
        self.asked: list[str] = []
        self.on_sleep: Callable[[], None] = lambda: None

    def listed(self, question: WatchQuestion) -> tuple[list[Json], str]:
        """Return the pods as of version 9."""
        self.asked.append(f"list {question.kind.value}")
        return list(self.pods), "9"

    def watch(self, question: WatchQuestion, version: str, seconds: int) -> Iterator[Json]:
        """Say what comes next in the script; a number lets so many seconds pass."""
        del seconds
        self.asked.append(f"watch {question.kind.value} {version}".strip())
        script = self.watches.pop(0)
        if isinstance(script, Exception):
            raise script
        return self._said(script)

    def _said(self, script: list[Json | Exception | float]) -> Iterator[Json]:
        for each in script:
            if isinstance(each, Exception):
                raise each
            if isinstance(each, float):
                self.on_sleep()
                self.clock.sleep(each)
            else:
                yield each


class Scene:
    """One follower and its script; it is wanted until the script is over."""

    def __init__(self, *watches: list[Json | Exception | float] | Exception, question: WatchQuestion = PODS) -> None:
        self.clock = ManualClock(NOW)
        self.cluster = Scripted(self.clock, *watches)
        self.objects = WatchedObjects()
        self.refused: list[str] = []
        self.follower = WatchFollower(
            question=question,
            kube=self.cluster,
            objects=self.objects,
            clock=self.clock,
            is_wanted=lambda: bool(self.cluster.watches),
            on_refused=self.refused.append,
        )

    def names(self, *labels: tuple[str, str]) -> set[str]:
        return {each["metadata"]["name"] for each in self.objects.having(labels)}


def test_it_lists_first_and_watches_from_there() -> None:
    scene = Scene([event("ADDED", pod("c", 10)), event("DELETED", pod("a", 11))])

    scene.follower.follow()

    assert scene.cluster.asked == ["list pod", "watch pod 9"]
    assert scene.names() == {"b", "c"}


def test_one_object_by_its_name_is_not_listed_and_counts_once_it_was_shown() -> None:
    scene = Scene([event("ADDED", pod("web", 3))], question=WEB)
    lives = [scene.objects.is_live for _ in scene.follower.steps()]

    assert scene.cluster.asked == ["watch service"]
    assert lives[0]


def test_where_a_watch_cannot_begin_with_what_is_there_one_object_is_listed_too() -> None:
    unsupported = event("ERROR", {"code": 500, "message": "the required storage feature is disabled"})
    scene = Scene([unsupported], [event("MODIFIED", pod("web", 10))], question=WEB)
    scene.cluster.pods = [pod("web", 3)]

    scene.follower.follow()

    assert scene.cluster.asked == ["watch service", "list service", "watch service 9"]
    assert scene.names() == {"web"}


def test_an_object_that_nobody_has_is_not_taken_for_one_that_is_gone() -> None:
    scene = Scene([LONG], question=WEB)
    seen: list[bool] = []
    scene.cluster.on_sleep = lambda: seen.append(scene.objects.is_live)

    scene.follower.follow()

    assert seen[0] is False


def test_objects_are_found_by_labels_as_these_change() -> None:
    scene = Scene([event("MODIFIED", pod("a", 10, tier="new"))])
    scene.follower.follow()

    assert scene.names(("tier", "new")) == {"a"}
    assert scene.names(("app", "web"), ("tier", "new")) == {"a"}
    assert scene.names(("tier", "old")) == set()


def test_a_watch_that_the_server_ends_goes_on_where_it_was() -> None:
    scene = Scene(
        [LONG, event("BOOKMARK", {"metadata": {"resourceVersion": "40"}})], [LONG, event("ADDED", pod("c", 41))], [LONG]
    )

    scene.follower.follow()

    assert scene.cluster.asked == ["list pod", "watch pod 9", "watch pod 40", "watch pod 41"]
    assert scene.names() == {"a", "b", "c"}


@pytest.mark.parametrize("gone", [TOO_OLD, [GONE], [LONG, GONE]], ids=["at once", "first", "later"])
def test_a_version_that_is_gone_is_listed_anew(gone: list[Json | Exception | float] | Exception) -> None:
    scene = Scene(gone, [LONG])

    scene.follower.follow()

    assert scene.cluster.asked == ["list pod", "watch pod 9", "list pod", "watch pod 9"]


def test_what_is_listed_anew_forgets_what_went_meanwhile() -> None:
    scene = Scene([event("ADDED", pod("c", 10)), GONE], [LONG])

    scene.follower.follow()

    assert scene.names() == {"a", "b"}


@pytest.mark.parametrize(
    "broken",
    [
        BUSY,
        [BUSY],
        [event("ERROR", {"code": 500, "message": "etcd"})],
        [{"type": "ADDED"}],
        [{"nonsense": True}],
    ],
    ids=["not opened", "broken off", "an error", "no object", "no event"],
)
def test_while_it_is_broken_it_shows_nothing_and_then_it_goes_on(
    broken: list[Json | Exception | float] | Exception,
) -> None:
    scene = Scene(broken, [event("ADDED", pod("c", 10))])
    lives: list[bool] = []
    for pause in scene.follower.steps():
        lives.append(scene.objects.is_live)
        scene.clock.sleep(pause)

    assert lives[:2] == [False, True]
    assert scene.cluster.asked == ["list pod", "watch pod 9", "watch pod 9"]


def test_tries_to_open_it_come_further_and_further_apart() -> None:
    scene = Scene(*[BUSY] * 9)

    pauses = list(scene.follower.steps())

    assert pauses[0] <= 1.0
    assert pauses[3] > 2.0
    assert max(pauses) <= LONGEST_PAUSE_SECONDS


def test_a_server_that_ends_every_watch_at_once_is_not_asked_without_end() -> None:
    scene = Scene([], [], [LONG], [])

    pauses = [pause for pause in scene.follower.steps() if pause]

    assert len(pauses) == 3


def test_where_watching_is_refused_it_ends_and_says_why() -> None:
    scene = Scene(ClusterRefused("no", code="rbac_missing"), [LONG])

    scene.follower.follow()

    assert scene.refused == ["no"]
    assert len(scene.cluster.asked) == 2


def test_whatever_ends_it_nobody_may_rely_on_what_it_has_shown() -> None:
    scene = Scene([event("ADDED", pod("c", 10)), ZeroDivisionError()])

    with pytest.raises(ZeroDivisionError):
        scene.follower.follow()

    assert not scene.objects.is_live


def test_who_wrote_which_field_is_not_kept() -> None:
    written = pod("c", 10)
    written["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    scene = Scene([event("ADDED", written)])

    scene.follower.follow()

    found = scene.objects.get("c")
    assert found is not None
    assert "managedFields" not in found["metadata"]
