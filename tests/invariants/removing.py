"""How pods go: late, in steps, over the floor, and never what serves (I-7, I-9, I-10, I-24)."""

from __future__ import annotations

from collections.abc import Iterator

from invariants.evidence import Evidence, Write


def i07_old_pods_stay_until_the_new_ones_serve_alone(evidence: Evidence) -> Iterator[str]:
    """I-7: a set is taken away only when the slices have shown the other one alone for the propagation time."""
    for write, switched in _removals(evidence):
        if switched is not None and write.at - switched < evidence.terms.propagation:
            yield f"{write.method} {write.path} {write.at - switched:.1f} s after the switch"


def i09_what_drains_gets_its_time(evidence: Evidence) -> Iterator[str]:
    """I-9: the stable set keeps its pods for the drain time after the propagation time."""
    for write, switched in _removals(evidence):
        is_back = write.lease is not None and write.lease.has("roll_back", "started")
        is_stable = write.lease is not None and write.name == write.lease.state["snapshot"]["stable"]
        needed = evidence.terms.propagation + evidence.terms.drain
        if (
            switched is not None
            and is_stable
            and not is_back
            and not _is_batched(write)
            and write.at - switched < needed
        ):
            yield f"{write.method} {write.path} {write.at - switched:.1f} s after the switch, {needed:.1f} s are due"


def i10_never_more_than_a_step_at_once(evidence: Evidence) -> Iterator[str]:
    """I-10: pods that serve go step by step, each over the floor; no Deployment that has pods is deleted."""
    served = False
    for write in evidence.workload_writes:
        served = served or write.switched_at is not None
        if write.method == "DELETE" and write.had != 0:
            yield f"Deployment {write.name} was deleted with {write.had} replicas"
        if write.method == "DELETE" and ("/pods/" in write.path or write.body.get("gracePeriodSeconds") == 0):
            yield f"{write.path} was deleted at once"
        if not write.takes_away or write.method == "DELETE":
            continue
        ready = len(evidence.ready_at(write.at))
        if ready < evidence.floor:
            yield f"at {write.at:.1f} s {write.name} was shrunk with {ready} endpoints ready, under {evidence.floor}"
        if (served or "smoke_test" in _phases(write)) and write.had - (write.replicas or 0) > evidence.terms.step:
            yield f"at {write.at:.1f} s {write.name} went from {write.had} to {write.replicas} replicas in one step"


def i24_what_serves_is_never_removed(evidence: Evidence) -> Iterator[str]:
    """I-24: the set that the Service is pinned to keeps its pods; before the switch nothing of the stable set goes."""
    pinned: str | None = None
    for write in evidence.workload_writes:
        stable = write.lease.state["snapshot"] if write.lease else {}
        if write.selector is not None:
            pinned = write.pins
        is_stable = write.name == stable.get("stable")
        serves = pinned is not None and is_stable == (pinned == stable.get("template_hash"))
        if write.takes_away and serves:
            yield f"at {write.at:.1f} s {write.method} {write.path} took from what the Service was pinned to"


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
