"""How traffic moves: compare-and-swap, capacity, the floor, the order of phases (I-4, I-5, I-6, I-8, I-11)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from invariants.evidence import Evidence, Write, body_of
from invariants.writes import is_only_stamp

ORDER = (
    "create_instances",
    "instances_ready",
    "switch_endpoints",
    "endpoints_switched",
    "smoke_test",
    "remove_old_instances",
    "instances_removed",
)
"""The way forward, written down once more: taken from what is judged, no order could be a wrong one."""


def i04_every_change_is_compare_and_swap(evidence: Evidence) -> Iterator[str]:
    """I-4: a change names the very object that was judged, and leaves everything but what the run owns alone."""
    for write in evidence.writes:
        held = write.body.get("preconditions") if write.method == "DELETE" else write.body.get("metadata")
        if write.method in {"PATCH", "DELETE"} and not {"uid", "resourceVersion"} <= set(held or {}):
            yield f"{write.method} {write.path} does not say what it judged"
        if write.method == "PUT":
            yield f"PUT {write.path} overwrites the whole object"


def i05_a_switch_never_lowers_capacity(evidence: Evidence) -> Iterator[str]:
    """I-5: what a switch brings in is whole at that moment: as many ready endpoints as what it takes out, or more."""
    for earlier, later in pairwise(evidence.slices):
        is_switch = later.ready and not set(earlier.ready) & set(later.ready)
        if is_switch and len(later.ready) < min(len(earlier.ready), evidence.terms.start):
            yield f"at {later.time:.1f} s {len(earlier.ready)} endpoints were switched for {len(later.ready)}"
    for write in evidence.workload_writes:
        if write.pins is None or write.switched_at is None or write.found.pin == write.pins:
            continue
        brought_in = write.found.set_of(write.pins) or {}
        available = int(brought_in.get("status", {}).get("availableReplicas") or 0)
        needed = write.snapshot["ready"] if write.pins == write.stable["template_hash"] else evidence.peak
        if available < needed:
            yield f"at {write.at:.1f} s the Service was pointed at {available} available pods, {needed} are due"


def i06_the_floor_holds_at_every_instant(evidence: Evidence) -> Iterator[str]:
    """I-6: never fewer ready endpoints than min(before, target), and never a moment in which requests could fail."""
    for each in evidence.slices:
        if len(each.ready) < evidence.floor:
            yield f"at {each.time:.1f} s the Service had {len(each.ready)} ready endpoints, under {evidence.floor}"
    for loss in evidence.losses:
        yield f"at {loss.since:.1f} s requests could fail: {loss.why}"


def i08_the_order_is_fixed(evidence: Evidence) -> Iterator[str]:
    """I-8: no phase begins before the ones ahead of it are done, and no write comes before its phase."""
    for lease in evidence.leases:
        for number, phase in enumerate(ORDER):
            missing = [each for each in ORDER[:number] if not lease.has(each)]
            if lease.has(phase, "started") and missing:
                yield f"at {lease.at:.1f} s {phase} had begun before {', '.join(missing)} was done"
    for write in evidence.workload_writes:
        before = _due(write)
        if before and write.lease and not write.lease.has(before) and not write.is_back:
            yield f"at {write.at:.1f} s {write.method} {write.path} before {before} was done"


def _due(write: Write) -> str:
    """Return the phase that has to be done before a write; empty for those that any phase may do."""
    if write.switched_at is not None:
        return "instances_ready"
    return "smoke_test" if write.takes_away and not write.is_unseen else ""


def i11_the_stable_set_is_whole_until_the_smoke_test_passed(evidence: Evidence) -> Iterator[str]:
    """I-11: nothing of the stable set goes before the smoke test passed, nor on the way back."""
    for write in evidence.workload_writes:
        if write.lease is None or not write.snapshot or not _takes_from_stable(write):
            continue
        if (write.replicas or 0) < write.snapshot["replicas"] and not write.lease.has("smoke_test"):
            yield f"at {write.at:.1f} s the stable set was shrunk before the smoke test passed"
        if write.is_back and (write.replicas or 0) < write.snapshot["replicas"]:
            yield f"at {write.at:.1f} s the stable set was shrunk while the run was being undone"


def _takes_from_stable(write: Write) -> bool:
    losing = {each["metadata"]["uid"] for each in write.takes_from}
    return write.stable["uid"] in losing or (write.method == "DELETE" and write.is_of_stable)


def i16_every_write_follows_a_look(evidence: Evidence) -> Iterator[str]:
    """I-16: between two writes of a process the whole workload is read anew; a mere stamp decides nothing."""
    for agent in evidence.agents:
        seen: set[str] = set()
        for call in evidence.calls_of(agent):
            if call.method == "GET":
                seen.add(call.path.removesuffix("/web").rpartition("/")[2])
            elif call.write and "/leases" not in call.path and not is_only_stamp(body_of(call)):
                missing = {"services", "deployments", "replicasets", "pods", "endpointslices"} - seen
                if missing:
                    yield f"{call.method} {call.path} was decided without reading {', '.join(sorted(missing))}"
                seen.clear()


def i19_nothing_is_forced(evidence: Evidence) -> Iterator[str]:
    """I-19: every write names its manager, and none takes a field by force."""
    for write in evidence.writes:
        if write.query.get("force") or (write.method != "DELETE" and write.query.get("fieldManager") != "springtide"):
            yield f"{write.method} {write.path} by {write.query.get('fieldManager')}, forced {write.query.get('force')}"


def i20_every_read_decides_by_present_state(evidence: Evidence) -> Iterator[str]:
    """I-20: nothing is watched and nothing is read from a cache, so no missed event can mislead a run."""
    for call in evidence.calls:
        if call.method == "GET" and {"watch", "resourceVersion"} & set(call.query):
            yield f"GET {call.path} with {dict(call.query)}"
