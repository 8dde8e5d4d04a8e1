"""Reads of many services at once: one list a kind and namespace, and the same answers as reads one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from springtide.clock import SystemClock
from springtide.errors import ClusterRefused, ClusterUnavailable, NotFound
from springtide.kube.client import Right
from springtide.kube.listed import FRESH_SECONDS, ListedKube
from springtide.kube.objects import Kind, Version

RIGHT = Right(verb="list", group="", resource="pods")


def pod(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": "1", "labels": labels}}


class Cluster:
    """A cluster that counts what it is asked, and fails as it is told."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        self.pods = list(pods)
        self.asked: Counter[str] = Counter()
        self.error: Exception | None = None

    def get(self, kind: Kind, namespace: str, name: str) -> Any:
        self.asked[f"get {kind.value}"] += 1
        found = next((each for each in self.pods if each["metadata"]["name"] == name), None)
        if found is None:
            raise NotFound(f"get {kind.value} {namespace}/{name}: there is none", code="not_found")
        return found

    def list(self, kind: Kind, namespace: str, *, selector: str = "", fields: str = "") -> Any:
        del namespace, fields
        self.asked[f"list {kind.value} {selector}".strip()] += 1
        if self.error is not None:
            raise self.error
        return list(self.pods)

    def may(self, right: Right, namespace: str) -> bool:
        del right, namespace
        self.asked["may"] += 1
        return True


class Ahead(SystemClock):
    """A clock that is put forward by hand."""

    now_seconds = 0.0

    def monotonic(self) -> float:
        return self.now_seconds


def listed(cluster: Cluster, clock: Ahead | None = None) -> ListedKube:
    return ListedKube(cluster, clock or Ahead(), {"shop"})  # type: ignore[arg-type]  # as much of a client as is asked


class TestReads:
    def test_many_services_of_a_namespace_cost_one_list(self) -> None:
        cluster = Cluster(*(pod(f"p{number}", app=f"a{number % 3}") for number in range(9)))
        kube = listed(cluster)

        names = [
            [raw["metadata"]["name"] for raw in kube.list(Kind.POD, "shop", selector=f"app=a{n}")] for n in range(3)
        ]
        kube.get(Kind.POD, "shop", "p4")

        assert names == [["p0", "p3", "p6"], ["p1", "p4", "p7"], ["p2", "p5", "p8"]]
        assert cluster.asked == {"list pod": 1}

    def test_every_label_of_a_selector_has_to_be_there(self) -> None:
        kube = listed(Cluster(pod("one", app="web", hash="a"), pod("two", app="web", hash="b"), pod("three")))

        found = kube.list(Kind.POD, "shop", selector="app=web,hash=b")

        assert [raw["metadata"]["name"] for raw in found] == ["two"]
        assert len(kube.list(Kind.POD, "shop")) == 3
        assert kube.list(Kind.POD, "shop", selector="app=other") == []

    @pytest.mark.parametrize("selector", ["app!=web", "app in (web)", "app", "app==web"])
    def test_a_selector_of_another_form_is_the_clusters_to_judge(self, selector: str) -> None:
        cluster = Cluster(pod("one", app="web"))

        listed(cluster).list(Kind.POD, "shop", selector=selector)

        assert cluster.asked == {f"list pod {selector}": 1}

    def test_what_is_not_in_the_list_is_not_there(self) -> None:
        with pytest.raises(NotFound, match="shop/gone"):
            listed(Cluster(pod("one"))).get(Kind.POD, "shop", "gone")

    def test_a_list_is_made_anew_when_it_is_old(self) -> None:
        cluster = Cluster(pod("one"))
        clock = Ahead()
        kube = listed(cluster, clock)
        kube.list(Kind.POD, "shop")
        cluster.pods.append(pod("two"))

        before = len(kube.list(Kind.POD, "shop"))
        clock.now_seconds = FRESH_SECONDS

        assert (before, len(kube.list(Kind.POD, "shop"))) == (1, 2)

    def test_all_lists_of_a_namespace_are_of_one_time(self) -> None:
        cluster = Cluster(pod("one"))
        clock = Ahead()
        kube = listed(cluster, clock)
        kube.list(Kind.POD, "shop")
        clock.now_seconds = FRESH_SECONDS - 1
        kube.list(Kind.ENDPOINT_SLICE, "shop")
        clock.now_seconds = FRESH_SECONDS

        for kind in (Kind.POD, Kind.ENDPOINT_SLICE):
            kube.list(kind, "shop")

        assert cluster.asked == {"list pod": 2, "list endpoint_slice": 2}

    def test_elsewhere_only_what_is_wanted_is_read(self) -> None:
        cluster = Cluster(pod("one", app="web"))
        kube = listed(cluster)

        kube.get(Kind.POD, "cellar", "one")
        kube.list(Kind.POD, "cellar", selector="app=web")

        assert cluster.asked == {"get pod": 1, "list pod app=web": 1}

    def test_what_is_forgotten_is_listed_again(self) -> None:
        cluster = Cluster(pod("one"))
        kube = listed(cluster)
        kube.list(Kind.POD, "shop")

        kube.forget("shop")
        kube.list(Kind.POD, "shop")

        assert cluster.asked == {"list pod": 2}

    def test_a_right_is_asked_for_once(self) -> None:
        cluster = Cluster()
        kube = listed(cluster)

        assert [kube.may(RIGHT, "shop") for _ in range(3)] == [True] * 3
        assert cluster.asked == {"may": 1}


class TestFailures:
    def test_where_listing_is_refused_objects_are_read_one_by_one(self) -> None:
        cluster = Cluster(pod("one"), pod("two"))
        cluster.error = ClusterRefused("list pod: forbidden", code="rbac_missing")
        kube = listed(cluster)

        found = [kube.get(Kind.POD, "shop", name)["metadata"]["name"] for name in ("one", "two")]

        assert found == ["one", "two"]
        assert cluster.asked == {"list pod": 1, "get pod": 2}

    def test_a_cluster_that_does_not_answer_is_waited_for_once(self) -> None:
        cluster = Cluster(pod("one"))
        cluster.error = ClusterUnavailable("list pod: no answer in time", code="cluster_unreachable")
        kube = listed(cluster)

        for _ in range(3):
            with pytest.raises(ClusterUnavailable):
                kube.list(Kind.POD, "shop")

        assert cluster.asked == {"list pod": 1}


class TestWrites:
    def test_nothing_is_written_not_even_for_show(self) -> None:
        cluster = Cluster(pod("one"))
        kube = listed(cluster)
        version = Version("uid-one", "1")

        writes: list[Callable[[], object]] = [
            lambda: kube.create(Kind.POD, "shop", {}, dry_run=True),
            lambda: kube.patch(Kind.POD, "shop", "one", {}, version=version, dry_run=True),
            lambda: kube.scale(Kind.DEPLOYMENT, "shop", "one", 3, version=version),
            lambda: kube.delete(Kind.POD, "shop", "one", version=version),
        ]

        for write in writes:
            with pytest.raises(TypeError, match="writes nothing"):
                write()
        assert not cluster.asked
