"""The controller of Argo Rollouts, as far as scaling needs it: a ReplicaSet per template, and the status of a Rollout.

A new template comes up beside the old one and takes its place once it is available, without steps and analysis.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from springtide.sandbox.controllers.counts import all_reported, reported, wanted
from springtide.sandbox.core import Controller
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import (
    Json,
    Ref,
    controller_of,
    dump,
    is_terminating,
    labels_of,
    owner_reference,
    with_metadata,
)
from springtide.sandbox.selectors import label_text
from springtide.sandbox.status import ApiError
from springtide.sandbox.store import Change

HASH_LABEL = "rollouts-pod-template-hash"
_SETS = KINDS["replicasets"]


class RolloutController(Controller):
    """Brings a Rollout's ReplicaSets to what its spec says."""

    watches = ("rollouts", "replicasets")

    def concerns(self, change: Change) -> Iterable[Ref]:
        """Return the Rollout itself, or that of a ReplicaSet."""
        if change.ref.resource == "rollouts":
            yield change.ref
            return
        owner = controller_of(change.object)
        if owner is not None and owner["kind"] == "Rollout":
            yield Ref("rollouts", change.ref.namespace, owner["name"])

    def reconcile(self, ref: Ref) -> None:
        """One sync of a Rollout; one that takes a Deployment's template (`workloadRef`) is left alone."""
        rollout = self.store.get(ref)
        if rollout is None or is_terminating(rollout) or "template" not in rollout["spec"]:
            return
        own = [each for each in self._sets(rollout) if not is_terminating(each)]
        present = next((each for each in own if labels_of(each).get(HASH_LABEL) == _hash(rollout)), None)
        try:
            if present is None:
                self._create(rollout)
            else:
                self._resize(rollout, present, [each for each in own if each is not present])
        except ApiError:
            self.retry(ref)
        else:
            self.succeeded(ref)
        self._report(ref, rollout)

    def _sets(self, rollout: Json) -> list[Json]:
        uid = rollout["metadata"]["uid"]
        sets = self.store.select("replicasets", rollout["metadata"]["namespace"])
        return [each for each in sets if (controller_of(each) or {}).get("uid") == uid]

    def _create(self, rollout: Json) -> None:
        template = rollout["spec"]["template"]
        hashed = {HASH_LABEL: _hash(rollout)}
        labels = {**template.get("metadata", {}).get("labels", {}), **hashed}
        selector = rollout["spec"]["selector"]
        body = {
            "metadata": {
                "name": f"{rollout['metadata']['name']}-{_hash(rollout)}",
                "labels": labels,
                "ownerReferences": [owner_reference(rollout)],
            },
            "spec": {
                "replicas": wanted(rollout),
                "selector": {**selector, "matchLabels": {**selector.get("matchLabels", {}), **hashed}},
                "template": {**template, "metadata": {**template.get("metadata", {}), "labels": labels}},
            },
        }
        self.writes.create(_SETS, body, rollout["metadata"]["namespace"])

    def _resize(self, rollout: Json, present: Json, others: list[Json]) -> None:
        self._scale(present, wanted(rollout))
        if reported(present, "availableReplicas") >= wanted(rollout):
            for each in others:
                self._scale(each, 0)

    def _scale(self, replica_set: Json, replicas: int) -> None:
        if wanted(replica_set) != replicas:
            changed = {**replica_set, "spec": {**replica_set["spec"], "replicas": replicas}}
            generation = replica_set["metadata"]["generation"] + 1
            self.store.put(_SETS.ref(replica_set), with_metadata(changed, generation=generation))

    def _report(self, ref: Ref, rollout: Json) -> None:
        sets = self._sets(rollout)
        present = [each for each in sets if labels_of(each).get(HASH_LABEL) == _hash(rollout)]
        updated = all_reported(present, "replicas")
        everything = all_reported(sets, "replicas")
        ready = all_reported(present, "availableReplicas")
        is_done = everything == updated == ready == wanted(rollout)
        stable = _hash(rollout) if is_done else rollout.get("status", {}).get("stableRS", "")
        self.writes.set_status(
            ref,
            {
                "observedGeneration": str(rollout["metadata"]["generation"]),
                "replicas": everything,
                "HPAReplicas": everything,
                "updatedReplicas": updated,
                "readyReplicas": all_reported(sets, "readyReplicas"),
                "availableReplicas": all_reported(sets, "availableReplicas"),
                "currentPodHash": _hash(rollout),
                "stableRS": stable,
                "selector": label_text(rollout["spec"]["selector"]),
                "phase": "Healthy" if is_done else "Progressing",
                **({} if is_done else {"message": "more replicas need to be updated"}),
            },
        )


def _hash(rollout: Json) -> str:
    return sha256(dump(rollout["spec"]["template"])).hexdigest()[:10]
