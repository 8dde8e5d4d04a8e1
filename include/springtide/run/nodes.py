"""What a preflight sees of the nodes and of every pod on them: the dearest of its looks, in a large cluster."""

from __future__ import annotations

from collections.abc import Callable

from springtide.kube.client import KubeReader
from springtide.kube.objects import Kind, Pod
from springtide.plan.room import NodesSeen

LooksAtNodes = Callable[[KubeReader], NodesSeen]


def nodes_seen(kube: KubeReader) -> NodesSeen:
    """Return the nodes of the cluster, and every pod on them.

    Raises:
        ClusterRefused: they may not be listed.
        ClusterUnavailable: no answer in time.
    """
    return NodesSeen(kube.list(Kind.NODE, ""), tuple(map(Pod, kube.list(Kind.POD, ""))))
