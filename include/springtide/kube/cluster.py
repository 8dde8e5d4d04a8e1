"""Which cluster this is, by what no two clusters share: the uids of a few objects.

A connection, or a kubeconfig, may lead to another cluster tomorrow, and nothing in an answer says so: the other one has
a namespace `shop` and a Service `web` as well. What is read needs no right beyond the workload's own namespace; the uid
of `kube-system`, by which a cluster is known for good, is kept where it may be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from springtide.errors import ClusterRefused, NotFound
from springtide.kube.client import KubeReader
from springtide.kube.objects import Kind, KubeObject
from springtide.kube.workloads import KIND_OF
from springtide.stored import Stored
from springtide.workload import Workload

_SYSTEM: Final = "kube-system"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterIdentity(Stored):
    """The uids of `kube-system`, of the workload's namespace and of its Service.

    The last is that of the object that is scaled, where there is no Service.

    "" where there is no such object, None where it may not be read.
    """

    kube_system: str | None
    namespace: str | None
    service: str | None


def identify(kube: KubeReader, workload: Workload) -> ClusterIdentity:
    """Return the identity of the cluster behind `kube`, by three reads.

    Raises:
        ClusterUnavailable: no answer in time.
    """
    return ClusterIdentity(
        kube_system=_uid(kube, Kind.NAMESPACE, "", _SYSTEM),
        namespace=_uid(kube, Kind.NAMESPACE, "", workload.namespace),
        service=_uid(kube, *_named(workload)),
    )


def difference(workload: Workload, before: ClusterIdentity, now: ClusterIdentity) -> str | None:
    """Return by what another cluster is known, in a sentence's words; None where nothing tells it from the one before.

    The first uid that both know decides: a Service that was recreated in the same namespace is no other cluster.
    """
    known = (
        (f"namespace {_SYSTEM}", before.kube_system, now.kube_system),
        (f"namespace {workload.namespace}", before.namespace, now.namespace),
        ("{} {}/{}".format(*_named(workload)).capitalize(), before.service, now.service),
    )
    for what, was, found in known:
        if was is not None and found is not None:
            return None if was == found else f"{what} {_now(found)}, and had uid {was or 'none'}"
    return None


def _named(workload: Workload) -> tuple[Kind, str, str]:
    """Return what a workload is known by where no namespace may be read."""
    if workload.service:
        return Kind.SERVICE, workload.namespace, workload.service
    return KIND_OF[workload.kind], workload.namespace, workload.deployment


def _now(uid: str) -> str:
    return f"has uid {uid} here" if uid else "is not there"


def _uid(kube: KubeReader, kind: Kind, namespace: str, name: str) -> str | None:
    try:
        return KubeObject(kube.get(kind, namespace, name)).uid
    except NotFound:
        return ""
    except ClusterRefused:
        return None  # the next of the uids tells
