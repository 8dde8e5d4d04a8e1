"""Who may write: the Lease, the fence, the stamps (I-1, I-2, I-3, I-13, I-14, I-22)."""

from __future__ import annotations

from collections.abc import Iterator

from invariants.evidence import LEASE, OK, Evidence, LeaseAt, pairs
from springtide.run.renewal import DURATION_SECONDS


def i01_one_owner(evidence: Evidence) -> Iterator[str]:
    """I-1: the Lease passes from nobody to a run, and from a run to nobody or to who takes that run up; never else."""
    for earlier, later in pairs(evidence):
        if later.generation < earlier.generation:
            yield f"at {later.at:.1f} s the generation went from {earlier.generation} to {later.generation}"
        if earlier.holder in {"", later.holder} and later.generation == earlier.generation:
            if not earlier.holder and later.holder:
                yield f"at {later.at:.1f} s {later.holder} took the Lease without a new generation"
        elif later.holder and later.generation == earlier.generation:
            yield f"at {later.at:.1f} s {later.holder} took the Lease from {earlier.holder} in the same generation"
        elif earlier.holder and later.holder and not _takes_up(earlier, later):
            yield f"at {later.at:.1f} s {later.holder} took the Lease that {earlier.holder} held"


def _takes_up(earlier: LeaseAt, later: LeaseAt) -> bool:
    # A run that turns back takes a new generation, too: its own forward phases are fenced out by it.
    is_turned_back = later.holder == earlier.holder and later.has("roll_back", "started")
    return (later.holder.startswith("reconcile:") or is_turned_back) and later.run == earlier.run


def i02_every_write_is_fenced(evidence: Evidence) -> Iterator[str]:
    """I-2: the call before each write is the quorum read of the Lease; where a new owner wrote, no older one does."""
    for agent in evidence.agents:
        calls = evidence.calls_of(agent)
        for before, call in zip([None, *calls], calls, strict=False):
            if not call.write or "/leases" in call.path or call.status is None or call.status >= OK:
                continue
            if before is None or before.method != "GET" or not before.path.endswith(f"/leases/{LEASE}"):
                yield f"write {call.write} {call.method} {call.path} without reading the Lease just before"
    newest = 0
    for write in evidence.workload_writes:
        if write.method in {"POST", "PATCH"} and write.stamp is None and not write.is_scale:
            yield f"{write.method} {write.path} does not say which run and generation wrote it"
        if write.stamp is not None and write.stamp[1] < newest:
            yield f"{write.method} {write.path} by generation {write.stamp[1]}, after generation {newest} had written"
        newest = max(newest, write.stamp[1] if write.stamp else 0)


def i03_no_living_run_is_preempted(evidence: Evidence) -> Iterator[str]:
    """I-3: a Lease is taken from its holder only when it has stood still for its whole duration."""
    for earlier, later in pairs(evidence):
        stood = later.at - earlier.at
        if earlier.holder and later.holder not in {"", earlier.holder} and stood < DURATION_SECONDS:
            yield f"at {later.at:.1f} s {later.holder} took the Lease, {stood:.1f} s after {earlier.holder} renewed it"


def i13_the_snapshot_stands_before_the_first_write(evidence: Evidence) -> Iterator[str]:
    """I-13: the Lease with the snapshot in it is the first thing that a run writes, and the snapshot never changes."""
    for write in evidence.workload_writes:
        if write.lease is None or not write.lease.state.get("snapshot"):
            yield f"{write.method} {write.path} while no snapshot stood in the Lease"
    for earlier, later in pairs(evidence):
        if earlier.run == later.run and earlier.state["snapshot"] != later.state["snapshot"]:
            yield f"at {later.at:.1f} s the snapshot of {later.run} was changed"


def i14_nothing_is_created_but_the_lease(evidence: Evidence) -> Iterator[str]:
    """I-14: no run asks for a new object but its Lease, granted or not; the owner's Deployment makes the new pods."""
    for call in evidence.calls:
        if call.method in {"POST", "PUT"} and not call.path.endswith("/leases"):
            yield f"{call.method} {call.path} would create something"
    for stranger in evidence.after.deployments.keys() - evidence.before.deployments.keys():
        yield f"there is a Deployment {stranger}"


def i22_what_has_ended_never_writes_again(evidence: Evidence) -> Iterator[str]:
    """I-22: once a run has given its Lease back, nothing is written in its name."""
    ended: set[str] = set()
    for write in evidence.writes:
        run = write.stamp[0] if write.stamp else None
        if run in ended:
            yield f"{write.method} {write.path} by {run}, which has ended"
        if write.is_of_lease and write.body.get("spec", {}).get("holderIdentity", "") is None and write.lease:
            ended.add(write.lease.run)
