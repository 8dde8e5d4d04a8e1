"""What the Deployment controller writes: ReplicaSets and their sizes, the revision, the condition Progressing."""

from __future__ import annotations

from dataclasses import replace

from springtide.sandbox.controllers import conditions
from springtide.sandbox.controllers.counts import reported, wanted
from springtide.sandbox.controllers.revisions import (
    REVISION,
    OwnedSets,
    new_set,
    refreshed_spec,
    revision_annotations,
)
from springtide.sandbox.controllers.rollout import Bounds, Sizes, present_size
from springtide.sandbox.core import Core
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, annotations_of, with_annotations, with_metadata
from springtide.sandbox.status import ApiError

_SETS = KINDS["replicasets"]
_DEPLOYMENTS = KINDS["deployments"]


class ReplicaSetWriter:
    """Writes for one Deployment at a time; what it returns is the state after the writes."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store
        self._writes = core.writes

    def note_progress(self, deployment: Json, status: str, reason: str, message: str) -> Json:
        """Set the condition Progressing, which a Deployment without a deadline does not have."""
        if deployment["spec"].get("progressDeadlineSeconds") is None:
            return deployment
        condition = conditions.make("Progressing", status, reason, message, self._core.stamp())
        known = conditions.put(conditions.of(deployment), condition)
        changed = {**deployment, "status": {**deployment.get("status", {}), "conditions": known}}
        return self._store.put(_DEPLOYMENTS.ref(deployment), changed)

    def refreshed(self, owned: OwnedSets) -> OwnedSets:
        """Bring the present ReplicaSet, if there is one, to the revision and the annotations that it should have."""
        present = owned.present
        if present is None:
            return owned
        annotations = revision_annotations(present, owned.deployment, owned.next_revision)
        spec = refreshed_spec(present, owned.deployment)
        present = self._put({**with_metadata(present, annotations=annotations), "spec": spec}, present)
        deployment = self._at_revision(owned.deployment, annotations_of(present)[REVISION])
        if conditions.find(conditions.of(deployment), "Progressing") is None:
            message = f'Found new replica set "{present["metadata"]["name"]}"'
            deployment = self.note_progress(deployment, "True", "FoundNewReplicaSet", message)
        return replace(owned, deployment=deployment, present=present)

    def _at_revision(self, deployment: Json, revision: str) -> Json:
        # written past the API: the controller's own annotation does not count as a new generation
        marked = with_annotations(deployment, {REVISION: revision})
        return self._store.put(_DEPLOYMENTS.ref(deployment), marked)

    def with_present(self, owned: OwnedSets) -> OwnedSets:
        """Create the ReplicaSet of the present template if there is none.

        Raises:
            ApiError: it is refused, and the status says why; a name that is taken counts as a collision.
        """
        if owned.present is not None:
            return owned
        bounds = Bounds.of(owned.deployment)
        body = new_set(owned.deployment)
        annotations = revision_annotations(body, owned.deployment, owned.next_revision)
        body["metadata"]["annotations"] = {**annotations, **bounds.annotations()}
        body["spec"]["replicas"] = present_size(owned, bounds)
        present = self._created(owned.deployment, body)
        deployment = self._at_revision(owned.deployment, str(owned.next_revision))
        message = f'Created new replica set "{present["metadata"]["name"]}"'
        deployment = self.note_progress(deployment, "True", "NewReplicaSetCreated", message)
        return replace(owned, deployment=deployment, present=present)

    def _created(self, deployment: Json, body: Json) -> Json:
        try:
            present = self._writes.create(_SETS, body, deployment["metadata"]["namespace"])
        except ApiError as error:
            self._refused(deployment, body, error)
            raise
        if wanted(present):
            self._tell_size(deployment, present, before=0)
        return present

    def _refused(self, deployment: Json, body: Json, error: ApiError) -> None:
        """Tell in the status why there is no ReplicaSet."""
        if error.reason == "AlreadyExists":
            # it is none of the Deployment's own, else it would be the present one; the next name comes of this count
            collisions = reported(deployment, "collisionCount") + 1
            status = {**deployment.get("status", {}), "collisionCount": collisions}
            self._writes.set_status(_DEPLOYMENTS.ref(deployment), status)
        elif not error.has_cause("NamespaceTerminating"):
            message = f'Failed to create new replica set "{body["metadata"]["name"]}": {error}'
            self.note_progress(deployment, "False", "ReplicaSetCreateError", message)
            self._core.event(deployment, "Warning", "ReplicaSetCreateError", message)

    def resize(self, owned: OwnedSets, sizes: Sizes) -> None:
        """Give ReplicaSets the sizes decided for them, by name; each remembers what it was sized for."""
        annotations = Bounds.of(owned.deployment).annotations()
        for replica_set in owned.every:
            size = sizes.get(replica_set["metadata"]["name"])
            if size is not None:
                resized = with_annotations(replica_set, annotations)
                resized = self._put({**resized, "spec": {**replica_set["spec"], "replicas": size}}, replica_set)
                if size != wanted(replica_set):
                    self._tell_size(owned.deployment, resized, before=wanted(replica_set))

    def _put(self, replica_set: Json, before: Json) -> Json:
        if replica_set["spec"] != before["spec"]:
            replica_set = with_metadata(replica_set, generation=before["metadata"]["generation"] + 1)
        return self._store.put(_SETS.ref(replica_set), replica_set)

    def _tell_size(self, deployment: Json, replica_set: Json, *, before: int) -> None:
        now = wanted(replica_set)
        direction = "up" if before < now else "down"
        name = replica_set["metadata"]["name"]
        message = f"Scaled {direction} replica set {name} from {before} to {now}"
        self._core.event(deployment, "Normal", "ScalingReplicaSet", message)
