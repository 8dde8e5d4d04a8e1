"""A wave of services on a real cluster: by springtide, by KEDA's cron trigger, by HPAs whose minimum a script raises.

    tests/cluster/cluster with keda
    PYTHONPATH=include:plugins:tests tests/cluster/cluster exec .venv/bin/python -m benchmarks.fleet.wave_peers \
        --services 20 --from 1 --to 2 --write wave-peers

Each has a fleet of its own, made before, and is told once to have every service at its target. Every service gets
requests from before that until the fleet was watched for a minute after it stood. With `--fake` the pods are on nodes
that nobody is (`cluster with kwok`): then there are as many as one wants, and no requests.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.fleet.api_server import ApiServer, Standing, proven
from benchmarks.fleet.cluster_parts import Parts
from benchmarks.fleet.control_plane import Scene, build_up, ended_children_seconds, kubectl
from benchmarks.fleet.real_services import RealServices
from benchmarks.fleet.wave_contenders import CONTENDERS, Told, WaveContender, WavePlace
from benchmarks.fleet.wave_load import WaveLoad
from benchmarks.table import Table
from cluster.lifecycle import Cluster
from cluster.neighbours import add_fake_nodes, installed
from cluster.settings import place_from_environment

EVERY: Final = 0.5
"""Seconds between two looks."""

LATEST: Final = (15.0, 30.0, 60.0)
"""Seconds after it was told: how many services have another number of pods then."""

GIVEN_UP: Final = 420.0
"""Seconds after which what does not stand is not waited for."""


@dataclass(slots=True)
class Wave:
    """What one contender came to; times are seconds from when it was told."""

    services: int
    target: int
    looks: list[tuple[float, Standing]] = field(default_factory=list)
    held: float = 60.0
    said: float | None = None
    requests: int = 0
    failed: int = 0
    cpu: float = 0.0
    right: int = 0

    @property
    def first(self) -> float | None:
        """When the first service stood."""
        return next((at for at, seen in self.looks if seen.exactly(self.target)), None)

    @property
    def stood(self) -> float | None:
        """When every service stood."""
        return next((at for at, seen in self.looks if seen.exactly(self.target) == self.services), None)

    def short(self, after: float) -> int:
        """Return how many services had another number than asked for, so long after it was told."""
        seen = next((seen for at, seen in self.looks if at >= after), self.looks[-1][1])
        return self.services - seen.exactly(self.target)

    def left(self) -> int:
        """Return how many at once had another number again, once all had stood."""
        stood = self.stood
        after = [] if stood is None else [seen for at, seen in self.looks if at >= stood]
        return max((self.services - seen.exactly(self.target) for seen in after), default=0)

    def above(self) -> int:
        """Return how many pods of one service were asked for at most beyond the target."""
        return max(max(0, wanted - self.target) for _, seen in self.looks for wanted, _, _ in seen.of.values())


def main(arguments: list[str]) -> None:
    """Let each have its wave, and print the table."""
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    cluster = Cluster.get(place_from_environment())
    if asked.fake:
        add_fake_nodes(cluster, asked.nodes)
    there = installed(cluster.place)
    contenders = [
        each
        for each in CONTENDERS
        if (not each.neighbour or each.neighbour in there) and any(word in each.who for word in asked.only or [""])
    ]
    waves: list[Wave] = []
    with ApiServer(cluster.place.kubeconfig) as api:
        for number, contender in enumerate(contenders):
            fleet = RealServices(
                name=f"wave{number}",
                services=asked.services,
                first=asked.first,
                target=asked.target,
                is_fake=asked.fake,
            )
            wave = Wave(fleet.services, fleet.target, held=asked.held)
            waves.append(wave)
            with tempfile.TemporaryDirectory(prefix="springtide-wave-") as folder:
                scene = Scene(api=api, cluster=cluster, fleet=fleet, folder=Path(folder))
                _play(scene, contender, wave, rate=0 if asked.fake else asked.rate)
            table = _table(contenders[: number + 1], waves, asked)
            sys.stdout.write(f"{table.to_markdown()}\n")
            sys.stdout.flush()
            if asked.write:  # after each of them: one that fails takes no other's figures away
                table.write(asked.write)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=20)
    parser.add_argument("--from", dest="first", type=int, default=1, help="pods of each before")
    parser.add_argument("--to", dest="target", type=int, default=2, help="pods of each that are asked for")
    parser.add_argument("--rate", type=float, default=40.0, help="requests a second, over all services")
    parser.add_argument("--held", type=float, default=60.0, help="seconds that a wave is watched for after it stood")
    parser.add_argument("--only", nargs="+", help="only those whose names hold one of these words")
    parser.add_argument("--fake", action="store_true", help="pods of KWOK, on nodes that nobody is")
    parser.add_argument("--nodes", type=int, default=100, help="how many of those there are")
    parser.add_argument("--write", help="keep the table as benchmarks/results/NAME.md")
    return parser


def _play(scene: Scene, contender: WaveContender, wave: Wave, *, rate: float) -> None:
    """Make a fleet, tell the contender, watch, and take the fleet away."""
    api = scene.api
    fleet = scene.fleet
    build_up(api, fleet)
    api.count_springtide()
    if beside := contender.objects(fleet):
        kubectl("apply", "--server-side", "--filename=-", documents=beside)
    settle(api, fleet)
    parts = Parts.of(scene.cluster.pid)
    with WaveLoad(_addresses(api, fleet), rate) as load:
        place = WavePlace(api=api, fleet=fleet, folder=scene.folder)
        with contender.told(place) as told:
            before = parts.processor_seconds().get(contender.neighbour, 0.0)
            ended = ended_children_seconds()
            _watch(place, wave, told)
            own = parts.processor_seconds().get(contender.neighbour, 0.0) - before
            wave.cpu = own + ended_children_seconds() - ended
    wave.requests = load.requests
    wave.failed = load.failed
    wave.right = sum(numbers == (fleet.target, fleet.target) for numbers in proven(api, fleet).values())
    kubectl("delete", "namespace", "--wait=true", *fleet.namespaces())


def settle(api: ApiServer, fleet: RealServices) -> None:
    """Wait until every autoscaler of the fleet, where there is one, has taken its first look."""
    deadline = time.monotonic() + GIVEN_UP
    while time.monotonic() < deadline:
        found = [
            each
            for namespace in fleet.namespaces()
            for each in api.items(f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers")
        ]
        if all(each.get("status", {}).get("conditions") for each in found):
            return
        time.sleep(EVERY)
    raise SystemExit(f"an autoscaler of {fleet.name} has not looked after {GIVEN_UP:g} s")


def _addresses(api: ApiServer, fleet: RealServices) -> list[str]:
    found = [each for namespace in fleet.namespaces() for each in api.items(f"/api/v1/namespaces/{namespace}/services")]
    return [str(each["spec"]["clusterIP"]) for each in found]


def _watch(place: WavePlace, wave: Wave, told: Told) -> None:
    """Look until the fleet has stood for a minute and the contender calls itself done, or until it is given up."""
    while True:
        now = time.monotonic() - told.at
        wave.looks.append((now, Standing.seen(place.api, place.fleet)))
        if wave.said is None and told.has_ended():
            wave.said = now
        stood = wave.stood
        is_done = told.process is None or wave.said is not None
        if (stood is not None and now > stood + wave.held and is_done) or now > GIVEN_UP:
            return
        time.sleep(EVERY)


def _cells(wave: Wave) -> list[str]:
    return [
        _seconds(wave.first),
        _seconds(wave.stood),
        _seconds(wave.said),
        *(str(wave.short(after)) for after in LATEST),
        str(wave.left()),
        str(wave.above()),
        f"{wave.right} of {wave.services}",
        f"{wave.failed} of {wave.requests}" if wave.requests else "",
        f"{wave.cpu:.1f}",
    ]


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f}"


def _table(contenders: Sequence[WaveContender], waves: Sequence[Wave], asked: argparse.Namespace) -> Table:
    what = [
        "seconds until the first service had exactly N",
        "seconds until every service had exactly N",
        "seconds until it said so by itself",
        *(f"services without exactly N after {after:g} s" for after in LATEST),
        f"services that left N again within {asked.held:g} s",
        "pods of one service beyond N, at most",
        "services with exactly N ready pods and N endpoints in the end",
        "requests failed",
        "its own CPU-seconds",
    ]
    rows = [[name, *cells] for name, *cells in zip(what, *map(_cells, waves), strict=True)]
    rows.append(["load average of the machine at the end", *[f"{os.getloadavg()[0]:.1f}"] * len(waves)])
    pods = "pods of KWOK" if asked.fake else "real pods"
    title = f"{asked.services} services from {asked.first} to {asked.target} {pods}, told at 0 s"
    return Table(title, ("what", *(each.who for each in contenders)), rows)


if __name__ == "__main__":
    main(sys.argv[1:])
