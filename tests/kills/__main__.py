"""Kill each part of a real Airflow under runs on a cluster under load, and see that every run comes to a known end.

    PYTHONPATH=tests python -m kills [--cluster real|sandbox] [--results FOLDER]

Every row of the table is one run of the DAG `scale_service` on a workload of its own; those of a phase run at the same
time. Ends with 0 only when each ended as it should and not one request failed. Takes about half an hour.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

from cluster.build import obstacle
from cluster.settings import REPOSITORY
from e2e.real_cluster import open_real_cluster
from e2e.sandbox_cluster import start_sandbox
from kills.airflow import start_airflow
from kills.cases import PHASES, Case, cases_of, strike
from kills.table import Ended, table, write_results
from kills.workloads import workload

if TYPE_CHECKING:
    from e2e.clusters import Cluster


HOME = REPOSITORY / ".springtide" / "kills"
"""Where the policies, the store and all logs are, until the next time."""


def main() -> int:
    """Do it; return the exit code."""
    parser = argparse.ArgumentParser(prog="kills", description="Kill each part of Airflow under runs under load.")
    parser.add_argument("--cluster", choices=("real", "sandbox"), default="real")
    parser.add_argument("--results", type=Path, help="a folder for kills.md")
    parser.add_argument("--only", nargs="*", default=[], help="the services whose names hold one of these words")
    options = parser.parse_args()
    if options.cluster == "real" and "KUBECONFIG" not in os.environ and (reason := obstacle()):
        sys.stderr.write(f"no Kubernetes for this: KUBECONFIG is not set, and {reason}\n")
        return 1
    rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    with ExitStack() as stack:
        cluster: Cluster = open_real_cluster() if options.cluster == "real" else start_sandbox(HOME)
        stack.callback(cluster.stop)
        ended = struck_and_ended(cluster, HOME, stack, options.only)
    sys.stdout.write(f"\n{table(ended)}\n")
    if options.results is not None:
        write_results(ended, options.results)
    return 0 if all(each.is_good for each in ended) else 1


def struck_and_ended(cluster: Cluster, folder: Path, stack: ExitStack, only: list[str]) -> list[Ended]:
    """Strike every run of a phase, see how all of them end, and go on with the next phase."""
    (folder / "policies").mkdir()
    groups = [[case for case in cases_of(phase) if is_wanted(case, only)] for phase in PHASES]
    workloads = {case: workload(cluster, folder, case, stack) for cases in groups for case in cases}
    airflow = start_airflow(cluster.kubeconfig, folder, stack)
    ended: list[Ended] = []
    for cases in groups:
        with ThreadPoolExecutor(len(cases) or 1) as pool:
            struck = list(pool.map(lambda case: strike(case, workloads[case], airflow), cases))
        ended += [Ended.of(each) for each in struck]
        sys.stdout.write(f"{table(ended[-len(cases) :])}\n" if cases else "")
        sys.stdout.flush()
        for case in cases:
            workloads[case].close()
    return ended


def is_wanted(case: Case, only: list[str]) -> bool:
    """Say whether a case was asked for."""
    return not only or any(word in case.service for word in only)


if __name__ == "__main__":
    sys.exit(main())
