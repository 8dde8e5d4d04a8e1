"""What the looks and runs of one process need not ask for each by itself: it is the same for all of them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Final

from springtide.clock import Clock
from springtide.plan.room import NodesSeen
from springtide.run.ports import Neighbours, Ports
from springtide.shared_answer import SharedAnswer

NODES_SECONDS: Final = 10.0
"""How long a look at the nodes counts for the runs that are planned beside it.

No longer: it does not know the pods that they start meanwhile. Between plan and pods of one run as much time passes.
"""


class SharedLooks:
    """The policies beside that of a run are read once; a cluster's nodes and pods are listed every `NODES_SECONDS`.

    A thousand runs, each with a list of all pods of the cluster and a look at a thousand files, would be busy with
    nothing else. What a run writes still goes by its own looks and its own fence.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._nodes: dict[str | None, SharedAnswer[NodesSeen]] = {}
        self._neighbours = SharedAnswer[Neighbours](clock)

    def by(self, ports: Ports, cluster: str | None) -> Ports:
        """Return `ports`, which lead to `cluster`, as what shares its looks with all others of this."""
        nodes = self._nodes_of(cluster)
        return replace(
            ports,
            neighbours=partial(self._neighbours.of, ports.neighbours),
            naming=None,
            nodes=lambda kube: nodes.of(partial(ports.nodes, kube)),
        )

    def _nodes_of(self, cluster: str | None) -> SharedAnswer[NodesSeen]:
        with self._lock:
            return self._nodes.setdefault(cluster, SharedAnswer(self._clock, seconds=NODES_SECONDS))
