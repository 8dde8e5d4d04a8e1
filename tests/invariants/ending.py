"""What may be left: the snapshot, bounded pods, a known state; and nothing sent twice (I-12, I-15, I-23, I-26)."""

from __future__ import annotations

from collections.abc import Iterator

from invariants.evidence import Evidence, Objects, Write, body_of
from invariants.objects import ObjectsAt, wanted
from invariants.setting_aside import template_of
from springtide import labels
from springtide.sandbox.history import Call
from springtide.sandbox.objects import Json, annotations_of, controller_of, labels_of

_OWNED = {
    ("services", ("spec", "selector", labels.POD_TEMPLATE_HASH)),
    ("services", ("metadata", "managedFields")),
    ("deployments", ("spec", "paused")),
    ("deployments", ("spec", "replicas")),
    ("horizontalpodautoscalers", ("spec", "minReplicas")),
    ("horizontalpodautoscalers", ("spec", "maxReplicas")),
}
"""All that a patch may change, besides annotations under springtide's own prefix and what is of the stable set."""


def i12_only_own_fields_are_written_and_all_are_given_back(evidence: Evidence) -> Iterator[str]:
    """I-12: a patch touches nothing but the run's own fields; a run that is rolled back leaves what it found."""
    for write in evidence.workload_writes:
        if write.method == "PATCH":
            for path, value in _leaves(write.body):
                if not _is_own(write, path, value):
                    yield f"{write.path} was given {'.'.join(path)}: {value}"
    if evidence.leases and evidence.leases[-1].state.get("outcome") == "rolled_back":
        after = _specs(evidence.after)
        before = _specs(evidence.before)
        yield from (f"{name} is not as it was: {after.get(name)}" for name in before if after.get(name) != before[name])
        yield from (f"{name} was left behind" for name in after.keys() - before.keys())


def _is_own(write: Write, path: tuple[str, ...], value: object) -> bool:
    is_version = path in {("metadata", "uid"), ("metadata", "resourceVersion")}
    is_ours = path[:2] == ("metadata", "annotations") and path[2].startswith(labels.PREFIX)
    return is_version or is_ours or (write.kind, path) in _OWNED or _is_of_stable(write, path, value)


def _is_of_stable(write: Write, path: tuple[str, ...], value: object) -> bool:
    """Say whether a field is one that a run may change of its stable set: whose it is, and its size."""
    if not write.is_of_stable:
        return False
    if write.is_scale:
        return path == ("spec", "replicas")
    is_owner_off = path == ("metadata", "ownerReferences") and value is None
    is_note = path == ("metadata", "annotations", labels.DESIRED_REPLICAS)
    return path[:2] == ("metadata", "labels") or is_owner_off or is_note


def _leaves(document: Json, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*at, key))
        else:
            yield (*at, key), value


def _specs(objects: Objects) -> Json:
    specs = {f"Deployment {name}": each["spec"] for name, each in objects.deployments.items()}
    specs |= {f"HorizontalPodAutoscaler {name}": each["spec"] for name, each in objects.autoscalers.items()}
    specs |= {f"ReplicaSet {name}": _belonging(each) for name, each in objects.replica_sets.items()}
    return specs | ({"Service": objects.service["spec"]} if objects.service else {})


def _belonging(replica_set: Json) -> Json:
    """Return a ReplicaSet's spec, with whose it is and by which labels."""
    return {"spec": replica_set["spec"], "labels": labels_of(replica_set), "controller": controller_of(replica_set)}


def i15_an_unknown_outcome_is_read_never_resent(evidence: Evidence) -> Iterator[str]:
    """I-15: after a write without an answer its process reads the object before it writes it again."""
    for agent in evidence.agents:
        unknown: dict[str, set[str]] = {}
        for call in evidence.calls_of(agent):
            if call.method == "GET":
                unknown = {path: left for path, due in unknown.items() if (left := due - set(_shown(call, path)))}
            elif call.path.removesuffix("/scale") in unknown:
                yield f"{call.method} {call.path} was sent again before anybody looked: {sorted(body_of(call))}"
            elif call.fault in _SILENT or (call.status or 0) >= _TROUBLE:
                unknown[call.path.removesuffix("/scale")] = {_AS_OWNED, _AS_ASIDE}


_TROUBLE = 500
_SILENT = {"timeout", "reset", "answer_timeout", "answer_reset", "status_after", "crash_after"}
"""Faults after which the sender cannot know what became of its write."""

