"""How pods go: late, in steps, over the floor, and never what serves (I-7, I-9, I-10, I-24)."""

from __future__ import annotations

from collections.abc import Iterator

from invariants.evidence import Evidence, Write
from invariants.objects import hash_of
from springtide.sandbox.objects import is_terminating


def i07_old_pods_stay_until_the_new_ones_serve_alone(evidence: Evidence) -> Iterator[str]:
    """I-7: a set is taken away only when the slices have shown the other one alone for the propagation time."""
    for write, switched in _removals(evidence):
        if switched is not None and write.at - switched < evidence.terms.propagation:
            yield f"{write.method} {write.path} {write.at - switched:.1f} s after the switch"


def i09_what_drains_gets_its_time(evidence: Evidence) -> Iterator[str]:
    """I-9: what the Service was moved away from keeps its pods for the drain time after the propagation time."""
    needed = evidence.terms.propagation + evidence.terms.drain
    for write, switched in _removals(evidence):
        was_left = write.is_back or (write.is_of_stable and not _is_batched(write))
        if switched is not None and was_left and write.at - switched < needed:
            yield f"{write.method} {write.path} {write.at - switched:.1f} s after the switch, {needed:.1f} s are due"


def i10_never_more_than_a_step_at_once(evidence: Evidence) -> Iterator[str]:
    """I-10: pods that serve go step by step, each over the floor; nothing that keeps pods is deleted.

    Pods that are going already keep their grace, whoever deletes the empty set that they were of.
    On the way back the new pods go at once: the Service has been pinned away from them, and nobody is there (I-9).
    """
    served = False
    for write in evidence.workload_writes:
        served = served or write.switched_at is not None
        if write.method == "DELETE":
            yield from _deletion(write)
        if not write.takes_away or write.method == "DELETE":
            continue
        ready = len(evidence.ready_at(write.at))
        if ready < evidence.floor:
            yield f"at {write.at:.1f} s {write.name} was shrunk with {ready} endpoints ready, under {evidence.floor}"
        if (served or "smoke_test" in _phases(write)) and _loss(write) > evidence.terms.step:
            yield f"at {write.at:.1f} s {write.name} went from {write.had} to {write.replicas} replicas in one step"


def _deletion(write: Write) -> Iterator[str]:
    found = write.found.pods_of(write.target) if write.target else []
    pods = sum(not is_terminating(pod) for pod in found)
    if write.had or pods:
        yield f"{write.path} was deleted with {write.had} replicas and {pods} pods"
    if "/pods/" in write.path or write.body.get("gracePeriodSeconds") == 0:
        yield f"{write.path} was deleted at once"


def _loss(write: Write) -> int:
    """Return how many pods that may have requests go at once by a write."""
    is_left = write.is_back and write.kind == "deployments" and write.found.pin == write.stable.get("template_hash")
    return 0 if write.replicas is None or is_left else write.had - write.replicas


def i24_what_serves_is_never_removed(evidence: Evidence) -> Iterator[str]:
    """I-24: the set that the Service is pinned to keeps its pods, and the new set all of them until the stable is gone.

    Pods that nobody has seen are no loss: a batch may be smaller than what the Deployment made at first.
    """
    for write in evidence.workload_writes:
        if not write.takes_away:
            continue
        if write.found.pin in {hash_of(each) for each in write.takes_from}:
            yield f"at {write.at:.1f} s {write.method} {write.path} took from what the Service was pinned to"
        is_early = write.stable.get("name") in {each["metadata"]["name"] for each in write.found.aside}
        if write.kind == "deployments" and is_early and not write.is_back and not write.is_unseen:
            yield f"at {write.at:.1f} s {write.method} {write.path} took new pods away beside the stable set"


def _removals(evidence: Evidence) -> Iterator[tuple[Write, float | None]]:
    """Yield each removal with the time of the last move of the selector that counts as a switch."""
    switched: float | None = None
    for write in evidence.workload_writes:
        if write.selector is not None:
            switched = write.at if write.switched_at is not None else None
        elif write.takes_away:
            yield write, switched


def _is_batched(write: Write) -> bool:
    return write.lease is not None and write.lease.state["settings"].get("overlap") == "batched"


def _phases(write: Write) -> set[str]:
    return {each["phase"] for each in write.lease.state["journal"]} if write.lease else set()
