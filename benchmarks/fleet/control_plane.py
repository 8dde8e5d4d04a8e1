"""A fleet on a real control plane: every service grows in one event, and what that asks of the API server.

    SPRINGTIDE_CONTROLLERS=200 tests/cluster/cluster with kwok
    PYTHONPATH=include:plugins:tests tests/cluster/cluster exec .venv/bin/python -m benchmarks.fleet.control_plane \
        --services 300 --from 30 --to 100 --nodes 1000 --write control-plane

kube-apiserver, etcd, the controllers and the scheduler are the real ones; the nodes are KWOK's, so nobody answers a
request: the runs are `in_place`, and a pod counts when the API says that it is ready. springtide is one process of
`springtide prepare`, with PostgreSQL as its store. It is the same conductor as in Airflow, whose tasks take more of two
cores than is left beside a control plane.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.fleet.api_server import ApiServer, Counted, Standing, proven
from benchmarks.fleet.cluster_parts import Parts, most_memory
from benchmarks.fleet.processes import members, processor_seconds
from benchmarks.fleet.real_services import Json, RealServices
from benchmarks.fleet.springtide_prepares import LONGEST, Preparing, preparing
from benchmarks.table import Table
from cluster.lifecycle import Cluster
from cluster.neighbours import add_fake_nodes
from cluster.settings import place_from_environment

EVERY: Final = 2.0
"""Seconds between two looks at the Deployments."""

COUNTED_EVERY: Final = 6.0
"""Seconds between two looks at what was counted: that page costs the API server a tenth of a second."""

DATABASE: Final = "springtide's PostgreSQL"

AFTER: Final = 30.0
"""Seconds that the fleet is watched for after the last run has ended."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What was counted at one time."""

    at: float
    counted: Counted


