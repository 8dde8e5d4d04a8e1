"""Deploy in six ways in each phase of a run, and after it, under load on a real Kubernetes, and see what comes of it.

    PYTHONPATH=tests python -m deploys [--results FOLDER] [--ways WORD ...] [--moments WORD ...] [--at-once N]

Every cell of the table is one `springtide run` on a workload of its own; six are played at the same time. Ends with 0
only when each ended as it should and not one request failed. Takes about ten minutes on two cores; Helm is compiled
first where the cache has none.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

from cluster.build import obstacle
from cluster.settings import REPOSITORY
from deploys import helm
from deploys.cells import MOMENTS, Case, played
from deploys.numbers import MANIFESTS, numbered
from deploys.owner import Tools
from deploys.table import Deploys, page, text, write_results
from deploys.ways import WAYS
from deploys.workloads import Field
from e2e.real_cluster import open_real_cluster
from springtide import __version__

if TYPE_CHECKING:
    from deploys.cells import Cell
    from e2e.real_cluster import RealCluster

HOME = REPOSITORY / ".springtide" / "deploys"
"""Where manifests, charts and records are, until the next time."""


def main() -> int:
    """Do it; return the exit code."""
    options = parsed()
    if "KUBECONFIG" not in os.environ and (reason := obstacle()):
        sys.stderr.write(f"no Kubernetes for this: KUBECONFIG is not set, and {reason}\n")
        return 1
    cases = [
        Case(way, moment)
        for moment in MOMENTS
        for way in WAYS
        if is_wanted(way.slug, options.ways) and is_wanted(moment, options.moments)
    ]
    program = helm.built()
    rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    cluster = open_real_cluster()
    try:
        deploys = deployed(cluster, tools(cluster, program), cases, options)
    finally:
        cluster.stop()
    sys.stdout.write(f"\n{page(deploys)}")
    if options.results is not None:
        write_results(deploys, options.results)
    return 0 if deploys.is_good else 1


def parsed() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(prog="deploys", description="Deploys during and after runs, under load.")
    parser.add_argument("--results", type=Path, help="a folder for deploys.md and deploys.json")
    parser.add_argument("--ways", nargs="*", default=[], help="those whose names hold one of these words")
    parser.add_argument("--moments", nargs="*", default=[], help="those whose names hold one of these words")
    parser.add_argument("--at-once", type=int, default=6, help="how many cells are played at the same time")
    return parser.parse_args()


def is_wanted(name: str, words: list[str]) -> bool:
    """Say whether something was asked for."""
    return not words or any(word in name for word in words)


def tools(cluster: RealCluster, program: Path) -> Tools:
    """Return the programs: kubectl is the one of tests/cluster, or that of somebody else's cluster."""
    path = cluster.own.environment()["PATH"] if cluster.own else os.environ["PATH"]
    return Tools(cluster.kubeconfig, program, path)


def deployed(cluster: RealCluster, programs: Tools, cases: list[Case], options: argparse.Namespace) -> Deploys:
    """Play every cell, then the manifests that say `replicas`."""
    image = f"localhost/web:deploys-{secrets.token_hex(4)}"
    cluster.provide_image(image)
    where = Field(cluster, programs, HOME, image)
    try:
        with ThreadPoolExecutor(options.at_once) as pool:
            cells = list(pool.map(lambda case: told(played(case, where)), cases))
            manifests = [way for way in MANIFESTS if is_wanted(way.slug, options.ways)]
            numbers = list(pool.map(lambda way: numbered(way, where), manifests))
    finally:
        cluster.forget_image(image)
    return Deploys(cells, numbers, versions(programs))


def told(cell: Cell) -> Cell:
    """Tell the person who waits of a cell, and of what is wrong with it."""
    lines = [f"{cell.case.title}: {text(cell)}", *cell.wrong]
    if not cell.is_good:
        lines.append(cell.seen)
    sys.stdout.write("\n  ".join(lines) + "\n")
    sys.stdout.flush()
    return cell


def versions(programs: Tools) -> dict[str, str]:
    """Return the versions of everything that takes part."""
    said = json.loads(programs.call("kubectl", "version", "--output=json", home=HOME).text)
    return {
        "springtide": __version__,
        "Kubernetes": said["serverVersion"]["gitVersion"],
        "kubectl": said["clientVersion"]["gitVersion"],
        "Helm": f"v{helm.VERSION}",
    }


if __name__ == "__main__":
    sys.exit(main())
