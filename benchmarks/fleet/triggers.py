"""A thousand waiting runs in one triggerer: `python -m benchmarks.fleet.triggers 1000`.

The triggers of Airflow's waiting tasks, as many as are asked for, in one asyncio loop and over one embedded cluster, by
watches and by polling. The cluster is a process of its own; each run waits for a pod that the quota has no room for.
Measured are the process's memory, threads and connections, what it asks in a minute in which nothing happens, and how
long it is from a change in the cluster (somebody scales the Deployment, which ends the wait) to the trigger's event.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from examples.demo.children import Child, Children

from benchmarks.fleet.cluster import COUNTS
from benchmarks.fleet.processes import own_processor_seconds
from benchmarks.fleet.services import REPLICAS, Fleet, namespace_of
from benchmarks.fleet.sweep import when_all_ready
from benchmarks.table import RESULTS, Table
from springtide.clock import SystemClock

ROWS: Final = (("watches", "30s"), ("polling", "0s"))
CHANGES: Final = 50
BETWEEN_CHANGES: Final = 0.5
START_SECONDS: Final = 900.0
LOAD_SECONDS: Final = 10.0
SETTLE_SECONDS: Final = 20.0
QUIET_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 300.0
WAITING: Final = 3
"""Replicas that each run waits for: one more than the quota has room for."""

SCALED: Final = 1
_OCTET: Final = "110"
"""Of the cluster's network, 127.110.0.0/16: the sweeps' own may be measured at the same time."""

COLUMNS: Final = (
    "triggers",
    "by",
    "memory, MiB",
    "of it by the others than the first",
    "threads",
    "connections",
    "CPU-seconds a minute",
    "API requests a minute",
    "change to event: median, s",
    "95 of 100",
    "most",
)
_STRATEGY: Final = {
    "type": "in_place",
    "patience": {"refused": "1h"},
    "deadlines": {"ready": "1h"},
}


@dataclass
class Waits:
    """The triggers, and when each of them has fired."""

    fired: dict[str, float] = field(default_factory=dict)
    words: str = ""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, number: int, name: str) -> None:
        """Let one trigger wait."""
        from springtide.workload import Workload
        from springtide_airflow.triggers import PhaseTrigger

        workload = Workload(namespace=namespace_of(number), deployment=name, service=name).to_record()
        trigger = PhaseTrigger("instances_ready", workload, run_of(name), time.time() + 3600)
        self.tasks.append(asyncio.get_running_loop().create_task(self._wait(name, trigger)))

    async def _wait(self, name: str, trigger: Any) -> None:
        async for event in trigger.run():
            self.fired[name] = time.monotonic()
            self.words = str(event.payload)


def run_of(name: str) -> str:
    """Return the name of the run that scales a service."""
    return f"benchmark__{name}"


def begin_runs(fleet: Fleet, kubeconfig: Path) -> None:
    """Let a run begin for each service, by the library for the first one and with its Lease as the others' model."""
    from springtide.kube.live import connect
    from springtide.kube.objects import Kind
    from springtide.policy.scaling.model import ScalingPolicy
    from springtide.record.memory import MemoryStore
    from springtide.run import phases
    from springtide.run.assembly import Metrics, assemble
    from springtide.run.ports import RunRequest

    _fill(fleet, kubeconfig)
    first = fleet.names[0]
    kube = connect(kubeconfig)
    ports = assemble(kube, MemoryStore(), Metrics())
    policy = ScalingPolicy.model_validate(_policy(first))
    request = RunRequest(
        run_id=run_of(first),
        policy=policy,
        replicas=WAITING,
        strategy=None,
        requested_by="benchmark",
        reason="a benchmark",
    )
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))
    target = policy.spec.target.workload
    lease = kube.get(Kind.LEASE, target.namespace, target.lease_name)
    model = {key: lease[key] for key in ("apiVersion", "kind", "spec")}
    model["metadata"] = {key: lease["metadata"][key] for key in ("name", "annotations")}
    text = json.dumps(model)
    first_marks = _marks(kube, namespace_of(0), first)
    for number, name in enumerate(fleet.names[1:], 1):
        place = namespace_of(number)
        own = text.replace(first, name).replace(namespace_of(0), place)
        for before, after in zip(first_marks, _marks(kube, place, name), strict=True):
            own = own.replace(before, after)
        kube.create(Kind.LEASE, place, json.loads(own))
        scale(kube, place, name, WAITING)


