"""The Deployment controller: a ReplicaSet per template, rolled out, scaled and reported.

Behaves as Kubernetes 1.34: written from its documented behaviour and from what a real cluster did. Rollback by
annotation is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from springtide.sandbox.controllers import claims, conditions, progress, rollout
from springtide.sandbox.controllers.counts import reported, wanted
from springtide.sandbox.controllers.revisions import OwnedSets, revision_of
from springtide.sandbox.controllers.setwrites import ReplicaSetWriter
from springtide.sandbox.core import Controller, Core
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref, controller_of, is_terminating, labels_of
from springtide.sandbox.selectors import label_selector
from springtide.sandbox.status import ApiError
from springtide.sandbox.store import Change

_SETS = KINDS["replicasets"]
_DEPLOYMENTS = KINDS["deployments"]


class DeploymentController(Controller):
    """Brings a Deployment's ReplicaSets to what its spec says."""

    watches = ("deployments", "replicasets", "pods")

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._sets = ReplicaSetWriter(core)

    def concerns(self, change: Change) -> Iterable[Ref]:
        """Return the Deployment itself, that of a ReplicaSet, or, for Recreate, that of a pod that went."""
        ref = change.ref
        if ref.resource == "deployments":
            yield ref
        elif ref.resource == "replicasets":
            yield from self._owners(change.object)
            former = claims.was_let_go(change)
            if former is not None and former["kind"] == "Deployment":
                yield Ref("deployments", ref.namespace, former["name"])
        # Recreate waits for the last old pod; of all other strategies the ReplicaSet's own change tells
        elif change.type == "DELETED" and (owner := controller_of(change.object)):
            replica_set = self.store.get(Ref("replicasets", ref.namespace, owner["name"]))
            yield from self._owners(replica_set) if replica_set else ()

    def _owners(self, replica_set: Json) -> Iterable[Ref]:
        owner = controller_of(replica_set)
        namespace = replica_set["metadata"]["namespace"]
        if owner and owner["kind"] == "Deployment":
            yield Ref("deployments", namespace, owner["name"])
        elif owner is None:
            for deployment in self.store.select("deployments", namespace):
                if label_selector(deployment["spec"]["selector"])(labels_of(replica_set)):
                    yield _DEPLOYMENTS.ref(deployment)

    def reconcile(self, ref: Ref) -> None:
        """One sync of a Deployment."""
        deployment = self.store.get(ref)
        if deployment is None:
            return
        owned = self._observe(deployment)
        if is_terminating(deployment):
            self._report_size(owned)
            return
        try:
            self._sync(owned)
        except ApiError:
            self.retry(ref)  # whoever wrote has told why in the status
        else:
            self.succeeded(ref)

    def _observe(self, deployment: Json) -> OwnedSets:
        """Return the Deployment's ReplicaSets as they are, after those that came to it or left it by their labels."""
        sets = self.store.select("replicasets", deployment["metadata"]["namespace"])
        return OwnedSets.of(deployment, claims.claimed(self.store, _SETS, deployment, sets))

    def _sync(self, owned: OwnedSets) -> None:
        owned = self._sets.refreshed(self._announced(owned))
        deployment = owned.deployment
        if deployment["spec"].get("paused") or owned.was_resized:
            self._follow_size(owned)
        elif deployment["spec"]["strategy"]["type"] == "Recreate":
            self._recreate(owned)
        else:
            self._roll(owned)

    def _announced(self, owned: OwnedSets) -> OwnedSets:
        """Say in the conditions that the Deployment was paused or resumed."""
        claim = progress.pause_claim(owned.deployment)
        if claim is None:
            return owned
        return replace(owned, deployment=self._sets.note_progress(owned.deployment, "Unknown", *claim))

    def _follow_size(self, owned: OwnedSets) -> None:
        """Follow `spec.replicas` without moving the rollout on (paused, or scaled in the middle of it)."""
        self._sets.resize(owned, rollout.followed(owned, rollout.Bounds.of(owned.deployment)))
        if owned.deployment["spec"].get("paused"):
            self._forget_former(owned)
        self._report_size(self._observe(owned.deployment))

    def _roll(self, owned: OwnedSets) -> None:
        owned = self._sets.with_present(owned)
        self._sets.resize(owned, rollout.rolled(owned, rollout.Bounds.of(owned.deployment)))
        self._finish(owned)

    def _recreate(self, owned: OwnedSets) -> None:
        """Replace all pods at once: the new ones begin when the last old one has ended."""
        if owned.active_former:
            self._sets.resize(owned, rollout.emptied(owned))
            self._report_rollout(owned.deployment)
        elif self._has_old_pods(owned):
            self._report_rollout(owned.deployment)
        else:
            owned = self._sets.with_present(owned)
            self._sets.resize(owned, rollout.followed(owned, rollout.Bounds.of(owned.deployment)))
            self._finish(owned)

    def _has_old_pods(self, owned: OwnedSets) -> bool:
        former = {replica_set["metadata"]["uid"] for replica_set in owned.former}
        pods = self.store.select("pods", owned.deployment["metadata"]["namespace"])
        old = (pod for pod in pods if (controller_of(pod) or {}).get("uid") in former)
        return any(pod["status"].get("phase") not in {"Failed", "Succeeded"} for pod in old)

    def _finish(self, owned: OwnedSets) -> None:
        if progress.is_complete(owned.deployment, owned.deployment.get("status", {})):
            self._forget_former(owned)
        self._report_rollout(owned.deployment)

    def _forget_former(self, owned: OwnedSets) -> None:
        """Delete ReplicaSets of earlier templates beyond `revisionHistoryLimit`, the oldest revisions first."""
        limit = owned.deployment["spec"].get("revisionHistoryLimit", 10)
        kept = sorted((each for each in owned.former if not is_terminating(each)), key=revision_of)
        for replica_set in kept[: max(len(kept) - limit, 0)]:
            is_seen = reported(replica_set, "observedGeneration") >= replica_set["metadata"]["generation"]
            if is_seen and not wanted(replica_set) and not reported(replica_set, "replicas"):
                self.writes.delete(_SETS, _SETS.ref(replica_set))

    def _report_size(self, owned: OwnedSets) -> None:
        """Report the numbers only: how far the rollout is does not change while it stands still."""
        status = progress.with_availability(owned, self.core.now())
        self.writes.set_status(_DEPLOYMENTS.ref(owned.deployment), status)

    def _report_rollout(self, deployment: Json) -> None:
        now = self.core.now()
        status = progress.with_progress(self._observe(deployment), now)
        self.writes.set_status(_DEPLOYMENTS.ref(deployment), status)
        left = progress.seconds_left(deployment, conditions.of({"status": status}), now)
        if left is not None and not progress.is_complete(deployment, status):
            # nothing else may happen until then: the deadline itself has to be noticed
            self.enqueue(_DEPLOYMENTS.ref(deployment), max(left, 0.0) + 1.0)
