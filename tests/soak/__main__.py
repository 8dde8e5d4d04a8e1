"""Switch one service over, back and forth for an hour, under live load, and count what fails.

    PYTHONPATH=tests python -m soak [--switchovers 200] [--requests 1000000] [--minutes 75] [--results FOLDER]

Runs on the cluster that KUBECONFIG names, else on one that it starts here. Ends with 0 only when every request was
answered, every run ended as it should, and as many of both were made as were asked for.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
from pathlib import Path

from cluster.build import obstacle
from e2e.command import Springtide
from e2e.manifests import Web
from e2e.observer import Observer
from e2e.real_cluster import open_real_cluster
from e2e.scenario import Scenario
from e2e.stages import Given
from soak.course import Asked, Course
from soak.table import Soak, table, write_results


def main() -> int:
    """Do it; return the exit code."""
    asked, results = parsed()
    if "KUBECONFIG" not in os.environ and (reason := obstacle()):
        sys.stderr.write(f"no Kubernetes to soak: KUBECONFIG is not set, and {reason}\n")
        return 1
    cluster = open_real_cluster()
    see = Observer(cluster.kubeconfig, f"soak-{secrets.token_hex(4)}")
    try:
        see.create_namespace()
        with tempfile.TemporaryDirectory(prefix="springtide-soak-") as folder:
            given = Given(
                Scenario(
                    cluster,
                    see,
                    Springtide(cluster.kubeconfig_for(see, Path(folder)), Path(folder)),
                    Web(see.namespace),
                )
            )
            soak = soaked(given, asked)
        see.delete_namespace()
    finally:
        see.close()
        cluster.stop()
    sys.stdout.write(f"\n{table(soak)}\n")
    if results is not None:
        write_results(soak, results)
    return 0 if soak.is_good(asked) else 1


def soaked(given: Given, asked: Asked) -> Soak:
    """Go the whole course; the load ends with it, whatever ends it."""
    course = Course.under_load(given, asked)
    try:
        course.go()
        return course.finish()
    finally:
        course.kill()


def parsed() -> tuple[Asked, Path | None]:
    """Return what was asked for, and where the results go."""
    parser = argparse.ArgumentParser(prog="soak", description="Switchovers under live load; every failure counts.")
    parser.add_argument("--switchovers", type=int, default=200)
    parser.add_argument("--requests", type=int, default=0, help="go on until that many were sent")
    parser.add_argument("--minutes", type=float, default=75.0, help="stop after that long, whatever is missing")
    parser.add_argument("--results", type=Path, help="a folder for soak.md and soak.json")
    options = parser.parse_args()
    return Asked(options.switchovers, options.requests, options.minutes * 60), options.results


if __name__ == "__main__":
    sys.exit(main())
