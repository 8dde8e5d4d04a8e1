"""The ReplicaSets of a Deployment: which one holds the present template, and what each remembers in its annotations."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from springtide.sandbox.controllers.counts import reported, wanted
from springtide.sandbox.objects import Json, annotations_of, owner_reference

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        REVISION_HISTORY,
        DESIRED,
        MAXIMUM,
        "deprecated.deployment.rollback.to",
    }
)
_HASH_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_FNV_OFFSET = 0x811C9DC5
_FNV_PRIME = 0x01000193
_LONGEST_NAME = 253


@dataclass(frozen=True, slots=True)
class OwnedSets:
    """A Deployment and its ReplicaSets at one moment."""

    deployment: Json
    present: Json | None  # has the Deployment's template
    former: tuple[Json, ...]  # the others, oldest first

    @classmethod
    def of(cls, deployment: Json, sets: list[Json]) -> OwnedSets:
        """Tell the ReplicaSet of the present template from the others."""
        template = _without_hash(deployment["spec"]["template"])
        oldest_first = sorted(sets, key=age_and_name)
        present = next((each for each in oldest_first if _without_hash(each["spec"]["template"]) == template), None)
        return cls(deployment, present, tuple(each for each in oldest_first if each is not present))

    @property
    def every(self) -> tuple[Json, ...]:
        """All of them; the present one comes last."""
        return self.former if self.present is None else (*self.former, self.present)

    @property
    def active(self) -> tuple[Json, ...]:
        """Those that want pods."""
        return tuple(each for each in self.every if wanted(each))

    @property
    def active_former(self) -> tuple[Json, ...]:
        """Those of earlier templates that want pods."""
        return tuple(each for each in self.former if wanted(each))

    @property
    def newest_former(self) -> Json | None:
        """The youngest of those of earlier templates."""
        return self.former[-1] if self.former else None

    @property
    def was_resized(self) -> bool:
        """Whether the Deployment wants another number than the one that its ReplicaSets were sized for."""
        now = str(wanted(self.deployment))
        return any(annotations_of(each).get(DESIRED, now) != now for each in self.active)

    @property
    def next_revision(self) -> int:
        """The revision of the present template: one above all others, also when an old template comes back."""
        return max((revision_of(each) for each in self.former), default=0) + 1


def age_and_name(replica_set: Json) -> tuple[str, str]:
    """Return by what a controller orders ReplicaSets, the oldest first: the second they were made in, and the name."""
    metadata = replica_set["metadata"]
    return metadata["creationTimestamp"], metadata["name"]


def template_hash(template: Json, collisions: int) -> str:
    """Return the pod-template-hash: FNV-1a over the template, in letters that make no words.

    Equal templates have equal hashes, as in a real cluster; the letters are others, since a real one hashes the memory
    of its own program.
    """
    value = _FNV_OFFSET
    text = json.dumps(template, sort_keys=True) + (str(collisions) if collisions else "")
    for byte in text.encode():
        value = ((value ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return "".join(_HASH_LETTERS[ord(digit) % len(_HASH_LETTERS)] for digit in str(value))


def _without_hash(template: Json) -> Json:
    metadata = template.get("metadata", {})
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}


def new_set(deployment: Json) -> Json:
    """Return the ReplicaSet of the present template, without a size yet."""
    spec = deployment["spec"]
    template = spec["template"]
    digest = template_hash(template, reported(deployment, "collisionCount"))
    # the hash in selector and labels keeps the pods of two templates apart
    labels = {**(template.get("metadata", {}).get("labels") or {}), HASH_LABEL: digest}
    selected = {**(spec["selector"].get("matchLabels") or {}), HASH_LABEL: digest}
    metadata = {
        "name": f"{deployment['metadata']['name'][: _LONGEST_NAME - 1 - len(digest)]}-{digest}",
        "labels": labels,
        "ownerReferences": [owner_reference(deployment)],
    }
    body = {
        "replicas": 0,
        "selector": {**spec["selector"], "matchLabels": selected},
        "template": {**template, "metadata": {**template.get("metadata", {}), "labels": labels}},
    }
    return {"metadata": metadata, "spec": {**body, **_min_ready(deployment)}}


def refreshed_spec(present: Json, deployment: Json) -> Json:
    """Return the spec of the present ReplicaSet with what it takes over from the Deployment without a new template."""
    rest = {key: value for key, value in present["spec"].items() if key != "minReadySeconds"}
    return {**rest, **_min_ready(deployment)}


def _min_ready(deployment: Json) -> Json:
    seconds = deployment["spec"].get("minReadySeconds")
    return {"minReadySeconds": seconds} if seconds else {}


def revision_annotations(replica_set: Json, deployment: Json, revision: int) -> dict[str, str]:
    """Return the annotations of the present ReplicaSet at a revision; earlier revisions of it are remembered."""
    before = annotations_of(replica_set)
    copied = {key: value for key, value in annotations_of(deployment).items() if key not in _NOT_COPIED}
    annotations = {**before, **copied}
    if revision_of(replica_set) < revision:
        annotations[REVISION] = str(revision)
        if REVISION in before:
            earlier = [number for number in before.get(REVISION_HISTORY, "").split(",") if number]
            annotations[REVISION_HISTORY] = ",".join([*earlier, before[REVISION]])
    return annotations


def revision_of(obj: Json) -> int:
    """Return the revision annotation as a number, 0 without one and where somebody wrote something else."""
    return _number(obj, REVISION)


def max_pods_before(replica_set: Json, deployment: Json) -> int:
    """Return how many pods the Deployment might have when this ReplicaSet was last sized, 0 when nobody knows."""
    return _number(replica_set, MAXIMUM) or reported(deployment, "replicas")


def _number(obj: Json, annotation: str) -> int:
    text = annotations_of(obj).get(annotation, "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0
