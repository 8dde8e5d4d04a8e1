"""Puts the recording rule and the autoscaler of a tuned policy into the cluster: judged as a whole, then written.

Not a run: no pod is touched, and no Lease taken; while a run holds one, nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from springtide.autoscaling.differences import Action, Write, beside, require_alone, write_for
from springtide.errors import Conflict, InputError, NotFound
from springtide.kube.autoscaler import owners_of, scaled_objects
from springtide.kube.client import KubeClient, KubeReader
from springtide.kube.objects import Json, Kind, KubeObject
from springtide.kube.workloads import find_workload
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.lease import fenced, read_lease
from springtide.workload import Workload

_NO_RULES: Final = (
    "this cluster serves no PrometheusRule (monitoring.coreos.com/v1: the Prometheus Operator is not there), so "
    "nothing was written. Put the recording rule into Prometheus' own rule files by hand; with --no-rule the "
    "autoscaler alone is applied."
)
_NO_KEDA: Final = "this cluster serves no ScaledObject (keda.sh/v1alpha1: KEDA is not there). Nothing was written."

_LOST_SWAPS: Final = 20
"""Compare-and-swaps that may be lost in a row: an HPA's status alone moves its resourceVersion every few seconds."""


def judge_autoscaler(kube: KubeClient, policy: ScalingPolicy, rule: Json | None, follower: Json) -> tuple[Write, ...]:
    """Return what has to be written for the cluster to hold both manifests, the rule first, after a dry run of it all.

    `rule` None: a person keeps it. Writes nothing; where the policy's mode is to advise, not even as a dry run.

    Raises:
        InputError: something else owns the replicas, or a resource is not served.
        Conflict: somebody else set a field that would change.
        Fenced: a run owns the workload.
        ClusterRefused, ClusterUnavailable: as the client says.
    """
    # All of it before any of it: a follower without its rule would scale by a metric that nobody records.
    writes = tuple(_writes(kube, policy, rule, follower))
    for write in () if policy.spec.advises else writes:
        _settle(kube, write, dry_run=True)
    return writes


def apply_writes(kube: KubeClient, writes: tuple[Write, ...]) -> None:
    """Do what `judge_autoscaler` returned, as long as the very same is still what each object lacks.

    Raises:
        Conflict: an object changed meanwhile; judge again. What stands before it is written.
        UnknownOutcome: no answer came; judge again, which finds what is left to do.
        ClusterRefused, ClusterUnavailable: as the client says.
    """
    for write in writes:
        _settle(kube, write, dry_run=False)


def _writes(kube: KubeReader, policy: ScalingPolicy, rule: Json | None, follower: Json) -> Iterator[Write]:
    workload = policy.spec.target.workload
    lease = read_lease(kube, workload)
    if lease is not None and lease.holder:
        raise fenced(lease, workload, "autoscaler --apply")
    if rule is not None:
        yield write_for(rule, _named(kube, Kind.PROMETHEUS_RULE, rule, _NO_RULES))
    hpas = kube.list(Kind.AUTOSCALER, workload.namespace)
    owners = owners_of(kube, workload, hpas)
    scaled = scaled_objects(kube, workload)
    known = {owner.uid for owner in owners}
    owners += tuple(scaled_object for scaled_object in scaled if scaled_object.uid not in known)
    mine = require_alone(owners, follower)
    _require_workload(kube, workload)
    manifest = beside(follower, mine)
    if follower["kind"] == "ScaledObject":
        yield write_for(manifest, mine or _named(kube, Kind.SCALED_OBJECT, follower, _NO_KEDA))
    else:
        yield write_for(manifest, mine or _of_name(hpas, follower["metadata"]["name"]))


def _named(kube: KubeReader, kind: Kind, manifest: Json, unserved: str) -> KubeObject | None:
    """Return the object of the manifest's name. It is listed: a `get` cannot tell the object from its resource."""
    metadata = manifest["metadata"]
    try:
        objects = kube.list(kind, metadata["namespace"])
    except NotFound as error:
        raise InputError(unserved, code="resource_not_served", field=manifest["kind"]) from error
    return _of_name(objects, metadata["name"])


def _of_name(objects: list[Json], name: str) -> KubeObject | None:
    return next((KubeObject(raw) for raw in objects if raw["metadata"]["name"] == name), None)


def _require_workload(kube: KubeReader, workload: Workload) -> None:
    if find_workload(kube, workload) is None:
        raise InputError(
            f"{workload.field}: there is no {workload.kind.noun} {workload.namespace}/{workload.deployment}, which "
            "the autoscaler would scale. Nothing was written.",
            code="service_unknown",
            field=workload.field,
        )


def _settle(kube: KubeClient, write: Write, *, dry_run: bool) -> None:
    """Do `write`; where its compare-and-swap is lost, look whether it is still the same that has to be changed."""
    for _ in range(_LOST_SWAPS):
        try:
            _do(kube, write, dry_run=dry_run)
        except Conflict:
            present = _of_name(kube.list(write.kind, write.manifest["metadata"]["namespace"]), write.name)
            judged = write_for(write.manifest, present)
            if (judged.action, judged.differences) != (write.action, write.differences):
                raise
            write = judged
        else:
            return
    raise Conflict(f"{write.title}: it changed under {_LOST_SWAPS} attempts in a row. Find out who.", code="conflict")


def _do(kube: KubeClient, write: Write, *, dry_run: bool) -> None:
    namespace = write.manifest["metadata"]["namespace"]
    if write.action is Action.CREATE:
        kube.create(write.kind, namespace, write.manifest, dry_run=dry_run)
    elif write.action is Action.CHANGE:
        assert write.version is not None, "a change is of an object that was read"
        kube.patch(write.kind, namespace, write.name, write.change, version=write.version, dry_run=dry_run)
