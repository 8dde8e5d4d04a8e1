"""What is there once nothing moves any more: pods, the sets that they are of, and the versions that answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import httpx

from e2e.manifests import IMAGE, NAME, PORT
from e2e.outcomes import owned_by_springtide
from springtide import labels

if TYPE_CHECKING:
    from e2e.manifests import Json
    from e2e.observer import Observer

REST_SECONDS = 180
REQUESTS = 40
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
OWNED = {
    ("metadata", "annotations", labels.RUN),
    ("metadata", "annotations", labels.GENERATION),
    ("spec", "replicas"),
}
"""What springtide may own of a Deployment or a Service when its run is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """The namespace at rest. `versions` are those that answered, `sets` those ReplicaSets that have pods."""

    deployment: Json
    service: Json
    pods: dict[str, Json]
    sets: list[str]
    aside: list[str]
    versions: list[str]

    @classmethod
    def of(cls, see: Observer) -> Self:
        """Wait until it is at rest, and look."""
        see.until("everything at rest", lambda: is_at_rest(see), seconds=REST_SECONDS)
        (deployment,) = see.objects("deployments")
        service = see.get("services", NAME)
        pods = see.pods()
        sets = see.objects("replicasets")
        return cls(
            deployment=deployment,
            service=service,
            pods=pods,
            sets=sorted(name_of(each) for each in sets if has_pods(each)),
            aside=sorted(name_of(each) for each in sets if labels.ASIDE_OF in each["metadata"].get("labels", {})),
            versions=sorted({version_of(pods.get(name)) for name in answering(service)}),
        )

    @property
    def replicas(self) -> int:
        """What the Deployment asks for."""
        return int(self.deployment["spec"]["replicas"])

    @property
    def owned(self) -> list[str]:
        """The fields that springtide owns of the Deployment and of the Service, and does not want."""
        things = {"Deployment": self.deployment, "Service": self.service}
        return sorted(
            f"{kind} {'.'.join(path)}" for kind, thing in things.items() for path in owned_by_springtide(thing) - OWNED
        )

    def faults(self, *, replicas: int, version: str, service: Json, uid: str) -> list[str]:
        """Return what is not as it should be; empty when everything is.

        `service` is the Service as it was before, and `uid` is the Deployment's.
        """
        asked = {
            f"{self.replicas} replicas, {replicas} are right": self.replicas == replicas,
            f"{len(self.pods)} pods": len(self.pods) == replicas,
            f"ReplicaSets with pods: {self.sets}": len(self.sets) == 1,
            f"set aside: {self.aside}": not self.aside,
            f"{self.versions} answered, {version!r} is right": self.versions == [version],
            "the Deployment is another one": self.deployment["metadata"]["uid"] == uid,
            "the Deployment is paused": not self.deployment["spec"].get("paused"),
            f"the Service is not as before: {self.service['spec']}": self.service["spec"] == service["spec"],
        }
        return [fault for fault, is_right in asked.items() if not is_right]


def is_at_rest(see: Observer) -> bool:
    """Tell whether the one Deployment has what it asks for, and nothing comes or goes."""
    (deployment,) = see.objects("deployments")
    status = deployment["status"]
    wanted = deployment["spec"]["replicas"]
    counts = [status.get(count, 0) for count in ("replicas", "updatedReplicas", "availableReplicas")]
    is_seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
    return bool(is_seen) and counts == [wanted] * 3 and len(see.objects("pods")) == len(see.ready_endpoints()) == wanted


def answering(service: Json) -> set[str]:
    """Return the names of the pods that answer through the Service, each request on a connection of its own."""
    url = f"http://{service['spec']['clusterIP']}:{PORT}/"
    return {httpx.get(url, timeout=5, trust_env=False).text.split()[0] for _ in range(REQUESTS)}


def version_of(pod: Json | None) -> str:
    """Return what a pod is of: its VERSION, whether from another image, whether restarted since."""
    if pod is None:
        return "a pod that is not there"
    (container,) = pod["spec"]["containers"]
    version = next(str(each["value"]) for each in container["env"] if each["name"] == "VERSION")
    image = "" if container["image"] == IMAGE else ", another image"
    restarted = ", restarted" if RESTARTED_AT in pod["metadata"].get("annotations", {}) else ""
    return f"{version}{image}{restarted}"


def has_pods(replica_set: Json) -> bool:
    """Tell whether a ReplicaSet has pods or is to have some."""
    return bool(replica_set["spec"]["replicas"] or replica_set["status"].get("replicas"))


def name_of(thing: Json) -> str:
    """Return an object's name."""
    return str(thing["metadata"]["name"])
