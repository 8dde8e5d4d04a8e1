"""What may be left: the snapshot, bounded pods, a known state; and nothing sent twice (I-12, I-15, I-23, I-26)."""

from __future__ import annotations

from collections.abc import Iterator

from invariants.evidence import Evidence, Objects, body
from springtide import labels
from springtide.sandbox.objects import Json

_OWNED = {
    ("services", ("spec", "selector", labels.POD_TEMPLATE_HASH)),
    ("deployments", ("spec", "paused")),
    ("deployments", ("spec", "replicas")),
    ("horizontalpodautoscalers", ("spec", "minReplicas")),
    ("horizontalpodautoscalers", ("spec", "maxReplicas")),
}
"""All that a patch may change, besides annotations under springtide's own prefix."""


def i12_only_own_fields_are_written_and_all_are_given_back(evidence: Evidence) -> Iterator[str]:
    """I-12: a patch touches nothing but the run's own fields; a run that is rolled back leaves what it found."""
    for write in evidence.workload_writes:
        if write.method == "PATCH":
            for path in _leaves(write.body):
                if not _is_own(write.path.removesuffix("/scale").split("/")[-2], path):
                    yield f"{write.path} was given {'.'.join(path)}"
    if evidence.leases and evidence.leases[-1].state.get("outcome") == "rolled_back":
        after = _specs(evidence.after)
        before = _specs(evidence.before)
        yield from (f"{name} is not as it was: {after.get(name)}" for name in before if after.get(name) != before[name])
        yield from (f"{name} was left behind" for name in after.keys() - before.keys())


def _is_own(kind: str, path: tuple[str, ...]) -> bool:
    is_version = path in {("metadata", "uid"), ("metadata", "resourceVersion")}
    is_ours = path[:2] == ("metadata", "annotations") and path[2].startswith(labels.PREFIX)
    return is_version or is_ours or (kind, path) in _OWNED


def _leaves(document: Json, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*at, key))
        else:
            yield (*at, key)


def _specs(objects: Objects) -> Json:
    specs = {f"Deployment {name}": each["spec"] for name, each in objects.deployments.items()}
    specs |= {f"HorizontalPodAutoscaler {name}": each["spec"] for name, each in objects.autoscalers.items()}
    return specs | ({"Service": objects.service["spec"]} if objects.service else {})


def i15_an_unknown_outcome_is_read_never_resent(evidence: Evidence) -> Iterator[str]:
    """I-15: after a write without an answer its process reads the object before it writes it again."""
    for agent in evidence.agents:
        unknown: set[str] = set()
        for call in evidence.calls_of(agent):
            if call.method == "GET":
                unknown = {path for path in unknown if not _shows(call.path, path)}
            elif call.path in unknown:
                yield f"{call.method} {call.path} was sent again before anybody looked: {sorted(body(call))}"
            elif call.fault in _SILENT or (call.status or 0) >= _TROUBLE:
                unknown.add(call.path)


_TROUBLE = 500
_SILENT = {"timeout", "reset", "answer_timeout", "answer_reset", "status_after", "crash_after"}
"""Faults after which the sender cannot know what became of its write."""


def _shows(read: str, path: str) -> bool:
    """Say whether a read tells what became of a write: it is of that object, or of one that it would have made."""
    wanted = path.removesuffix("/scale")
    return read == wanted or read.startswith(f"{wanted}/")


def i18_an_autoscaler_keeps_the_replicas(evidence: Evidence) -> Iterator[str]:
    """I-18: where an autoscaler owns the replicas a run writes its bounds and nothing else."""
    targets = {each["spec"]["scaleTargetRef"]["name"] for each in evidence.before.autoscalers.values()}
    for write in evidence.workload_writes:
        if write.replicas is not None and write.name in targets:
            yield f"{write.method} {write.path} set {write.replicas} replicas, which an autoscaler owns"


def i23_no_more_pods_than_were_ordered(evidence: Evidence) -> Iterator[str]:
    """I-23: no set is ever ordered above the larger of what was there and what was asked for, and none below 0."""
    most = max(evidence.terms.start, evidence.terms.target)
    for write in evidence.workload_writes:
        if write.replicas is not None and not write.takes_away and not 0 <= write.replicas <= most:
            yield f"{write.name} was given {write.replicas} replicas, at most {most} were ordered"


def i26_every_end_is_a_known_state(evidence: Evidence) -> Iterator[str]:
    """I-26: exactly one set with its own selector and a free Lease, or the Lease says that a person is needed."""
    lease = evidence.leases[-1] if evidence.leases else None
    if lease is not None and lease.state.get("outcome") == "needs_attention":
        return
    if lease is not None and lease.holder:
        yield f"the Lease is still held by {lease.holder}"
    yield from _unsettled(evidence.after)


def _unsettled(after: Objects) -> Iterator[str]:
    sets = after.deployments
    pinned = after.service is not None and labels.POD_TEMPLATE_HASH in after.service["spec"]["selector"]
    if len(sets) != 1 or pinned or any(each["spec"].get("paused") for each in sets.values()):
        paused = [name for name, each in sets.items() if each["spec"].get("paused")]
        yield f"{len(sets)} sets, pinned {pinned}, paused {paused}"
