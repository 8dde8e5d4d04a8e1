"""Helm, compiled from its Go module: the `helm` that its users have, with its three-way merge."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.build import locked, run, say
from cluster.settings import cache

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2e.manifests import Json

VERSION = "3.19.5"
"""Of the minor version that is built on the client of Kubernetes 1.34."""

MODULE = "helm.sh/helm/v3"
STAMP = f"-s -w -X {MODULE}/internal/version.version=v{VERSION}"


def built() -> Path:
    """Return the program, compiled first where the cache has none.

    Raises:
        ClusterError: it cannot be compiled; the message ends with what Go said last.
    """
    folder = cache() / f"helm-{VERSION}"
    with locked("helm"):
        if not folder.exists():
            compile_helm(folder)
    return folder / "helm"


def compile_helm(folder: Path) -> None:
    """Compile it politely. Go judges the module by the checksums that everybody has; the folder appears at once."""
    say(f"compiling Helm {VERSION}: several minutes, once")
    with tempfile.TemporaryDirectory(dir=cache(), prefix="helm.") as part:
        building = Path(part) / "made"
        building.mkdir()
        command = ["nice", "-n", "15", "go", "install", "-trimpath", "-ldflags", STAMP]
        environment = {**os.environ, "CGO_ENABLED": "0", "GOBIN": str(building)}
        run([*command, f"{MODULE}/cmd/helm@v{VERSION}"], cwd=building, env=environment)
        building.rename(folder)


def write_chart(folder: Path, objects: Iterable[Json]) -> None:
    """Write a chart with these objects; JSON is YAML, and their values may be templates."""
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    about = {"apiVersion": "v2", "name": "web", "version": "1.0.0", "description": "The workload of the deploys."}
    (folder / "Chart.yaml").write_text(json.dumps(about))
    (folder / "templates" / "web.yaml").write_text("\n---\n".join(json.dumps(each, indent=1) for each in objects))