def _marks(kube: Any, namespace: str, name: str) -> list[str]:
    """Return what a run keeps of the objects of a service, to know them again."""
    from springtide.kube.objects import Deployment, Kind, Service

    deployment = Deployment(kube.get(Kind.DEPLOYMENT, namespace, name))
    return [Service(kube.get(Kind.SERVICE, namespace, name)).uid, deployment.uid, deployment.template_digest]


def _fill(fleet: Fleet, kubeconfig: Path) -> None:
    """Leave no room for another pod in any namespace."""
    server = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    places = Counter(namespace_of(number) for number in range(fleet.services))
    for place, services in places.items():
        quota = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "full"},
            "spec": {"hard": {"pods": str(services * REPLICAS)}},
        }
        path = f"{server}/api/v1/namespaces/{place}/resourcequotas"
        httpx.post(path, json=quota, timeout=60, trust_env=False).raise_for_status()


def scale(kube: Any, namespace: str, name: str, replicas: int) -> None:
    """Set the replicas of a Deployment."""
    from springtide.kube.objects import Deployment, Kind

    found = Deployment(kube.get(Kind.DEPLOYMENT, namespace, name))
    kube.scale(Kind.DEPLOYMENT, namespace, name, replicas, version=found.version)


def _policy(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "springtide/v1",
        "kind": "ScalingPolicy",
        "metadata": {"name": name, "owner": "benchmark"},
        "spec": {
            "target": {"namespace": namespace_of(0), "deployment": name, "service": name},
            "replicas": {"min": 1, "max": 8},
            "capacity": {"models": [{"model": "fixed", "replicas": WAITING}]},
            "strategy": _STRATEGY,
            "preflight": {"only_warn": ["quota"]},
        },
    }


@contextmanager
def airflow_at(home: Path, kubeconfig: Path, trusted: str) -> Iterator[None]:
    """Let this process be a triggerer's as far as springtide's triggers see: by its environment."""
    connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(kubeconfig)}}
    os.environ.update(
        AIRFLOW_HOME=str(home / "airflow"),
        AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home}/airflow.db",
        AIRFLOW_CONN_KUBERNETES_DEFAULT=json.dumps(connection),
        AIRFLOW_CONN_SPRINGTIDE_STORE=json.dumps({"conn_type": "sqlite", "host": str(home / "runs.db")}),
        SPRINGTIDE_WATCH_TRUSTED=trusted,
    )
    yield


def resident_mib() -> float:
    """Return what this process holds in memory."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def status_of(name: str) -> int:
    """Return a number of the kernel's account of this process."""
    return int(Path("/proc/self/status").read_text().partition(f"{name}:")[2].split()[0])


def connections() -> int:
    """Return how many sockets this process has open."""
    places = Path("/proc/self/fd").iterdir()
    return sum(str(place.readlink()).startswith("socket:") for place in places if place.is_symlink())


