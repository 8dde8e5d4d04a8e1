"""The objects of a cluster's namespaces that say how something is scaled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from springtide.adoption.files import FileReading
from springtide.adoption.found import FoundObject
from springtide.adoption.remarks import Remark, Standing
from springtide.errors import ClusterRefused, NotFound
from springtide.kube.client import KubeReader
from springtide.kube.objects import Json, Kind

_READ: Final = {
    Kind.DEPLOYMENT: ("apps/v1", "Deployment"),
    Kind.STATEFUL_SET: ("apps/v1", "StatefulSet"),
    Kind.SERVICE: ("v1", "Service"),
    Kind.AUTOSCALER: ("autoscaling/v2", "HorizontalPodAutoscaler"),
    Kind.SCALED_OBJECT: ("keda.sh/v1alpha1", "ScaledObject"),
    Kind.CRON_AUTOSCALER: ("autoscaling.alibabacloud.com/v1beta1", "CronHorizontalPodAutoscaler"),
    Kind.ROLLOUT: ("argoproj.io/v1alpha1", "Rollout"),
}


def gather(kube: KubeReader, namespaces: Iterable[str]) -> FileReading:
    """Return what scales in `namespaces`, and the workloads themselves; what may not be read is told.

    A kind that the cluster does not have is none of it.

    Raises:
        ClusterUnavailable: no answer in time.
    """
    objects: list[FoundObject] = []
    remarks: list[Remark] = []
    for namespace in namespaces:
        objects += _namespace(kube, namespace, remarks)
        for kind, (version, title) in _READ.items():
            try:
                raw = kube.list(kind, namespace)
            except NotFound:
                continue  # the cluster has no such kind
            except ClusterRefused as error:
                remarks.append(_not_read(f"{title} of {namespace}", error))
                continue
            objects += [_found({**each, "apiVersion": version, "kind": title}) for each in raw]
    return FileReading(tuple(objects), tuple(remarks))


def _namespace(kube: KubeReader, namespace: str, remarks: list[Remark]) -> list[FoundObject]:
    try:
        raw = kube.get(Kind.NAMESPACE, "", namespace)
    except NotFound:
        advice = "the cluster has no such namespace; see whether its name and the context are right"
        remarks.append(
            Remark(standing=Standing.NO_EQUAL, subject=f"Namespace {namespace}", field="", value="", advice=advice)
        )
        return []
    except ClusterRefused as error:
        remarks.append(_not_read(f"Namespace {namespace}", error))
        return []
    return [_found({**raw, "apiVersion": "v1", "kind": "Namespace"})]


def _found(raw: Json) -> FoundObject:
    return FoundObject(raw, "cluster")


def _not_read(what: str, error: ClusterRefused) -> Remark:
    advice = f"it could not be read, so what it says is missing here: {error.message}"
    return Remark(standing=Standing.NO_EQUAL, subject=what, field="", value="", advice=advice)
