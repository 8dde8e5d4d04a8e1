"""What stands aside: pinned first, then nobody's and out of reach, given back as it was (I-27, I-28, I-29)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from invariants.evidence import Evidence, Write
from invariants.objects import hash_of, wanted
from springtide import labels
from springtide.sandbox.objects import Json, annotations_of, is_terminating, labels_of


def i27_what_is_set_aside_is_pinned_first_and_nobodys(evidence: Evidence) -> Iterator[str]:
    """I-27: a set is released only while the Service means it alone; then no label and no owner leads to it."""
    for earlier, later in pairwise(evidence.moments):
        known = {each["metadata"]["uid"] for each in earlier.objects.aside}
        for each in later.objects.aside:
            name = each["metadata"]["name"]
            if each["metadata"]["uid"] not in known and earlier.objects.pin != hash_of(each):
                yield f"at {later.at:.1f} s {name} was released with the Service pinned to {earlier.objects.pin}"
            if each["metadata"].get("ownerReferences"):
                yield f"at {later.at:.1f} s {name} is set aside and belongs to somebody"
            if labels_of(each).keys() != {labels.ASIDE_OF}:
                yield f"at {later.at:.1f} s {name} is set aside with the labels {labels_of(each)}"


def i28_no_rollout_reaches_what_serves_under_a_pin(evidence: Evidence) -> Iterator[str]:
    """I-28: where the Service is pinned to a set of the Deployment's own, the Deployment is paused.

    A rollout would take every endpoint away. But for two moments of the stable set: pinned and not released yet, given
    back and the selector not restored yet. In each the very next write ends it.
    """
    for moment in evidence.moments:
        serving = moment.objects.serving_owned
        deployment = moment.objects.deployment
        if serving is None or deployment is None or is_terminating(deployment) or moment.objects.is_paused:
            continue
        if serving["metadata"]["uid"] not in _stable_uids(evidence):
            yield f"at {moment.at:.1f} s {serving['metadata']['name']} serves under a pin, within reach of a rollout"
    for write in evidence.workload_writes:
        is_within_reach = write.found.serving_owned is not None and not write.found.is_paused
        if is_within_reach and not (write.is_only_stamp or write.releases or _unpins(write)):
            yield f"at {write.at:.1f} s {write.method} {write.path} before the stable set was out of reach of a rollout"


def _stable_uids(evidence: Evidence) -> set[str]:
    return {str(write.stable["uid"]) for write in evidence.workload_writes if write.stable}


def _unpins(write: Write) -> bool:
    return write.selector is not None and write.pins is None


def i29_what_was_set_aside_is_given_back_as_it_was(evidence: Evidence) -> Iterator[str]:
    """I-29: the stable set goes back with its own labels, whole, to a Deployment that runs at the number it had.

    A paused Deployment, and one that takes the set for just scaled, shrinks all its sets in proportion: the one that
    serves among them.
    """
    for write in evidence.workload_writes:
        if write.gives_back:
            yield from (f"at {write.at:.1f} s {write.name} was given back {what}" for what in _not_as_it_was(write))


def _not_as_it_was(write: Write) -> Iterator[str]:
    deployment = write.found.deployment
    given = write.body["metadata"]
    if deployment is None or write.found.is_paused:
        yield "to a Deployment that is gone or paused"
        return
    before = str(write.snapshot["replicas"])
    if str(wanted(deployment)) != before or write.had != write.snapshot["replicas"]:
        yield f"with {write.had} replicas to a Deployment with {wanted(deployment)}; there were {before}"
    if given["annotations"].get(labels.DESIRED_REPLICAS) != before:
        yield "without the note of how many replicas its Deployment has"
    noted = {annotations_of(each).get(labels.DESIRED_REPLICAS) for each in write.found.owned if wanted(each)}
    if noted - {before}:
        yield f"before its Deployment had followed: it notes {sorted(map(str, noted))}"
    if {key: value for key, value in given["labels"].items() if value is not None} != write.stable["labels"]:
        yield f"with the labels {given['labels']}"
    if write.found.pin != write.stable["template_hash"] and not _joins_a_rollout(write, deployment):
        yield f"while the Service was pinned to {write.found.pin}"


def _joins_a_rollout(write: Write, deployment: Json) -> bool:
    """Say whether the Service means every pod because the owner has another template on its way."""
    stable = write.target
    is_other = stable is not None and template_of(stable) != template_of(deployment)
    return write.found.pin is None and is_other


def template_of(document: Json) -> Json:
    """Return the pod template of a Deployment or ReplicaSet, without the label that tells sets apart."""
    template = document["spec"]["template"]
    held = {key: value for key, value in template["metadata"]["labels"].items() if key != labels.POD_TEMPLATE_HASH}
    return {**template, "metadata": {**template["metadata"], "labels": held}}