async def measured(fleet: Fleet, server: str, kubeconfig: Path, by: str) -> list[str]:
    """Let all triggers wait, and return the line about them."""
    from springtide.kube.live import connect

    def asked() -> int:
        return sum(httpx.get(f"{server}{COUNTS}", timeout=60, trust_env=False).json().values())

    kube = connect(kubeconfig)
    waits = Waits()
    waits.start(0, fleet.names[0])  # with everything that the first one has to load
    await asyncio.sleep(LOAD_SECONDS)
    before = resident_mib()
    for number, name in enumerate(fleet.names[1:], 1):
        waits.start(number, name)
    await asyncio.sleep(SETTLE_SECONDS)
    requests = await asyncio.to_thread(asked)
    seconds = own_processor_seconds(os.getpid())
    await asyncio.sleep(QUIET_SECONDS)
    took = own_processor_seconds(os.getpid()) - seconds
    requests = await asyncio.to_thread(asked) - requests
    memory = resident_mib()
    held = (f"{memory:.0f}", f"{memory - before:.0f}", status_of("Threads"), connections())
    sys.stderr.write(f"{by}: {len(waits.fired)} have fired before any change {waits.words}\n")
    changed = await _change(kube, fleet)
    end = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < end and not changed.keys() <= waits.fired.keys():  # noqa: ASYNC110  many may still fire
        await asyncio.sleep(1.0)
    for task in waits.tasks:
        task.cancel()
    await asyncio.gather(*waits.tasks, return_exceptions=True)
    late = sorted(waits.fired.get(name, float("inf")) - at for name, at in changed.items())
    latency = (f"{late[len(late) // 2]:.2f}", f"{late[len(late) * 95 // 100]:.2f}", f"{late[-1]:.2f}")
    return [str(fleet.services), by, *map(str, held), f"{took:.0f}", str(requests), *latency]


async def _change(kube: Any, fleet: Fleet) -> dict[str, float]:
    """Scale some of the Deployments, one after the other; return when."""
    chosen = random.Random(1).sample(list(enumerate(fleet.names)), min(CHANGES, fleet.services))
    changed: dict[str, float] = {}
    for number, name in chosen:
        await asyncio.to_thread(scale, kube, namespace_of(number), name, SCALED)
        changed[name] = time.monotonic()
        await asyncio.sleep(BETWEEN_CHANGES)
    return changed


def measure(services: int, by: str, trusted: str) -> list[str]:
    """Return the line of so many triggers."""
    fleet = Fleet(services=services)
    with (
        tempfile.TemporaryDirectory(prefix="springtide-triggers-") as place,
        Children(Path(place) / "logs") as children,
    ):
        home = Path(place)
        cluster = children.start(
            "cluster", [sys.executable, "-m", "benchmarks.fleet.cluster", str(home), str(services), _OCTET]
        )
        server = _when_ready(home, fleet, cluster)
        with airflow_at(home, home / "kubeconfig", trusted):
            began = SystemClock().monotonic()
            begin_runs(fleet, home / "kubeconfig")
            sys.stderr.write(f"{services} runs wait after {SystemClock().monotonic() - began:.0f} s\n")
            return asyncio.run(measured(fleet, server, home / "kubeconfig", by))


def _when_ready(home: Path, fleet: Fleet, cluster: Child) -> str:
    """Wait until every pod is ready, with patience: the cluster is one process, and busy until then."""
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            return when_all_ready(home, fleet, cluster)
        except httpx.TimeoutException:
            if time.monotonic() > end:
                raise


def main(arguments: list[str]) -> None:
    """Measure, each line in a process of its own, and write the table."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    match arguments:
        case ["line", count, by, trusted]:
            sys.stdout.write(json.dumps(measure(int(count), by, trusted)))
        case _:
            _table([int(each) for each in arguments])


def _table(counts: list[int]) -> None:
    import subprocess

    load = os.getloadavg()[0]
    program = [sys.executable, "-m", "benchmarks.fleet.triggers", "line"]
    rows = []
    for count in counts:
        for by, trusted in ROWS:
            line = subprocess.run([*program, str(count), by, trusted], check=True, stdout=subprocess.PIPE, text=True)
            rows.append(json.loads(line.stdout))
    table = Table(f"Waiting runs in one triggerer; the machine's load was {load:.1f} before", COLUMNS, rows)
    RESULTS.joinpath("triggers.md").write_text(table.to_markdown())
    sys.stdout.write(table.to_markdown())


if __name__ == "__main__":
    main(sys.argv[1:])
