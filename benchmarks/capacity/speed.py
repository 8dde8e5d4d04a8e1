"""How fast: plans, profiles and tuning for a thousand services, one backtest, and the import.

    python -m benchmarks.capacity.speed [--services N] [--tuned N] [--out FILE.csv]

Every service has 30 days of demand per minute, made by rule, in a file of a local store (numpy, one row a service).
"""

from __future__ import annotations

import argparse
import csv
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.capacity.folder import RESULTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

DAY = 1440
DAYS = 30
PROCESSES = 2
PEAK = 40.0
NOW = datetime(2026, 11, 11, tzinfo=UTC)
COLUMNS = ("what", "measured", "limit", "unit", "note")


def write_store(folder: Path, services: int) -> Path:
    """Write `services` histories: a day, a week and gamma noise of 2 to 30 %, each at its own phase."""
    draw = np.random.default_rng(0)
    minute = np.arange(DAY * DAYS)
    path = folder / "demand.npy"
    table = np.lib.format.open_memmap(path, mode="w+", dtype=np.float64, shape=(services, len(minute)))
    for row in range(services):
        phase = draw.uniform(0, 2 * np.pi)
        shape = draw.uniform(0.02, 0.3) ** -2
        level = 20 + 12 * np.sin(2 * np.pi * minute / DAY + phase) + 4 * np.sin(2 * np.pi * minute / DAY / 7)
        table[row] = level * draw.gamma(shape, 1 / shape, len(minute))
    table.flush()
    return path


def plan_all(path: Path, rows: range) -> tuple[float, int]:
    """Plan `rows` by `model: auto`; return the CPU seconds that it took, and this process's peak memory in KiB."""
    from springtide.capacity.auto import Auto
    from springtide.demand.model import DemandSeries

    table = np.load(path, mmap_mode="r")
    times = NOW.timestamp() - 60.0 * np.arange(table.shape[1], 0, -1)
    model = Auto(per_replica=1.0)
    started = time.process_time()
    for row in rows:
        demand = DemandSeries(times=times, values=np.asarray(table[row]), unit="requests/s", source="store")
        assert model.answer(demand, replicas=20, now=NOW).replicas > 0
    return time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def profile_all(table: NDArray[np.float64]) -> None:
    """Take the 95 % quantile of every minute of the day over 30 days, for every service.

    For comparison: it is numpy alone, and no model takes such a profile (`seasonal` looks at one stretch of the day).
    """
    rank = int(np.ceil(0.95 * DAYS)) - 1
    for row in table:
        np.partition(row.reshape(DAYS, DAY), rank, axis=0)


def tune_all(path: Path, rows: range) -> tuple[float, int]:
    """Tune `rows` over the whole grid; return the CPU seconds that it took, and this process's peak memory in KiB."""
    from springtide.backtest.daily import service_history, tune_today
    from springtide.capacity.minutes import Minutes
    from springtide.policy.scaling.auto import AutoSpec

    table = np.load(path, mmap_mode="r")
    spec = AutoSpec(per_replica=1.0, autoscaler="tuned")
    started = time.process_time()
    for row in rows:
        seen = Minutes(NOW.timestamp() - 60.0 * table.shape[1], np.asarray(table[row][-28 * DAY :]))
        assert tune_today(service_history(seen, spec, fewest=2), spec, 60, now=NOW) is not None
    return time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def in_parallel(
    work: Callable[[Path, range], tuple[float, int]], path: Path, services: int
) -> tuple[float, float, float]:
    """Return seconds, CPU seconds a process, and peak memory in GB: all services on two processes, after a warm-up."""
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("fork")) as pool:
        list(pool.map(work, [path] * PROCESSES, [range(1)] * PROCESSES))
        started = time.perf_counter()
        parts = [range(start, services, PROCESSES) for start in range(PROCESSES)]
        measured = list(pool.map(work, [path] * PROCESSES, parts))
        took = time.perf_counter() - started
        return took, sum(used for used, _ in measured) / PROCESSES, sum(peak for _, peak in measured) / 1024**2


def backtest_once(path: Path) -> float:
    """Return seconds of one policy's replay over 14 days of 15 s ticks, its plans included, after a warm-up."""
    from benchmarks.capacity.warm_up import warm_up

    from springtide.backtest.policies import Workbench
    from springtide.backtest.simulate import SimulatedAutoscaler, replay_autoscaler
    from springtide.backtest.trace import Trace

    demand = np.asarray(np.load(path, mmap_mode="r")[0])[-28 * DAY :]
    trace = Trace(name="speed", start=0.0, demand=demand, scored=14 * DAY, per_replica=1.0)
    warm_up()
    Workbench.of(trace, 60, interval=15)
    started = time.perf_counter()
    shared = Workbench.of(trace, 60, interval=15)
    scored = trace.from_scored()
    replay_autoscaler(
        scored, SimulatedAutoscaler("rps", 0.7), 60, plans=shared.plans, row=np.ones(scored.day_count, np.int64)
    )
    return time.perf_counter() - started


def import_once() -> float:
    """Return the median seconds that `import springtide` takes, Python's own start included, of five processes."""

    def run(code: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
        return time.perf_counter() - started

    return float(np.median([run("import springtide") for _ in range(5)]))


def measure(services: int, tuned: int) -> list[tuple[object, ...]]:
    """Return the table's rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_store(Path(folder), services)
        rows: list[tuple[object, ...]] = []
        seconds, used, memory = in_parallel(plan_all, path, services)
        scaled = 1000 / services
        note = f"{services} services x {DAYS} d x 1 min, 2 processes"
        spent = f"{note}; CPU of each {used * scaled:.1f} s"
        rows.append(("plans of 1,000 services", round(seconds * scaled, 1), 60, "s", spent))
        rows.append(("their memory", round(memory, 2), 2, "GB", note))
        table = np.load(path)
        started = time.perf_counter()
        profile_all(table)
        took = (time.perf_counter() - started) * scaled
        rows.append(("numpy's quantile profile of 1,000", round(took, 2), 1, "s", note))
        del table
        rows.append(("one backtest, 14 d of 15 s ticks", round(backtest_once(path), 2), 1, "s", "after warm-up"))
        seconds, used, _ = in_parallel(tune_all, path, tuned)
        note = (
            f"{tuned} services, times {1000 / tuned:g}; CPU of each of 2 processes {used * 1000 / tuned / 60:.1f} min"
        )
        took = seconds * 1000 / tuned / 60
        rows.append(("tuning of 1,000 services", round(took, 1), 15, "min", note))
    rows.append(("import springtide", round(import_once(), 3), 0.3, "s", "median of 5"))
    return rows


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--tuned", type=int, default=40)
    parser.add_argument("--out", type=Path, default=RESULTS / "speed.csv")
    args = parser.parse_args()
    started = datetime.now(UTC)
    rows = [COLUMNS, *measure(args.services, args.tuned)]
    for row in rows:
        print(*row, sep=",")
    with args.out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    print(f"{(datetime.now(UTC) - started) / timedelta(seconds=1):.0f} s")


if __name__ == "__main__":
    main()