@dataclass(slots=True)
class Watched:
    """What was seen while the event was prepared; times are seconds from its beginning."""

    services: int
    target: int
    exactly: float | None = None
    said: float = 0.0
    fell: int = 0
    peak_memory: float = 0.0
    moments: list[Moment] = field(default_factory=list)

    def look(self, now: float, standing: Standing) -> None:
        """Take one look into account."""
        right = standing.exactly(self.target)
        if right == self.services and self.exactly is None:
            self.exactly = now
        if self.exactly is not None:
            self.fell = max(self.fell, self.services - right)

    def most(self, name: str) -> float:
        """Return the most of a count a second between two looks."""
        pairs = zip(self.moments, self.moments[1:], strict=False)
        rates = [getattr(b.counted.since(a.counted), name) / (b.at - a.at) for a, b in pairs if b.at > a.at]
        return max(rates, default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A fleet in a cluster, and the folder of its policies and calendars."""

    api: ApiServer
    cluster: Cluster
    fleet: RealServices
    folder: Path


def main(arguments: list[str]) -> None:
    """Measure, and print the table."""
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    cluster = Cluster.get(place_from_environment())
    add_fake_nodes(cluster, asked.nodes)
    fleet = RealServices(name=asked.name, services=asked.services, first=asked.first, target=asked.target, is_fake=True)
    with ApiServer(cluster.place.kubeconfig) as api, tempfile.TemporaryDirectory(prefix="springtide-fleet-") as place:
        took = build_up(api, fleet)
        api.count_springtide()
        scene = Scene(api=api, cluster=cluster, fleet=fleet, folder=Path(place))
        rows = _measured(scene, asked)
    table = _table([["seconds until the fleet stood before it", f"{took:.0f}"], *rows], asked)
    sys.stdout.write(f"{table.to_markdown()}\n")
    if asked.write:
        table.write(asked.write)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=300)
    parser.add_argument("--from", dest="first", type=int, default=30, help="pods of each before the event")
    parser.add_argument("--to", dest="target", type=int, default=100, help="pods of each that it asks for")
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=100, help="the calendar's pace.runs")
    parser.add_argument("--pods-per-minute", type=int, default=6000, help="the calendar's pace.pods_per_minute")
    parser.add_argument("--api-writes", type=int, default=50, help="SPRINGTIDE_API_WRITES")
    parser.add_argument("--name", default="fleet", help="what the namespaces begin with")
    parser.add_argument("--write", help="keep the table as benchmarks/results/NAME.md")
    return parser


def build_up(api: ApiServer, fleet: RealServices) -> float:
    """Make the fleet and wait until it stands; return how many seconds that took."""
    began = time.monotonic()
    kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", documents=fleet.objects())
    while Standing.seen(api, fleet).exactly(fleet.first) < fleet.services:
        if time.monotonic() - began > LONGEST:
            raise SystemExit(f"the fleet does not stand after {LONGEST:g} s")
        time.sleep(EVERY)
    return time.monotonic() - began


def kubectl(*arguments: str, documents: Sequence[Json] = ()) -> None:
    """Run kubectl as the administrator, with a list of objects where there are any.

    Raises:
        SystemExit: it failed.
    """
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}) if documents else None
    done = subprocess.run(
        ["kubectl", *arguments], input=given, capture_output=True, text=True, timeout=900, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"kubectl {' '.join(arguments)}: {done.stderr[-2000:]}")


def _measured(scene: Scene, asked: argparse.Namespace) -> list[list[str]]:
    """Have the event prepared; return the rows of what that took."""
    scene.fleet.write(scene.folder, runs=asked.runs, pods_per_minute=asked.pods_per_minute)
    kubeconfig = scene.api.kubeconfig_of_springtide(scene.folder)
    parts = Parts.of(scene.cluster.pid)
    load = os.getloadavg()[0]
    with preparing(scene.folder, kubeconfig, SPRINGTIDE_API_WRITES=str(asked.api_writes)) as preparation:
        before = parts.processor_seconds() | {DATABASE: processor_seconds(preparation.database)}
        ended_before = ended_children_seconds()
        watched = _watch(scene, preparation)
        report = preparation.report()
        after = parts.processor_seconds() | {DATABASE: processor_seconds(preparation.database)}
        taken = {part: seconds - before[part] for part, seconds in after.items()}
        taken["springtide"] = ended_children_seconds() - ended_before
    rows = _what_became(scene, watched, report)
    rows += _requests(watched, asked)
    rows += [[f"CPU-seconds: {part}", f"{seconds:.1f}"] for part, seconds in taken.items() if seconds >= 0]
    memory = parts.most_memory() | {"springtide": watched.peak_memory}
    rows += [[f"memory at most, MiB: {part}", f"{mib:.0f}"] for part, mib in memory.items()]
    return [*rows, ["load average of the machine before it, and at its end", f"{load:.1f}, {os.getloadavg()[0]:.1f}"]]


def ended_children_seconds() -> float:
    """Return what the processes took that this one has started and that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def _watch(scene: Scene, preparation: Preparing) -> Watched:
    """Look at the fleet until the preparation has ended, and for a while after it."""
    api = scene.api
    watched = Watched(scene.fleet.services, scene.fleet.target)
    watched.moments.append(Moment(0.0, api.counted()))
    while True:
        now = time.monotonic() - preparation.began
        watched.look(now, Standing.seen(api, scene.fleet))
        if not preparation.has_ended():
            watched.said = now
            watched.peak_memory = max(watched.peak_memory, most_memory(members(preparation.pid)))
            if now > LONGEST:
                raise SystemExit(f"the preparation goes on after {LONGEST:g} s")
        elif now > watched.said + AFTER:
            return watched
        if now - watched.moments[-1].at >= COUNTED_EVERY and now <= watched.said + COUNTED_EVERY:
            watched.moments.append(Moment(time.monotonic() - preparation.began, api.counted()))
        time.sleep(EVERY)


def _what_became(scene: Scene, watched: Watched, report: Json) -> list[list[str]]:
    fleet = scene.fleet
    pods = proven(scene.api, fleet)
    right = sum(numbers == (fleet.target, fleet.target) for numbers in pods.values())
    exactly = "never" if watched.exactly is None else f"{watched.exactly:.0f}"
    started = fleet.services * (fleet.target - fleet.first)
    pace = "" if watched.exactly is None else f"{started / watched.exactly * 60:.0f}"
    problems: Json = report.get("problems") or {}
    for service, problem in problems.items():
        sys.stderr.write(f"{service}: {problem}\n")
    return [
        ["pods started", str(started)],
        ["seconds to the last exactly-N", exactly],
        ["pods started a minute", pace],
        ["seconds until springtide had proven all of it", f"{watched.said:.0f}"],
        ["services with exactly N pods that are ready, and N endpoints", f"{right} of {fleet.services}"],
        ["services that left N again within half a minute", str(watched.fell)],
        ["services that springtide calls not as they should be", str(len(problems))],
    ]


def _requests(watched: Watched, asked: argparse.Namespace) -> list[list[str]]:
    first = watched.moments[0]
    last = watched.moments[-1]
    counted = last.counted.since(first.counted)
    seconds = last.at - first.at
    said = f"writes of springtide: a second on average, at most in {COUNTED_EVERY:g} s, bound"
    rates = f"{counted.writes / seconds:.1f}, {watched.most('writes'):.1f}, {asked.api_writes}"
    return [
        ["writes of springtide: in all, a service", f"{counted.writes}, {counted.writes / watched.services:.1f}"],
        [said, rates],
        ["reads of springtide: in all, a service", f"{counted.reads}, {counted.reads / watched.services:.1f}"],
        ["reads of springtide: a second on average", f"{counted.reads / seconds:.1f}"],
        ["requests of springtide that the API server refused as too many", str(counted.refused)],
        ["writes of everybody: in all", str(counted.changes)],
        [
            "writes of everybody: a second on average, at most",
            f"{counted.changes / seconds:.0f}, {watched.most('changes'):.0f}",
        ],
        ["puts of etcd: a second on average, at most", f"{counted.puts / seconds:.0f}, {watched.most('puts'):.0f}"],
    ]


def _table(rows: list[list[str]], asked: argparse.Namespace) -> Table:
    pace = os.environ.get("SPRINGTIDE_CONTROLLERS") or "20 and 50"
    title = (
        f"{asked.services} services from {asked.first} to {asked.target} pods in one event on {asked.nodes} nodes, "
        f"pace {asked.pods_per_minute} pods a minute and {asked.runs} runs, {asked.api_writes} writes a second, "
        f"controllers and scheduler {pace} calls a second"
    )
    return Table(title, ("what", "measured"), rows)


if __name__ == "__main__":
    main(sys.argv[1:])
