"""Which pods requests reach: one endpoint for each pod, whatever the EndpointSlices say of it and how often."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from springtide.kube.objects import Json, Pod


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One pod behind a Service; `pod_uid` and `pod_name` are "" for an address that somebody wrote for no pod.

    `is_reached`: new connections are sent there. `is_ready`: they are, and the pod says itself that it is ready. The
    two differ for a Service with `publishNotReadyAddresses`, whose slices call every pod ready.
    """

    pod_uid: str
    pod_name: str
    is_ready: bool
    is_reached: bool


def endpoints_of(slices: Iterable[Json], pods: Iterable[Pod]) -> tuple[Endpoint, ...]:
    """Return one endpoint for each pod in `slices`: reached where any entry says so.

    A dual-stack Service has slices for each IP family, and a pod that moves from slice to slice stands in both for a
    moment. A pod that is not among `pods` is as ready as its entries say.
    """
    known = {pod.uid: pod for pod in pods}
    reached: dict[tuple[str, str], bool] = {}
    for name, entry in _entries(slices):
        reached[name] = reached.get(name, False) or _is_reached(entry)
    return tuple(
        Endpoint(
            pod_uid=uid,
            pod_name=name if uid else "",
            is_ready=is_reached and (uid not in known or known[uid].is_ready),
            is_reached=is_reached,
        )
        for (uid, name), is_reached in reached.items()
    )


def endpoint_of(pod: Pod) -> Endpoint:
    """Return the pod as the endpoint that it is to a workload that no Service leads to."""
    return Endpoint(pod_uid=pod.uid, pod_name=pod.name, is_ready=pod.is_ready, is_reached=pod.is_ready)


def _entries(slices: Iterable[Json]) -> Iterator[tuple[tuple[str, str], Json]]:
    """Yield each entry with its pod's uid and name; what is no pod's has no uid, and its address for a name."""
    for entry in (entry for each in slices for entry in each.get("endpoints") or () if entry):
        pod = entry.get("targetRef") or {}
        uid = pod.get("uid", "")
        yield (uid, pod.get("name", "") if uid else ",".join(entry.get("addresses") or ())), entry


def _is_reached(entry: Json) -> bool:
    conditions = entry.get("conditions") or {}
    ready = conditions.get("ready")
    return (ready is None or bool(ready)) and not conditions.get("terminating", False)  # none means ready: so the API
