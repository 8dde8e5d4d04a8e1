"""What an executor needs beside Airflow's four parts: nothing, or a broker and two workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from examples.demo.children import Child, Children
from examples.demo.ports import free_ports

WORKERS: Final = 2

Beside = Callable[[Children, Sequence[str], dict[str, str]], Mapping[str, Child]]
"""Starts it, given Airflow's command and its environment, to which it may add; returns the processes by name."""


def nothing(children: Children, airflow: Sequence[str], environment: dict[str, str]) -> Mapping[str, Child]:
    """Start nothing: the scheduler forks its workers."""
    del children, airflow, environment
    return {}


def celery(children: Children, airflow: Sequence[str], environment: dict[str, str]) -> Mapping[str, Child]:
    """Start a Redis and two workers, each with half of the tasks that may run at once."""
    (port,) = free_ports(1)
    words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    broker = children.start("redis", words)
    environment |= {
        "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{port}/0",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"redis://127.0.0.1:{port}/1",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(int(environment["AIRFLOW__CORE__PARALLELISM"]) // WORKERS),
    }
    home = environment["AIRFLOW_HOME"]
    workers = {
        f"worker {number}": children.start(
            f"worker-{number}",
            [*airflow, "celery", "worker", "-H", f"w{number}@loopback", "--pid", f"{home}/w{number}.pid", "-s"],
            environment=environment,
        )
        for number in range(1, WORKERS + 1)
    }
    return {"redis": broker} | workers


EXECUTORS: Final[Mapping[str, Beside]] = {"LocalExecutor": nothing, "CeleryExecutor": celery}
