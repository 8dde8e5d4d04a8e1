"""The Deployment controller: a ReplicaSet per template, rolled out, scaled and reported.

A port of pkg/controller/deployment of Kubernetes 1.34; rollback by annotation is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from springtide.sandbox.controllers import conditions, rollout
from springtide.sandbox.controllers.rollout import counted, replicas
from springtide.sandbox.core import Controller
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import (
    Json,
    Ref,
    annotations_of,
    controller_of,
    is_terminating,
    labels_of,
    owner_reference,
    parse_stamp,
    with_annotations,
    with_metadata,
)
from springtide.sandbox.selectors import label_selector
from springtide.sandbox.status import ApiError
from springtide.sandbox.store import Change

_SETS = KINDS["replicasets"]


class DeploymentController(Controller):
    """Brings a Deployment's ReplicaSets to what its spec says."""

    watches = ("deployments", "replicasets", "pods")

    def concerns(self, change: Change) -> Iterable[Ref]:
        """Return the Deployment itself, that of a ReplicaSet, or, for Recreate, that of a pod that went."""
        ref = change.ref
        if ref.resource == "deployments":
            yield ref
        elif ref.resource == "replicasets":
            yield from self._owner(change.object)
        elif change.type == "DELETED" and (owner := controller_of(change.object)):
            one = self.store.get(Ref("replicasets", ref.namespace, owner["name"]))
            yield from self._owner(one) if one else ()

    def _owner(self, one: Json) -> Iterable[Ref]:
        owner = controller_of(one)
        if owner and owner["kind"] == "Deployment":
            yield Ref("deployments", one["metadata"]["namespace"], owner["name"])
        elif owner is None:
            namespace = one["metadata"]["namespace"]
            for deployment in self.store.select("deployments", namespace):
                if label_selector(deployment["spec"]["selector"])(labels_of(one)):
                    yield KINDS["deployments"].ref(deployment)

    def reconcile(self, ref: Ref) -> None:
        """One sync of a Deployment."""
        deployment = self.store.get(ref)
        if deployment is None:
            return
        sets = self._claimed(deployment)
        if is_terminating(deployment):
            new, _ = self._split(deployment, sets)
            self._report(deployment, sets, new)
            return
        try:
            self._sync(self._note_pause(deployment), sets)
        except ApiError as error:
            self._failed(ref, error)
        else:
            self.succeeded(ref)

    def _failed(self, ref: Ref, error: ApiError) -> None:
        deployment = self.store.get(ref)
        if deployment is not None and deployment["spec"].get("progressDeadlineSeconds") is not None:
            message = f"Failed to create new replica set: {error}"
            condition = conditions.make("Progressing", "False", "ReplicaSetCreateError", message, self.core.stamp())
            self._put_condition(deployment, condition)
        self.retry(ref)

    def _claimed(self, deployment: Json) -> list[Json]:
        """Return the Deployment's ReplicaSets, oldest first, after adopting matching ones that nobody owns."""
        matches = label_selector(deployment["spec"]["selector"])
        uid = deployment["metadata"]["uid"]
        found: list[Json] = []
        for one in self.store.select("replicasets", deployment["metadata"]["namespace"]):
            owner = controller_of(one)
            if owner is None and matches(labels_of(one)) and not (is_terminating(one) or is_terminating(deployment)):
                owners = [*one["metadata"].get("ownerReferences", ()), owner_reference(deployment)]
                found.append(self.store.put(_SETS.ref(one), with_metadata(one, ownerReferences=owners)))
            elif owner is not None and owner["uid"] == uid:
                found.append(one)
        return sorted(found, key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"]))

    def _split(self, deployment: Json, sets: list[Json]) -> tuple[Json | None, list[Json]]:
        """Return the ReplicaSet of the present template, and the others."""
        template = deployment["spec"]["template"]
        new = next((one for one in sets if rollout.same_template(one["spec"]["template"], template)), None)
        return new, [one for one in sets if one is not new]

    def _note_pause(self, deployment: Json) -> Json:
        spec = deployment["spec"]
        if spec.get("progressDeadlineSeconds") is None:
            return deployment
        found = conditions.find(deployment.get("status", {}).get("conditions", []), "Progressing")
        reason = found["reason"] if found else ""
        if reason == "ProgressDeadlineExceeded":
            return deployment
        now = self.core.stamp()
        if spec.get("paused") and reason != "DeploymentPaused":
            words = ("DeploymentPaused", "Deployment is paused")
        elif not spec.get("paused") and reason == "DeploymentPaused":
            words = ("DeploymentResumed", "Deployment is resumed")
        else:
            return deployment
        return self._put_condition(deployment, conditions.make("Progressing", "Unknown", *words, now))

    def _put_condition(self, deployment: Json, condition: Json) -> Json:
        status = deployment.get("status", {})
        status = {**status, "conditions": conditions.put(status.get("conditions", []), condition)}
        return self.store.put(KINDS["deployments"].ref(deployment), {**deployment, "status": status})

    def _sync(self, deployment: Json, sets: list[Json]) -> None:
        if deployment["spec"].get("paused"):
            self._scale_only(deployment, sets)
            return
        deployment, new = self._revised(deployment, sets, create=False)
        sets = self._claimed(deployment)
        desired = (annotations_of(one).get(rollout.DESIRED) for one in rollout.active(sets))
        if any(number is not None and number != str(replicas(deployment)) for number in desired):
            self._scale_only(deployment, sets)
            return
        if deployment["spec"]["strategy"]["type"] == "Recreate":
            self._recreate(deployment, sets, new)
        else:
            self._roll(deployment, sets)

    def _revised(self, deployment: Json, sets: list[Json], *, create: bool) -> tuple[Json, Json | None]:
        """Return the Deployment and its new ReplicaSet, both with the present revision; made first if need be."""
        new, others = self._split(deployment, sets)
        revision = max((rollout.revision_of(one) for one in others), default=0) + 1
        if new is None:
            return self._first(deployment, others, revision) if create else (deployment, None)
        spec = {**new["spec"], "minReadySeconds": deployment["spec"].get("minReadySeconds", 0)}
        spec = {key: value for key, value in spec.items() if key != "minReadySeconds" or value}
        annotations = rollout.with_revision(new, deployment, revision)
        new = self._put_set({**with_metadata(new, annotations=annotations), "spec": spec}, new)
        deployment = self._mark_revision(deployment, annotations_of(new)[rollout.REVISION])
        known = conditions.find(deployment.get("status", {}).get("conditions", []), "Progressing")
        if known is None and deployment["spec"].get("progressDeadlineSeconds") is not None:
            message = f'Found new replica set "{new["metadata"]["name"]}"'
            condition = conditions.make("Progressing", "True", "FoundNewReplicaSet", message, self.core.stamp())
            deployment = self._put_condition(deployment, condition)
        return deployment, new

    def _mark_revision(self, deployment: Json, revision: str) -> Json:
        # upstream writes it through the status, so that it does not count as a new generation
        marked = with_annotations(deployment, {rollout.REVISION: revision})
        return self.store.put(KINDS["deployments"].ref(deployment), marked)

    def _first(self, deployment: Json, others: list[Json], revision: int) -> tuple[Json, Json]:
        """Create the ReplicaSet of the present template."""
        template = deployment["spec"]["template"]
        collisions = counted(deployment, "collisionCount")
        digest = rollout.template_hash(template, collisions)
        marked = {rollout.HASH_LABEL: digest}
        labels = {**(template.get("metadata", {}).get("labels") or {}), **marked}
        selector = deployment["spec"]["selector"]
        body: Json = {
            "metadata": {
                "name": f"{deployment['metadata']['name']}-{digest}",
                "labels": labels,
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {
                "replicas": 0,
                "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), **marked}},
                "template": {**template, "metadata": {**template.get("metadata", {}), "labels": labels}},
            },
        }
        if deployment["spec"].get("minReadySeconds"):
            body["spec"]["minReadySeconds"] = deployment["spec"]["minReadySeconds"]
        body["spec"]["replicas"] = rollout.new_set_size(deployment, others, body)
        annotations = rollout.with_revision(body, deployment, revision)
        body["metadata"]["annotations"] = {**annotations, **rollout.replica_annotations(deployment)}
        new = self._create_or_adopt(deployment, body)
        deployment = self._mark_revision(deployment, str(revision))
        if deployment["spec"].get("progressDeadlineSeconds") is not None:
            message = f'Created new replica set "{new["metadata"]["name"]}"'
            condition = conditions.make("Progressing", "True", "NewReplicaSetCreated", message, self.core.stamp())
            deployment = self._put_condition(deployment, condition)
        return deployment, new

    def _create_or_adopt(self, deployment: Json, body: Json) -> Json:
        namespace, name = deployment["metadata"]["namespace"], body["metadata"]["name"]
        try:
            new = self.writes.create(_SETS, body, namespace)
        except ApiError as error:
            if error.reason == "AlreadyExists":
                status = {**deployment.get("status", {}), "collisionCount": counted(deployment, "collisionCount") + 1}
                self.writes.set_status(KINDS["deployments"].ref(deployment), status)
            raise
        if replicas(new):
            message = f"Scaled up replica set {name} from 0 to {replicas(new)}"
            self.core.event(deployment, "Normal", "ScalingReplicaSet", message)
        return new

    def _put_set(self, one: Json, before: Json) -> Json:
        if one["spec"] != before["spec"]:
            one = with_metadata(one, generation=before["metadata"]["generation"] + 1)
        return self.store.put(_SETS.ref(one), one)

    def _resize(self, deployment: Json, one: Json, size: int) -> bool:
        """Give a ReplicaSet a size; return whether it changed."""
        was = replicas(one)
        annotated = with_annotations(one, rollout.replica_annotations(deployment))
        self._put_set({**annotated, "spec": {**one["spec"], "replicas": size}}, one)
        if was == size:
            return False
        way = "up" if was < size else "down"
        message = f"Scaled {way} replica set {one['metadata']['name']} from {was} to {size}"
        self.core.event(deployment, "Normal", "ScalingReplicaSet", message)
        return True

    def _scale_only(self, deployment: Json, sets: list[Json]) -> None:
        """Follow `spec.replicas` without moving the rollout on (paused, or scaled in the middle of it)."""
        deployment, new = self._revised(deployment, sets, create=False)
        sets = self._claimed(deployment)
        new, others = self._split(deployment, sets)
        self._scale(deployment, new, others)
        if deployment["spec"].get("paused"):
            self._forget_old(deployment, others)
        sets = self._claimed(deployment)
        self._report(deployment, sets, self._split(deployment, sets)[0])

    def _scale(self, deployment: Json, new: Json | None, others: list[Json]) -> None:
        running = rollout.active([*others, *([new] if new else [])])
        if len(running) <= 1:
            newest = max(others, key=rollout.revision_of, default=None)
            only = running[0] if running else new or newest
            if only is not None and replicas(only) != replicas(deployment):
                self._resize(deployment, only, replicas(deployment))
        elif rollout.is_saturated(deployment, new):
            for old in rollout.active(others):
                self._resize(deployment, old, 0)
        elif deployment["spec"]["strategy"]["type"] == "RollingUpdate":
            sizes = rollout.proportions(deployment, running)
            for one in running:
                self._resize(deployment, one, sizes[one["metadata"]["name"]])

    def _roll(self, deployment: Json, sets: list[Json]) -> None:
        deployment, new = self._revised(deployment, sets, create=True)
        if new is None:
            return
        sets = self._claimed(deployment)
        new, others = self._split(deployment, sets)
        assert new is not None
        if not self._grow_new(deployment, sets, new):
            self._shrink_old(deployment, sets, rollout.active(others), new)
        if rollout.is_complete(deployment, deployment.get("status", {})):
            self._forget_old(deployment, others)
        self._report_rollout(deployment)

    def _grow_new(self, deployment: Json, sets: list[Json], new: Json) -> bool:
        wanted = replicas(deployment)
        if replicas(new) == wanted:
            return False
        size = wanted if replicas(new) > wanted else rollout.new_set_size(deployment, sets, new)
        return replicas(new) != size and self._resize(deployment, new, size)

    def _shrink_old(self, deployment: Json, sets: list[Json], others: list[Json], new: Json) -> None:
        least = replicas(deployment) - rollout.max_unavailable(deployment)
        not_yet = replicas(new) - counted(new, "availableReplicas")
        room = rollout.total_replicas(sets) - least - not_yet
        if not others or room <= 0:
            return
        sizes = {one["metadata"]["name"]: replicas(one) for one in others}
        left = room
        for one in others:  # pods that do not serve go first: that costs no availability
            ill = min(left, sizes[one["metadata"]["name"]] - counted(one, "availableReplicas"))
            if ill > 0:
                sizes[one["metadata"]["name"]] -= ill
                left -= ill
        spare = rollout.total_counted(sets, "availableReplicas") - least
        for one in others:
            less = min(sizes[one["metadata"]["name"]], max(spare, 0))
            sizes[one["metadata"]["name"]] -= less
            spare -= less
        for one in others:
            if sizes[one["metadata"]["name"]] != replicas(one):
                self._resize(deployment, one, sizes[one["metadata"]["name"]])

    def _recreate(self, deployment: Json, sets: list[Json], new: Json | None) -> None:
        others = [one for one in sets if new is None or one["metadata"]["uid"] != new["metadata"]["uid"]]
        if rollout.active(others):
            for old in rollout.active(others):
                self._resize(deployment, old, 0)
            self._report_rollout(deployment)
            return
        if self._old_pods_run(deployment, others):
            self._report_rollout(deployment)
            return
        deployment, new = self._revised(deployment, sets, create=True)
        if new is not None and replicas(new) != replicas(deployment):
            self._resize(deployment, new, replicas(deployment))
        if rollout.is_complete(deployment, deployment.get("status", {})):
            self._forget_old(deployment, others)
        self._report_rollout(deployment)

    def _old_pods_run(self, deployment: Json, others: list[Json]) -> bool:
        uids = {one["metadata"]["uid"] for one in others}
        pods = self.store.select("pods", deployment["metadata"]["namespace"])
        owned = (pod for pod in pods if (controller_of(pod) or {}).get("uid") in uids)
        return any(pod["status"].get("phase") not in {"Failed", "Succeeded"} for pod in owned)

    def _forget_old(self, deployment: Json, others: list[Json]) -> None:
        """Delete old ReplicaSets beyond `revisionHistoryLimit`."""
        limit = deployment["spec"].get("revisionHistoryLimit", 10)
        alive = sorted((one for one in others if not is_terminating(one)), key=rollout.revision_of)
        for one in alive[: max(len(alive) - limit, 0)]:
            seen = counted(one, "observedGeneration") >= one["metadata"]["generation"]
            if seen and not replicas(one) and not counted(one, "replicas"):
                self.writes.delete(_SETS, _SETS.ref(one))

    def _availability(self, deployment: Json, sets: list[Json], new: Json | None) -> Json:
        """Return the status with its numbers and the condition Available."""
        status = rollout.numbers(deployment, sets, new)
        enough = status.get("availableReplicas", 0) >= replicas(deployment) - rollout.max_unavailable(deployment)
        words = (
            ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
            if enough
            else ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        )
        before = deployment.get("status", {}).get("conditions", [])
        condition = conditions.make("Available", *words, self.core.stamp())
        return {**status, "conditions": conditions.put(before, condition)}

    def _report(self, deployment: Json, sets: list[Json], new: Json | None) -> None:
        self.writes.set_status(KINDS["deployments"].ref(deployment), self._availability(deployment, sets, new))

    def _report_rollout(self, deployment: Json) -> None:
        sets = self._claimed(deployment)
        new, _ = self._split(deployment, sets)
        status = self._availability(deployment, sets, new)
        found: list[Json] = status["conditions"]
        current = conditions.find(deployment.get("status", {}).get("conditions", []), "Progressing")
        if deployment["spec"].get("progressDeadlineSeconds") is None:
            found = conditions.drop(found, "Progressing")
        else:
            done = current is not None and current["reason"] == "NewReplicaSetAvailable"
            if not (done and status.get("replicas", 0) == status.get("updatedReplicas", 0)):
                found = self._progress(deployment, {**status, "conditions": found}, new)
        failure = self._replica_failure(sets, new)
        found = conditions.put(found, failure) if failure else conditions.drop(found, "ReplicaFailure")
        self.writes.set_status(KINDS["deployments"].ref(deployment), {**status, "conditions": found})
        self._look_again(deployment, {**status, "conditions": found})

    def _progress(self, deployment: Json, status: Json, new: Json | None) -> list[Json]:
        """Return the conditions with Progressing as this status makes it."""
        found: list[Json] = status["conditions"]
        now = self.core.stamp()
        name = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
        if rollout.is_complete(deployment, status):
            message = f"{name} has successfully progressed."
            return conditions.put(found, conditions.make("Progressing", "True", "NewReplicaSetAvailable", message, now))
        if rollout.is_progressing(deployment, status):
            condition = conditions.make("Progressing", "True", "ReplicaSetUpdated", f"{name} is progressing.", now)
            current = conditions.find(found, "Progressing")
            if current is not None and current["status"] == "True":
                condition["lastTransitionTime"] = current["lastTransitionTime"]
            return [*conditions.drop(found, "Progressing"), condition]
        if self._timed_out(deployment, found):
            message = f"{name} has timed out progressing."
            condition = conditions.make("Progressing", "False", "ProgressDeadlineExceeded", message, now)
            return conditions.put(found, condition)
        return found

    def _timed_out(self, deployment: Json, found: list[Json]) -> bool:
        current = conditions.find(found, "Progressing")
        if current is None or current["reason"] == "NewReplicaSetAvailable":
            return False
        if current["reason"] == "ProgressDeadlineExceeded":
            return True
        deadline = timedelta(seconds=deployment["spec"]["progressDeadlineSeconds"])
        return parse_stamp(current["lastUpdateTime"]) + deadline < self.core.now()

    def _look_again(self, deployment: Json, status: Json) -> None:
        """Plan the sync that will find the progress deadline passed."""
        current = conditions.find(status["conditions"], "Progressing")
        deadline = deployment["spec"].get("progressDeadlineSeconds")
        if current is None or deadline is None or rollout.is_complete(deployment, status):
            return
        if current["reason"] in {"ProgressDeadlineExceeded", "NewReplicaSetAvailable"}:
            return
        left = parse_stamp(current["lastUpdateTime"]) + timedelta(seconds=deadline) - self.core.now()
        self.enqueue(KINDS["deployments"].ref(deployment), max(left.total_seconds(), 0.0) + 1.0)

    @staticmethod
    def _replica_failure(sets: list[Json], new: Json | None) -> Json | None:
        ordered = [*([new] if new else []), *sets]
        for one in ordered:
            failure = conditions.find(one.get("status", {}).get("conditions", []), "ReplicaFailure")
            if failure:
                return {**failure, "lastUpdateTime": failure["lastTransitionTime"]}
        return None
