"""The invariants of reliability as checkers over what was recorded: every API call, every change of the endpoints.

Each checker returns what it found wrong, in words; nothing when the invariant held. They judge the record and never the
code, so they serve whatever strategy, fault or crash made it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from simulation import NAMESPACE
from springtide import labels
from springtide.sandbox.history import Call
from springtide.sandbox.objects import Json
from springtide.sandbox.world import World


@dataclass(frozen=True)
class Evidence:
    """A finished simulation: the world, when the run began, and what was asked."""

    world: World
    since: float
    start: int
    target: int
    propagation: float

    @property
    def writes(self) -> list[Call]:
        """The writes that took effect since the run began, those to the Lease included."""
        calls = self.world.history.calls
        return [call for call in calls if call.write and call.time >= self.since and is_success(call)]

    @property
    def workload_writes(self) -> list[Call]:
        """The writes to anything but the Lease."""
        return [call for call in self.writes if "/leases" not in call.path]

    @property
    def served(self) -> list[tuple[float, frozenset[str]]]:
        """The ready endpoints of the Service from the run's begin on, by time."""
        mine = [e for e in self.world.history.written if (e.namespace, e.service) == (NAMESPACE, "web")]
        before = [e for e in mine if e.time <= self.since][-1:]
        return [(e.time, frozenset(e.ready)) for e in [*before, *(e for e in mine if e.time > self.since)]]


Checker = Callable[[Evidence], Iterator[str]]


def is_success(call: Call) -> bool:
    """Say whether the API server did what the call asked, whatever the caller got to hear of it."""
    return call.status is not None and call.status < 300


def body(call: Call) -> Json:
    """Return the body of a call."""
    return dict(json.loads(call.body or b"{}"))


def selects(call: Call) -> str | None:
    """Return the pod-template-hash that a write pins the Service to; None for any other write."""
    if not re.search(r"/services/web$", call.path) or call.method != "PATCH":
        return None
    pinned: str | None = body(call).get("spec", {}).get("selector", {}).get(labels.POD_TEMPLATE_HASH)
    return pinned


def i02_every_write_is_fenced(evidence: Evidence) -> Iterator[str]:
    """I-2: the call before each write to the workload is the quorum read of the Lease."""
    calls = [call for call in evidence.world.history.calls if call.user_agent]
    for before, call in pairwise(calls):
        if call.write and "/leases" not in call.path and is_success(call):
            is_fence = before.method == "GET" and before.path.endswith(f"/leases/{labels.lease_name('web')}")
            if not is_fence:
                yield f"write {call.write} {call.method} {call.path} without reading the Lease just before"


def i04_every_change_is_compare_and_swap(evidence: Evidence) -> Iterator[str]:
    """I-4: a change names the very object that was judged."""
    for call in evidence.workload_writes:
        document = body(call)
        held = document.get("preconditions") if call.method == "DELETE" else document.get("metadata")
        if call.method in {"PATCH", "DELETE"} and not {"uid", "resourceVersion"} <= set(held or {}):
            yield f"{call.method} {call.path} does not say what it judged"


def i05_a_switch_never_lowers_capacity(evidence: Evidence) -> Iterator[str]:
    """I-5: what a switch brings in has at least as many ready endpoints as what it takes out."""
    for earlier, later in pairwise(evidence.served):
        is_switch = later[1] and not earlier[1] & later[1]
        if is_switch and len(later[1]) < min(len(earlier[1]), evidence.start):
            yield f"at {later[0]:.1f} s {len(earlier[1])} endpoints were switched for {len(later[1])}"


def i06_the_floor_holds_at_every_instant(evidence: Evidence) -> Iterator[str]:
    """I-6: never fewer ready endpoints than min(before, target), and never a moment in which requests could fail."""
    floor = max(1, min(evidence.start, evidence.target))
    for at, ready in evidence.served:
        if len(ready) < floor:
            yield f"at {at:.1f} s the Service had {len(ready)} ready endpoints, the floor is {floor}"
    for loss in evidence.world.history.losses:
        if loss.since >= evidence.since:
            yield f"at {loss.since:.1f} s requests could fail: {loss.why}"


def i07_old_pods_stay_until_the_new_ones_serve_alone(evidence: Evidence) -> Iterator[str]:
    """I-7: a set is taken away only when the slices have shown the other one alone for the propagation time."""
    switched_at: float | None = None
    for call in evidence.workload_writes:
        if selects(call) is not None:
            switched_at = (
                call.time if body(call).get("metadata", {}).get("annotations", {}).get(labels.SWITCHED_AT) else None
            )
        elif switched_at is not None and takes_away(call) and call.time - switched_at < evidence.propagation:
            yield f"{call.method} {call.path} {call.time - switched_at:.1f} s after the switch"


def takes_away(call: Call) -> bool:
    """Say whether a write removes pods."""
    return call.method == "DELETE" or call.path.endswith("/scale")


def i10_never_more_than_a_step_at_once(evidence: Evidence) -> Iterator[str]:
    """I-10: no Deployment that has pods is deleted."""
    pods: dict[str, int] = {}
    for call in evidence.workload_writes:
        name = call.path.removesuffix("/scale").rpartition("/")[2]
        if call.path.endswith("/scale"):
            pods[name] = int(body(call)["spec"]["replicas"])
        if call.method == "DELETE" and "/deployments/" in call.path and pods.get(name, 1) != 0:
            yield f"Deployment {name} was deleted with {pods.get(name)} replicas"


def i13_the_snapshot_stands_before_the_first_write(evidence: Evidence) -> Iterator[str]:
    """I-13: the Lease with the snapshot in it is the first thing that a run writes."""
    if evidence.workload_writes and "/leases" not in evidence.writes[0].path:
        yield f"the first write was {evidence.writes[0].method} {evidence.writes[0].path}"


def i14_names_are_the_two_fixed_ones(evidence: Evidence) -> Iterator[str]:
    """I-14: no Deployment but the workload's two."""
    names = {each["metadata"]["name"] for each in evidence.world.store.select("deployments", NAMESPACE)}
    for stranger in names - set(labels.set_names("web")):
        yield f"there is a Deployment {stranger}"


def i26_every_end_is_a_known_state(evidence: Evidence) -> Iterator[str]:
    """I-26: exactly one set with its own selector, or the Lease says that a person is needed."""
    found = evidence.world.store.select("deployments", NAMESPACE)
    service = evidence.world.get("services", NAMESPACE, "web")
    lease = evidence.world.get("leases", NAMESPACE, labels.lease_name("web"))
    assert service is not None
    pinned = labels.POD_TEMPLATE_HASH in service["spec"]["selector"]
    if lease is not None and lease["spec"].get("holderIdentity"):
        yield f"the Lease is still held by {lease['spec']['holderIdentity']}"
    if len(found) != 1 or pinned or any(each["spec"].get("paused") for each in found):
        yield f"{len(found)} sets, pinned {pinned}, paused {[each['spec'].get('paused') for each in found]}"


ALL: tuple[Checker, ...] = (
    i02_every_write_is_fenced,
    i04_every_change_is_compare_and_swap,
    i05_a_switch_never_lowers_capacity,
    i06_the_floor_holds_at_every_instant,
    i07_old_pods_stay_until_the_new_ones_serve_alone,
    i10_never_more_than_a_step_at_once,
    i13_the_snapshot_stands_before_the_first_write,
    i14_names_are_the_two_fixed_ones,
    i26_every_end_is_a_known_state,
)


def broken(evidence: Evidence) -> list[str]:
    """Return every breach of every invariant."""
    return [f"{checker.__name__}: {words}" for checker in ALL for words in checker(evidence)]
