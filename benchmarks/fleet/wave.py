"""A wave: so many services from one pod to two in one run of `prepare_events`, through a real Airflow.

    PYTHONPATH=include:plugins:tests python -m benchmarks.fleet.wave [--services 100] [--write NAME]

Starts everything by itself in an empty folder and ends it: a PostgreSQL for Airflow and the store, an embedded cluster,
and Airflow's parts, each a process of its own. First one service is prepared, then all others at once; both times it is
counted from the asking until every workload has exactly its two ready replicas, and until the run has ended.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import yaml
from examples.demo.airflow_server import ROOT
from examples.demo.children import Children
from examples.demo.ports import free_ports

from benchmarks.fleet.airflow_parts import Running, start
from benchmarks.fleet.executors import EXECUTORS
from benchmarks.fleet.processes import own_processor_seconds, processor_seconds
from benchmarks.fleet.task_times import TaskTimes, last_proof, task_times
from benchmarks.fleet.wave_services import MOST_AT_ONCE, name_of, write
from benchmarks.table import Table
from springtide.sandbox.core import Settings

LONGEST: Final = 1800.0
TARGET: Final = 2
COLUMNS: Final = ("what", "one service", "the wave")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One event: its services, the seconds from the asking, CPU-seconds by process, and what the tasks took.

    `exactly` is when the last service had its number, `proven` when its run had proven that, `ended` when Airflow was
    done with all of it. `cpu` is until the end, `cpu_exactly` until the last service had its number.
    """

    services: int
    exactly: float
    proven: float
    ended: float
    cpu: Mapping[str, float]
    cpu_exactly: Mapping[str, float]
    tasks: TaskTimes


@dataclass(frozen=True, slots=True)
class Cluster:
    """The embedded cluster: its API, and its process."""

    client: httpx.Client
    pid: int

    def standing(self) -> int:
        """Return how many services have exactly the replicas that are asked for, all of them ready."""
        answer = self.client.get("/apis/apps/v1/deployments")
        answer.raise_for_status()
        statuses = [item.get("status", {}) for item in answer.json()["items"]]
        return sum(status.get("replicas") == status.get("readyReplicas") == TARGET for status in statuses)


def main(arguments: list[str]) -> None:
    """Measure, and print the table."""
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # what was started is ended
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="springtide-wave-")))
        if asked.keep:
            stack.callback(_keep, folder, Path(asked.keep))
        write(
            folder,
            asked.services + 2,
            runs=asked.runs,
            pods_per_minute=asked.pods_per_minute,
            startup=asked.startup,
        )
        cluster = started_cluster(folder, asked.services + 2, stack)
        settings = {"AIRFLOW__CORE__EXECUTOR": asked.executor, "AIRFLOW__CORE__PARALLELISM": str(asked.parallelism)}
        running = start(
            folder,
            folder / "kubeconfig",
            stack,
            settings=settings,
            beside=EXECUTORS[asked.executor],
            airflow=[str(asked.python), "-m", "airflow"],
        )
        _event(running, cluster, "warm", range(1), 0)  # what is imported and opened once costs the first run alone
        one = _event(running, cluster, "one", range(1, 2), 1)
        wave = _event(running, cluster, "wave", range(2, 2 + asked.services), 2)
    least = (asked.services - 1) * 60 / asked.pods_per_minute
    table = _table(one, wave, least, asked)
    sys.stdout.write(f"{table.to_markdown()}\n")
    if asked.write:
        table.write(asked.write)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=MOST_AT_ONCE)
    parser.add_argument("--runs", type=int, default=MOST_AT_ONCE, help="the calendar's pace.runs")
    parser.add_argument("--pods-per-minute", type=int, default=6000, help="the calendar's pace.pods_per_minute")
    parser.add_argument("--parallelism", type=int, default=16, help="tasks that run at once")
    parser.add_argument("--executor", choices=sorted(EXECUTORS), default="LocalExecutor")
    parser.add_argument("--python", type=Path, default=sys.executable, help="of an environment with the executor's own")
    parser.add_argument("--startup", type=int, default=1, help="seconds until a new pod is ready")
    parser.add_argument("--write", help="keep the table as benchmarks/results/NAME.md")
    parser.add_argument("--keep", help="copy all logs to this folder")
    return parser