_AS_OWNED = "by the labels of its Deployment"
_AS_ASIDE = "by the label of what is set aside"


def _shown(read: Call, path: str) -> tuple[str, ...]:
    """Return what a read tells of a write: all, or of a ReplicaSet, which is listed, whether it is on one of two lists.

    Of a write that would have made an object every read of such an object tells all.
    """
    if read.path == path or read.path.startswith(f"{path}/"):
        return (_AS_OWNED, _AS_ASIDE)
    if not path.startswith(f"{read.path}/"):
        return ()
    return (_AS_ASIDE if labels.ASIDE_OF in read.query.get("labelSelector", "") else _AS_OWNED,)


def i18_an_autoscaler_keeps_the_replicas(evidence: Evidence) -> Iterator[str]:
    """I-18: where an autoscaler owns the replicas a run writes its bounds and nothing else."""
    targets = {each["spec"]["scaleTargetRef"]["name"] for each in evidence.before.autoscalers.values()}
    for write in evidence.workload_writes:
        owner = controller_of(write.target) if write.target else None
        names = {write.name, owner["name"] if owner else write.name}
        if write.replicas is not None and names & targets:
            yield f"{write.method} {write.path} set {write.replicas} replicas, which an autoscaler owns"


def i23_no_more_pods_than_were_ordered(evidence: Evidence) -> Iterator[str]:
    """I-23: no set is ever ordered above the larger of what was there and what was asked for, and none below 0."""
    for write in evidence.workload_writes:
        if write.replicas is not None and not write.takes_away and not 0 <= write.replicas <= evidence.peak:
            yield f"{write.name} was given {write.replicas} replicas, at most {evidence.peak} were ordered"


def i23_both_sets_together_stay_under_the_peak(evidence: Evidence) -> Iterator[str]:
    """I-23: beside a set aside there are as many pods as two whole sets have, in batches one batch above full size.

    A Deployment makes a set of its whole size when the stable one is released, which nobody sees; so the limit of
    batches holds from its first scaling on. A way back has two whole sets, too.
    """
    is_sized = evidence.terms.batch == 0
    for moment in evidence.moments:
        if not moment.objects.aside:
            continue
        is_sized = is_sized or _is_sized(moment, evidence.terms.start)
        in_batches = evidence.terms.batch and is_sized and not _is_undone(moment)
        limit = evidence.peak + (evidence.terms.batch if in_batches else evidence.terms.start)
        ordered = sum(map(wanted, moment.objects.replica_sets.values()))
        if ordered > limit:
            yield f"at {moment.at:.1f} s {ordered} pods were ordered, {limit} at most were due"


def _is_sized(moment: ObjectsAt, start: int) -> bool:
    """Say whether the Deployment's controller has followed another number than the one that it began with."""
    deployment = moment.objects.deployment
    if deployment is None or wanted(deployment) == start:
        return False
    seen = int(deployment.get("status", {}).get("observedGeneration") or 0)
    return seen >= int(deployment["metadata"].get("generation") or 0)


def _is_undone(moment: ObjectsAt) -> bool:
    held = annotations_of(moment.objects.lease).get(labels.STATE, "") if moment.objects.lease else ""
    return '"roll_back"' in held


def i26_every_end_is_a_known_state(evidence: Evidence) -> Iterator[str]:
    """I-26: exactly one set with its own selector and a free Lease, or the Lease says that a person is needed."""
    lease = evidence.leases[-1] if evidence.leases else None
    if lease is not None and lease.state.get("outcome") == "needs_attention":
        return
    if lease is not None and lease.holder:
        yield f"the Lease is still held by {lease.holder}"
    yield from _unsettled(evidence.after)


def _unsettled(after: Objects) -> Iterator[str]:
    if len(after.deployments) != 1 or after.pin is not None or after.is_paused:
        yield f"{len(after.deployments)} Deployments, pinned to {after.pin}, paused {after.is_paused}"
    owned = {each["metadata"]["name"] for each in after.owned}
    templates: list[Json] = []
    for name, each in after.replica_sets.items():
        if labels.ASIDE_OF in labels_of(each) or labels.ASIDE in annotations_of(each) or name not in owned:
            yield f"ReplicaSet {name} stands aside: {labels_of(each)}"
        if template_of(each) in templates:
            yield f"ReplicaSet {name} has a template that another one has, too"
        templates.append(template_of(each))
    serving = [name for name, each in after.replica_sets.items() if wanted(each)]
    if len(serving) != 1:
        yield f"the ReplicaSets {serving} have pods"
