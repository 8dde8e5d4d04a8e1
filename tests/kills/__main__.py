"""Kill each part of a real Airflow under runs on a cluster under load, and see that every run comes to a known end.

    PYTHONPATH=tests python -m kills [--cluster real|sandbox] [--results FOLDER]

Every row of the table is one run of the DAG `scale_service` on a workload of its own; those of a phase run at the same
time. Ends with 0 only when each ended as it should and not one request failed. Takes about half an hour.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

from cluster.build import obstacle
from cluster.settings import REPOSITORY
from e2e.real_airflow import RealAirflow
from e2e.real_cluster import open_real_cluster
from e2e.sandbox_cluster import start_sandbox
from e2e.workloads import Site
from kills.airflow import StruckAirflow
from kills.cases import PACE, PHASES, Case, cases_of, policy_in, strike
from kills.told import Told

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
    if not any(is_wanted(case, options.only) for phase in PHASES for case in cases_of(phase)):
        parser.error(f"--only {' '.join(options.only)}: no service has such a name")
    rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    with ExitStack() as stack:
        cluster: Cluster = open_real_cluster() if options.cluster == "real" else start_sandbox(HOME)
        stack.callback(cluster.stop)
        told = Told(options.results)
        strike_and_end(cluster, HOME, stack, options.only, told)
    sys.stdout.write(f"\n{told.page()}\n")
    return 0 if told.is_good else 1


def strike_and_end(cluster: Cluster, folder: Path, stack: ExitStack, only: list[str], told: Told) -> None:
    """Strike every run of a phase, see how all of them end, tell it, and go on with the next phase."""
    site = Site(cluster, folder, stack)
    groups = [[case for case in cases_of(phase) if is_wanted(case, only)] for phase in PHASES]
    workloads = {case: site.workload(case.service, PACE, policy_in) for cases in groups for case in cases}
    first = next(iter(workloads.values()))
    airflow = StruckAirflow(RealAirflow.start(first.kubeconfig, folder, stack))
    for cases in filter(None, groups):
        with ThreadPoolExecutor(len(cases)) as pool:
            under_way = {case: pool.submit(strike, case, workloads[case], airflow) for case in cases}
            wait(under_way.values())
        told.tell(under_way)
        for case in cases:
            workloads[case].close()


def is_wanted(case: Case, only: list[str]) -> bool:
    """Say whether a case was asked for."""
    return not only or any(word in case.service for word in only)


if __name__ == "__main__":
    sys.exit(main())
