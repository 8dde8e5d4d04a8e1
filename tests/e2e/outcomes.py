"""What must be true after a run: the last stage of a scenario."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from e2e.live_load import Report
from e2e.manifests import NAME, PROPAGATION, Json
from e2e.observer import is_ready
from springtide import labels
from springtide.kube.client import FIELD_MANAGER

if TYPE_CHECKING:
    from e2e.command import Finished
    from e2e.observer import Observer
    from e2e.scenario import Before

FLOOR = "springtide.dev/floor"


@dataclass(slots=True)
class Then:
    """What must be true afterwards."""

    see: Observer
    before: Before
    run: Finished
    reports: list[Report]

    def it_succeeded(self) -> Self:
        """The command says so, to the shell and in its record."""
        assert (self.run.exit_code, self.run.record.get("outcome")) == (0, "succeeded"), self._story()
        return self

    def it_ended(self, outcome: str) -> Self:
        """The command says so."""
        assert (self.run.exit_code, self.run.record.get("outcome")) == (0, outcome), self._story()
        return self

    def it_was_refused(self, code: str, *, because: str) -> Self:
        """The command says why, and that it never began."""
        assert (self.run.exit_code, self.run.record.get("outcome")) == (1, "failed"), self._story()
        assert self.run.error["code"] == code, self._story()
        assert because in self.run.error["message"], self._story()
        return self

    def nothing_written(self) -> Self:
        """The namespace holds what it held before, without even a Lease."""
        assert self.see.inventory() == self.before.inventory, self._story()
        return self

    def the_autoscaler_at(self, low: int, high: int) -> Self:
        """The HPA has its owner's bounds, and no note of springtide's."""
        hpa = self.see.get("horizontalpodautoscalers", NAME)
        assert (hpa["spec"]["minReplicas"], hpa["spec"]["maxReplicas"]) == (low, high), self._story()
        assert FLOOR not in hpa["metadata"].get("annotations", {}), self._story()
        return self

    def the_scaled_object_at(self, low: int, high: int) -> Self:
        """The ScaledObject has its owner's bounds, and no note of springtide's."""
        scaled_object = self.see.get("scaledobjects", NAME)
        assert bounds_of(scaled_object) == (low, high), self._story()
        assert FLOOR not in scaled_object["metadata"].get("annotations", {}), self._story()
        return self

    def it_failed(self, code: str, *, because: str) -> Self:
        """The command says so, with the cause in the cluster's own words, and that everything was undone."""
        assert (self.run.exit_code, self.run.record.get("outcome")) == (1, "rolled_back"), self._story()
        assert self.run.error["code"] == code, self._story()
        assert because in self.run.error["message"], self._story()
        return self

    def exactly(self, replicas: int) -> Self:
        """That many pods are there, Ready, and endpoints of the Service; no other Deployment is."""
        (deployment,) = self.see.objects("deployments")
        pods = self.see.pods()
        assert deployment["spec"]["replicas"] == replicas, self._story()
        assert deployment["status"].get("readyReplicas") == replicas, self._story()
        assert [name for name, pod in pods.items() if not is_ready(pod)] == [], self._story()
        assert len(pods) == replicas, self._story()
        assert self.see.ready_endpoints() == set(pods), self._story()
        assert not deployment["spec"].get("paused"), self._story()
        return self

    def the_service_as_before(self) -> Self:
        """The very Service, with every field of its spec as its owner wrote it."""
        service = self.see.get("services", NAME)
        assert service["metadata"]["uid"] == self.before.service["metadata"]["uid"]
        assert service["spec"] == self.before.service["spec"], self._story()
        assert ("spec", "selector") not in owned_by_springtide(service), self._story()
        return self

    def only_new_pods(self) -> Self:
        """The old set is gone, and the new one is what answered last."""
        assert set(self.see.pods()) & set(self.before.pods) == set(), self._story()
        assert all(report.pods & set(self.see.pods()) for report in self.reports), self._story()
        return self

    def the_same_pods_and(self, more: int) -> Self:
        """The Deployment is the very same; with growth its pods are all still there, with a shrink some of them."""
        (deployment,) = self.see.objects("deployments")
        old = set(self.before.pods)
        now = set(self.see.pods())
        assert deployment["metadata"]["uid"] == self.before.deployment["metadata"]["uid"]
        assert now >= old if more > 0 else now < old, self._story()
        return self

    def the_stable_set_untouched(self, *, same_pods: bool = True) -> Self:
        """The Deployment is the very same in every field of its spec, its pods are too, and none was restarted."""
        (deployment,) = self.see.objects("deployments")
        pods = self.see.pods()
        assert deployment["metadata"]["uid"] == self.before.deployment["metadata"]["uid"]
        assert deployment["spec"] == self.before.deployment["spec"], self._story()
        if same_pods:
            assert _lives(pods) == _lives(self.before.pods), self._story()
        return self.exactly(len(self.before.pods))

    def the_deployment_as_before_but_for_its_replicas(self) -> Self:
        """Field by field the very same, but for replicas, springtide's annotations and what its controller counts."""
        deployment = self.see.get("deployments", NAME)
        assert _written(deployment) == _written(self.before.deployment), self._story()
        assert owned_by_springtide(deployment) <= {*_STAMPS, ("spec", "replicas")}, self._story()
        return self

    def nothing_left_behind(self) -> Self:
        """The namespace holds what it held before, and the Lease, which is the record."""
        self.see.until("drained pods are gone", lambda: len(self.see.objects("pods")) == len(self.see.pods()))
        left = {(kind, name) for kind, name in self.see.inventory() if kind not in {"pods", "replicasets"}}
        had = {(kind, name) for kind, name in self.before.inventory if kind not in {"pods", "replicasets"}}
        assert left - had == {("leases", f"springtide-{NAME}")}, self._story()
        assert had - left == set(), self._story()
        assert len(self.see.objects("replicasets")) == 1, self._story()
        return self

    def the_lease_is_free(self) -> Self:
        """Nobody owns the workload any more."""
        lease = self.see.get("leases", f"springtide-{NAME}")
        assert not lease["spec"].get("holderIdentity"), self._story()
        return self

    def no_request_failed(self) -> Self:
        """Not one, of many."""
        assert [report.raw for report in self.reports if report.failed] == [], self._story()
        assert all(report.requests > 100 for report in self.reports), self._story()
        return self

    def no_request_failed_once_it_pointed_back(self) -> Self:
        """All that failed was sent before the stable set had the traffic again, as fast as proxies follow."""
        (back,) = [each for each in self.run.record["phases"] if each["phase"] == "roll_back"]
        followed = datetime.fromisoformat(back["started_at"]) + PROPAGATION
        late = [report.raw for report in self.reports if (last := report.last_error) is not None and last > followed]
        assert late == [], self._story()
        assert any(report.failed for report in self.reports), "the crash is one that clients can see"
        return self

    def _story(self) -> str:
        load = "\n".join(f"{report.kind}: {report.raw}" for report in self.reports)
        return f"{self.run}\n{self.see.describe()}\n{load}"


