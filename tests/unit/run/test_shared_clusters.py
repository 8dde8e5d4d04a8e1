"""One client and its watches for many waits of one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import pytest

from springtide.clock import ManualClock
from springtide.kube.live import LiveKube
from springtide.kube.objects import Kind
from springtide.kube.watched import NotWatched, WatchedKube
from springtide.run.watching import LASTS_SECONDS, SharedClusters
from springtide.settings import Settings


@dataclass
class Connections:
    """How often each cluster was connected to; no connection is opened by that."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(datetime(2026, 11, 29, tzinfo=UTC)))
    made: list[str] = field(default_factory=list)

    def to(self, name: str) -> Callable[[], LiveKube]:
        def connect() -> LiveKube:
            self.made.append(name)
            return cast("LiveKube", object())

        return connect


def watches_of(shared: SharedClusters, connections: Connections, name: str = "") -> WatchedKube:
    _, watched = shared.of(name, Settings.from_environment({}), connections.to(name))
    assert watched is not None
    return watched


def test_each_cluster_is_connected_to_once() -> None:
    connections = Connections()
    shared = SharedClusters(connections.clock)

    first = [watches_of(shared, connections, name) for name in ("", "second", "", "second")]

    assert connections.made == ["", "second"]
    assert first[:2] == first[2:]


def test_a_client_is_made_anew_after_a_while_for_its_credentials_may_be_others() -> None:
    connections = Connections()
    shared = SharedClusters(connections.clock)
    watches_of(shared, connections)
    connections.clock.sleep(LASTS_SECONDS)

    watches_of(shared, connections)

    assert connections.made == ["", ""]


@pytest.mark.parametrize(("is_wide", "fields"), [(True, ""), (False, "metadata.name=web")])
def test_whole_namespaces_are_watched_only_where_that_is_asked_for(*, is_wide: bool, fields: str) -> None:
    connections = Connections()
    watched = watches_of(SharedClusters(connections.clock, is_wide=is_wide), connections)

    assert watched.named(Kind.DEPLOYMENT, "shop", "web").fields == fields


def test_when_it_is_stopped_nothing_is_watched_not_even_by_an_earlier_client() -> None:
    connections = Connections()
    shared = SharedClusters(connections.clock)
    earlier = watches_of(shared, connections)
    connections.clock.sleep(LASTS_SECONDS)
    later = watches_of(shared, connections)

    shared.stop()

    for watched in (earlier, later):
        with pytest.raises(NotWatched, match="has stopped"):
            watched.get(Kind.DEPLOYMENT, "shop", "web")
