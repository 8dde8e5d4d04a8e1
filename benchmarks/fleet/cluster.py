"""An embedded cluster with a fleet in it, which counts what it is asked.

`python -m benchmarks.fleet.cluster FOLDER N [OCTET]` leaves FOLDER/kubeconfig when it serves. `GET /benchmark/counts`
answers how many requests came, by verb and kind; that request is not counted, nor is what its own controllers do.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from benchmarks.fleet.services import REPLICAS, Fleet
from springtide.clock import SystemClock
from springtide.sandbox.cluster import Cluster
from springtide.sandbox.core import Settings
from springtide.sandbox.messages import Request, Response, answer

COUNTS: Final = "/benchmark/counts"
NODES: Final = 9
_AT_LEAST: Final = 3
_VERBS: Final = {"GET": "read", "POST": "create", "PATCH": "patch", "PUT": "put", "DELETE": "delete"}


class CountingCluster(Cluster):
    """A cluster that keeps how often it was asked for what."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.counts: Counter[str] = Counter()
        super().__init__(*arguments, **named)

    def _call(self, request: Request) -> Response:
        if request.path == COUNTS:
            return answer(dict(self.counts), HTTPStatus.OK)
        self.counts[f"{_verb(request)} {_kind(request.path)}"] += 1
        return super()._call(request)


def _verb(request: Request) -> str:
    is_watch = request.is_watch
    return "watch" if is_watch else _VERBS.get(request.method, request.method.lower())


def _kind(path: str) -> str:
    """Return the kind, in the plural: what follows the namespace, or else the version."""
    parts = path.strip("/").split("/")
    if "namespaces" in parts and len(parts) > parts.index("namespaces") + 2:
        return parts[parts.index("namespaces") + 2]
    return parts[_AT_LEAST] if parts[0] == "apis" and len(parts) > _AT_LEAST else parts[min(2, len(parts) - 1)]


async def serve(folder: Path, services: int, octet: int) -> None:
    """Serve until this process is ended."""
    clock = SystemClock()
    cluster = CountingCluster(clock, Settings(second_octet=octet, nodes=NODES, node_pods=services * REPLICAS), 0)
    cluster.apply(*Fleet(services=services).objects())
    context = {"name": "fleet", "context": {"cluster": "fleet", "user": "fleet"}}
    text = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fleet",
        "clusters": [{"name": "fleet", "cluster": {"server": cluster.url}}],
        "contexts": [context],
        "users": [{"name": "fleet", "user": {}}],
    }
    folder.joinpath("kubeconfig").write_text(json.dumps(text))
    try:
        await asyncio.Event().wait()
    finally:
        await cluster.stop()


_OCTET: Final = "111"

if __name__ == "__main__":
    place, count, octet = (*sys.argv[1:], _OCTET)[:3]
    asyncio.run(serve(Path(place), int(count), int(octet)))