def started_cluster(folder: Path, services: int, stack: ExitStack) -> Cluster:
    """Start an embedded cluster of the `objects.yaml` in `folder`, with room for the `services` after the wave.

    Its kubeconfig is left in `folder` as well.
    """
    children = stack.enter_context(Children(folder / "cluster-logs"))
    program = str(Path(sys.executable).with_name("springtide"))
    kubeconfig = folder / "kubeconfig"
    (port,) = free_ports(1)
    # Too few nodes look like a wave that never ends: the preflight refuses each of its runs, and rightly.
    words = [
        program,
        "sandbox",
        "--port",
        str(port),
        "--kubeconfig",
        str(kubeconfig),
        "-f",
        str(folder / "objects.yaml"),
        "--nodes",
        str(1 + services * TARGET // Settings().node_pods),
    ]
    child = children.start("sandbox", words, environment={"PYTHONPATH": str(ROOT / "include")})
    while not kubeconfig.exists():
        child.require_alive()
        time.sleep(0.2)
    server = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    client = stack.enter_context(httpx.Client(base_url=server, timeout=30, trust_env=False))
    return Cluster(client, child.process.pid)


def _event(running: Running, cluster: Cluster, name: str, numbers: range, stood: int) -> Measured:
    """Ask for an event of these services, and wait for its end; `stood` services have their replicas before."""
    pids = running.pids() | {"cluster": cluster.pid}
    before = _taken(pids)
    now = datetime.now(UTC)
    conf = {
        "name": name,
        "start": f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M}:00Z",
        "end": f"{now + timedelta(hours=3):%Y-%m-%dT%H:%M}:00Z",
        "services": [f"{name_of(number)}={TARGET}" for number in numbers],
        "reason": "a wave",
    }
    began = time.monotonic()
    asked_at = time.time()
    running.post("/dags/prepare_events/dagRuns", {"dag_run_id": name, "logical_date": None, "conf": conf})
    wanted = stood + len(numbers)
    exactly = running.until(
        f"{name} stands", lambda: cluster.standing() == wanted or _has_failed(running, name), LONGEST
    )
    at_exactly = _taken(pids)
    running.until(f"{name} has ended", lambda: _state(running, name) in {"success", "failed"}, LONGEST)
    ended = time.monotonic() - began
    if _has_failed(running, name):
        raise SystemExit(f"{name} has failed: {_tasks(running, name)}")
    after = _taken(pids)
    return Measured(
        services=len(numbers),
        exactly=exactly,
        proven=last_proof(running.store) - asked_at,
        ended=ended,
        cpu={kind: after[kind] - before[kind] for kind in after},
        cpu_exactly={kind: at_exactly[kind] - before[kind] for kind in after},
        tasks=task_times(running.database, name),
    )


def _taken(pids: Mapping[str, int]) -> dict[str, float]:
    taken = {kind: processor_seconds(pid) for kind, pid in pids.items()}
    own = own_processor_seconds(pids["scheduler"])
    return taken | {"scheduler": own, "tasks that it forked": taken["scheduler"] - own}


def _has_failed(running: Running, run_id: str) -> bool:
    return _state(running, run_id) == "failed"


def _state(running: Running, run_id: str) -> str:
    return str(running.get(f"/dags/prepare_events/dagRuns/{run_id}")["state"])


def _tasks(running: Running, run_id: str) -> dict[str, Any]:
    instances = running.get(f"/dags/prepare_events/dagRuns/{run_id}/taskInstances", limit=200)["task_instances"]
    return {each["task_id"]: each["state"] for each in instances}


def _table(one: Measured, wave: Measured, least: float, asked: argparse.Namespace) -> Table:
    both = (one, wave)
    rows = [
        ["services", *(str(each.services) for each in both)],
        ["seconds to the last exactly-N", *(f"{each.exactly:.1f}" for each in both)],
        ["over what the pace sets, s", f"{one.exactly:.1f}", f"{wave.exactly - least:.1f}"],
        ["seconds to the end of the run", *(f"{each.ended:.1f}" for each in both)],
        ["seconds until each run had proven it", *(f"{each.proven:.1f}" for each in both)],
        ["factor, exactly-N", "1", f"{wave.exactly / one.exactly:.1f}"],
        ["factor, proven", "1", f"{wave.proven / one.proven:.1f}"],
        ["processes of tasks", *(str(each.tasks.processes) for each in both)],
        ["CPU-seconds", *(f"{sum(each.cpu.values()):.1f}" for each in both)],
        ["CPU-seconds a service", *(f"{sum(each.cpu.values()) / each.services:.2f}" for each in both)],
        ["CPU-seconds until exactly-N", *(f"{sum(each.cpu_exactly.values()):.1f}" for each in both)],
        ["the same, a service", *(f"{sum(each.cpu_exactly.values()) / each.services:.2f}" for each in both)],
        *([f"the same: {kind}", *(f"{each.cpu_exactly[kind]:.1f}" for each in both)] for kind in one.cpu),
        *([f"CPU-seconds: {kind}", *(f"{each.cpu[kind]:.1f}" for each in both)] for kind in one.cpu),
        *([f"median s: {task}", *(each.tasks.cell(task) for each in both)] for task in wave.tasks.names()),
    ]
    title = (
        f"{asked.services} services in one wave, {asked.executor}, {asked.parallelism} tasks at once, "
        f"pace {asked.pods_per_minute} pods a minute and {asked.runs} runs, pods ready after {asked.startup} s"
    )
    return Table(title, COLUMNS, rows)


def _keep(folder: Path, place: Path) -> None:
    import shutil

    for name in ("logs", "cluster-logs"):
        shutil.copytree(folder / name, place / name, dirs_exist_ok=True)
    shutil.copytree(folder / "airflow" / "logs", place / "tasks", dirs_exist_ok=True)


if __name__ == "__main__":
    main(sys.argv[1:])
