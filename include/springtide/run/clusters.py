"""Several clusters: which policies are of which, whose an error is, and how one is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from springtide.errors import ClusterUnavailable, PermanentError, SpringtideError, TemporaryError
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.ports import Ports
from springtide.workload import DEFAULT_CLUSTER

OpenCluster = Callable[[ScalingPolicy], AbstractContextManager[Ports]]
"""Opens the cluster of a policy, and the store; `InputError` where it cannot be used, `TemporaryError` where the store
does not answer."""


def by_cluster(policies: Iterable[ScalingPolicy]) -> dict[str, list[ScalingPolicy]]:
    """Return the policies of each cluster by its name, the default one's first."""
    clusters: dict[str, list[ScalingPolicy]] = {}
    for policy in policies:
        clusters.setdefault(policy.spec.target.workload.cluster, []).append(policy)
    return dict(sorted(clusters.items()))


def away(error: TemporaryError, cluster: str) -> TemporaryError:
    """Return `error` as one of `cluster`, which its message names where it is not the default one."""
    if cluster == DEFAULT_CLUSTER:
        return error
    return ClusterUnavailable(_named(error, cluster), code=error.code, field=error.field, retry_after=error.retry_after)


def told(error: SpringtideError, cluster: str) -> SpringtideError:
    """Return `error` as one of `cluster`: of its own kind when it is temporary, else permanent."""
    if isinstance(error, TemporaryError):
        return away(error, cluster)
    if cluster == DEFAULT_CLUSTER:
        return error
    return PermanentError(_named(error, cluster), code=error.code, field=error.field)


def _named(error: SpringtideError, cluster: str) -> str:
    return f"cluster {cluster}: {error.message}"