def bounds_of(scaled: Json) -> tuple[int, int]:
    """Return the bounds of a ScaledObject."""
    return scaled["spec"]["minReplicaCount"], scaled["spec"]["maxReplicaCount"]


def _lives(pods: dict[str, Json]) -> dict[str, tuple[str, int]]:
    return {
        name: (pod["metadata"]["uid"], sum(each["restartCount"] for each in pod["status"]["containerStatuses"]))
        for name, pod in pods.items()
    }


_STAMPS = {("metadata", "annotations", labels.RUN), ("metadata", "annotations", labels.GENERATION)}


def _written(deployment: Json) -> Json:
    """Return what its owner and others wrote of a Deployment, without its number of replicas."""
    metadata = {key: value for key, value in deployment["metadata"].items() if key not in _COUNTED}
    annotations = metadata.get("annotations", {})
    metadata["annotations"] = {key: value for key, value in annotations.items() if not key.startswith(labels.PREFIX)}
    spec = {key: value for key, value in deployment["spec"].items() if key != "replicas"}
    return {**{key: value for key, value in deployment.items() if key != "status"}, "metadata": metadata, "spec": spec}


_COUNTED = {"resourceVersion", "generation", "managedFields"}
"""What the API server counts and notes with every write."""


def owned_by_springtide(thing: Json) -> set[tuple[str, ...]]:
    """Return the fields of which `managedFields` says that springtide owns them."""
    managed = [each for each in thing["metadata"].get("managedFields", ()) if each["manager"] == FIELD_MANAGER]
    return {path for each in managed for path in _leaves(each["fieldsV1"])}


def _leaves(fields: Json, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, below in fields.items():
        if key == ".":
            continue
        path = (*at, key.removeprefix("f:"))
        if below:
            yield from _leaves(below, path)
        else:
            yield path
