"""Pulling the switch of a namespace, and taking it back: what a person does, with rights that no run has."""

from __future__ import annotations

from typing import Final

from springtide.clock import Clock
from springtide.errors import Conflict, NotFound
from springtide.kube.client import KubeClient
from springtide.kube.objects import Json, Kind, KubeObject
from springtide.run.halt import CONFIG_MAP, Halt

_MANAGED_BY: Final = {"app.kubernetes.io/managed-by": "springtide"}


def pull(kube: KubeClient, clock: Clock, namespace: str, *, by: str, why: str) -> Halt:
    """Halt the writes in `namespace`; where somebody has already, their words give way to these.

    Raises:
        Conflict: somebody else pulls it at the same moment: it is halted all the same.
        ClusterRefused, ClusterUnavailable, UnknownOutcome: as the client says.
    """
    data = {"by": by, "why": why, "at": clock.now().isoformat(timespec="seconds")}
    manifest: Json = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CONFIG_MAP, "labels": _MANAGED_BY},
        "data": data,
    }
    try:
        written = kube.create(Kind.CONFIG_MAP, namespace, manifest)
    except Conflict:
        found = KubeObject(kube.get(Kind.CONFIG_MAP, namespace, CONFIG_MAP))
        written = kube.patch(Kind.CONFIG_MAP, namespace, CONFIG_MAP, {"data": data}, version=found.version)
    return Halt.of_config_map(written)


def release(kube: KubeClient, namespace: str) -> Halt | None:
    """Take the halt of `namespace` back and return it; None where nobody had pulled it.

    Raises:
        Conflict: somebody pulled it again meanwhile: it is halted.
        ClusterRefused, ClusterUnavailable, UnknownOutcome: as the client says.
    """
    try:
        found = KubeObject(kube.get(Kind.CONFIG_MAP, namespace, CONFIG_MAP))
        kube.delete(Kind.CONFIG_MAP, namespace, CONFIG_MAP, version=found.version)
    except NotFound:
        return None
    return Halt.of_config_map(found.raw)
