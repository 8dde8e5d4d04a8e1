"""Watches in virtual time: read when somebody asks what they show, by the very code that reads them in a thread."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus
from threading import Thread

from springtide.errors import ClusterRefused, ClusterUnavailable
from springtide.kube.following import WatchedObjects, WatchFollower, WatchQuestion
from springtide.kube.live import LiveKube
from springtide.kube.objects import Json, Kind
from springtide.kube.watched import WatchedKube
from springtide.run.ports import Ports
from springtide.sandbox.faults import Lost
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.messages import Request
from springtide.sandbox.world import World

TRUSTED = timedelta(seconds=30)

PLURALS = {
    Kind.DEPLOYMENT: "deployments",
    Kind.REPLICA_SET: "replicasets",
    Kind.STATEFUL_SET: "statefulsets",
    Kind.POD: "pods",
    Kind.SERVICE: "services",
    Kind.ENDPOINT_SLICE: "endpointslices",
    Kind.LEASE: "leases",
    Kind.AUTOSCALER: "horizontalpodautoscalers",
    Kind.SCALED_OBJECT: "scaledobjects",
    Kind.ROLLOUT: "rollouts",
}


@dataclass
class PumpedKube:
    """Lists with the client of the run, and opens watches that never wait."""

    kube: LiveKube
    world: World
    token: str = ""
    is_idle: bool = field(default=False, init=False)

    def listed(self, question: WatchQuestion) -> tuple[list[Json], str]:
        """List."""
        return self.kube.listed(question)

    def watch(self, question: WatchQuestion, version: str, seconds: int) -> Iterator[Json]:
        """Open a watch; where nothing has happened, its iterator says so and yields a bookmark."""
        kind = KINDS[PLURALS[question.kind]]
        prefix = "/api/v1" if kind.api_version == "v1" else f"/apis/{kind.api_version}"
        query = {
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        query |= {"labelSelector": question.selector} if question.selector else {}
        query |= {"fieldSelector": question.fields} if question.fields else {}
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        path = f"{prefix}/namespaces/{question.namespace}/{kind.plural}"
        try:
            answer = self.world.call(Request("GET", path, query=query, headers=headers))
        except Lost as lost:
            raise ClusterUnavailable(f"watch {question}: {lost}", code="cluster_unreachable") from lost
        if answer.watch is None:
            refused = answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
            error = ClusterRefused if refused else ClusterUnavailable
            raise error(f"watch {question}: {answer.body.decode()}", code="rbac_missing")
        stream = answer.watch
        end = self.world.elapsed + seconds

        def events() -> Iterator[Json]:
            while not stream.over and self.world.elapsed < end:
                lines = stream.take()
                self.is_idle = not lines
                yield from map(json.loads, lines or [stream.bookmark()])

        return events()


class PumpedWatches(WatchedKube):
    """`WatchedKube` without threads: each question first lets every watch be read.

    Where it `is_deaf`, nothing arrives and nobody notices: every connection is half open.
    """

    def __init__(
        self, kube: LiveKube, world: World, *, trusted: timedelta = TRUSTED, is_wide: bool = False, token: str = ""
    ) -> None:
        self.source = PumpedKube(kube, world, token)
        super().__init__(self.source, world.clock, trusted=trusted, at_most=64, is_wide=is_wide)
        self.pumps: list[_Pump] = []
        self.is_deaf = False

    def start(self, follower: WatchFollower) -> Thread | None:
        """Read it at the next question."""
        self.pumps.append(_Pump(self.source, follower.steps()))
        return None

    def _shown(self, question: WatchQuestion) -> WatchedObjects:
        for pump in () if self.is_deaf else self.pumps:
            pump.run()
        return super()._shown(question)


@dataclass
class _Pump:
    source: PumpedKube
    steps: Iterator[float]
    resumes: float = 0.0
    is_over: bool = False

    def run(self) -> None:
        """Read until nothing more is there."""
        world = self.source.world
        while not self.is_over and world.elapsed >= self.resumes:
            self.source.is_idle = False
            pause = next(self.steps, None)
            self.is_over = pause is None
            self.resumes = world.elapsed + (pause or 0.0)
            if pause or self.source.is_idle:
                return


def watching(ports: Ports, world: World, *, trusted: timedelta = TRUSTED, token: str = "") -> Ports:
    """Return `ports` whose waits go by watches."""
    assert isinstance(ports.kube, LiveKube)
    return replace(ports, watched=PumpedWatches(ports.kube, world, trusted=trusted, token=token))
