"""What people pick for a wave of services whose hour they know: each brings its objects, and one way to be told."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from benchmarks.fleet.api_server import ApiServer
from benchmarks.fleet.real_services import Json, RealServices
from benchmarks.fleet.springtide_prepares import preparing
from cluster.modules import KEDA

SCRIPT: Final = Path(__file__).with_name("patch_minimum.sh")
HOLDS_MINUTES: Final = 20
"""How long KEDA's trigger holds."""

AHEAD_SECONDS: Final = 50
"""A cron expression has whole minutes: KEDA is told of one that begins no sooner than this."""


@dataclass(slots=True, kw_only=True)
class WavePlace:
    """Where a contender works."""

    api: ApiServer
    fleet: RealServices
    folder: Path


@dataclass(slots=True)
class Told:
    """A contender at work: when it was told to begin, by the monotonic clock, and its own process where it has one."""

    at: float
    process: subprocess.Popen[bytes] | None = None

    def has_ended(self) -> bool:
        """Say whether it calls itself done; what has no process never does."""
        return self.process is not None and self.process.poll() is not None


class WaveContender(Protocol):
    """One column."""

    @property
    def who(self) -> str:
        """What it is called."""
        ...

    @property
    def neighbour(self) -> str:
        """What has to run in the cluster for it; "" for nothing."""
        ...

    def objects(self, fleet: RealServices) -> list[Json]:
        """Return what is made beside each workload, long before."""
        ...

    @contextmanager
    def told(self, place: WavePlace) -> Iterator[Told]:
        """Tell it to have every service at its target."""
        ...


@dataclass(frozen=True, slots=True)
class BySpringtide:
    """`springtide prepare`; with an HPA over each workload it raises that one's minimum."""

    strategy: str
    neighbour: str = ""

    @property
    def who(self) -> str:
        """What it is called."""
        return f"springtide prepare, {self.strategy}"

    def objects(self, fleet: RealServices) -> list[Json]:
        """Return an HPA each, where their minimum is what is raised."""
        return [autoscaler(fleet, service) for service in fleet.names()] if self.strategy == "floor" else []

    @contextmanager
    def told(self, place: WavePlace) -> Iterator[Told]:
        """Start the command."""
        place.fleet.write(place.folder, runs=100, pods_per_minute=6000, strategy=self.strategy)
        kubeconfig = place.api.kubeconfig_of_springtide(place.folder)
        with preparing(place.folder, kubeconfig) as preparation:
            yield Told(preparation.began, preparation.process)
            for service, problem in preparation.problems().items():
                sys.stderr.write(f"{service}: {problem}\n")


@dataclass(frozen=True, slots=True)
class ByScript:
    """A shell script that patches `minReplicas` of every HPA, one after the other, and then waits for every rollout."""

    who: str = "HPA, minReplicas by a script"
    neighbour: str = ""

    def objects(self, fleet: RealServices) -> list[Json]:
        """Return an HPA each."""
        return [autoscaler(fleet, service) for service in fleet.names()]

    @contextmanager
    def told(self, place: WavePlace) -> Iterator[Told]:
        """Start the script."""
        named = [f"{place.fleet.namespace_of(service)}/{service}" for service in place.fleet.names()]
        process = subprocess.Popen(
            ["bash", str(SCRIPT), str(place.fleet.target), *named],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            yield Told(time.monotonic(), process)
        finally:
            process.terminate()
            process.wait(60)


@dataclass(frozen=True, slots=True)
class ByKeda:
    """A ScaledObject each with a trigger `cron`: told when the minute that it names begins."""

    who: str = f"KEDA {KEDA.version}, cron"
    neighbour: str = "keda"

    def objects(self, fleet: RealServices) -> list[Json]:
        """Return nothing: the trigger names a minute, so it is made when that is near."""
        del fleet
        return []

    @contextmanager
    def told(self, place: WavePlace) -> Iterator[Told]:
        """Make the ScaledObjects, and wait for their minute."""
        start = _next_minute(datetime.now(UTC) + timedelta(seconds=AHEAD_SECONDS))
        for service in place.fleet.names():
            path = f"/apis/keda.sh/v1alpha1/namespaces/{place.fleet.namespace_of(service)}/scaledobjects"
            place.api.send("POST", path, scaled_object(place.fleet, service, start))
        time.sleep(max(0.0, (start - datetime.now(UTC)).total_seconds()))
        yield Told(time.monotonic())


def _next_minute(moment: datetime) -> datetime:
    return datetime.fromtimestamp(math.ceil(moment.timestamp() / 60) * 60, UTC)


def autoscaler(fleet: RealServices, service: str) -> Json:
    """Return an HPA on CPU; nobody measures any here, so its minimum alone decides."""
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "500m"}}}
    spec = {
        "minReplicas": fleet.first,
        "maxReplicas": 2 * fleet.target,
        "scaleTargetRef": _reference(service),
        "metrics": [cpu],
    }
    metadata = {"name": service, "namespace": fleet.namespace_of(service)}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}


def scaled_object(fleet: RealServices, service: str, start: datetime) -> Json:
    """Return a ScaledObject with KEDA's defaults, whose trigger asks for the target from `start` on."""
    end = start + timedelta(minutes=HOLDS_MINUTES)
    trigger = {
        "timezone": "Etc/UTC",
        "start": f"{start.minute} {start.hour} * * *",
        "end": f"{end.minute} {end.hour} * * *",
        "desiredReplicas": str(fleet.target),
    }
    spec = {
        "minReplicaCount": fleet.first,
        "maxReplicaCount": 2 * fleet.target,
        "scaleTargetRef": {"name": service},
        "triggers": [{"type": "cron", "metadata": trigger}],
    }
    metadata = {"name": service, "namespace": fleet.namespace_of(service)}
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": metadata, "spec": spec}


def _reference(service: str) -> Json:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": service}


CONTENDERS: Final[tuple[WaveContender, ...]] = (BySpringtide("in_place"), BySpringtide("floor"), ByScript(), ByKeda())
