"""Making room for a pod: where it fits nowhere, pods of lower priority on one node are ended for it.

As kube-scheduler does it: all of lower priority are thought away, then as many as possible are spared, the most
important first. Victims end as pods do, with their grace period; the room is kept for whoever it was made for. Left
out: disruption budgets, which the real one heeds only while it can.
"""

from __future__ import annotations

from springtide.sandbox.controllers.nodes import Nomination, Rooms, needs_of
from springtide.sandbox.core import Core
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref, is_terminating
from springtide.sandbox.priority import preempts, priority_of


class Preemption:
    """Chooses a node and who leaves it."""

    def __init__(self, core: Core, rooms: Rooms) -> None:
        self._core = core
        self._rooms = rooms

    def nominate(self, ref: Ref, pod: Json) -> str:
        """Return the node on which room is being made for a pod; "" where there is no way."""
        if not preempts(pod):
            return ""
        before = self._rooms.nominated(ref)
        if before and any(is_terminating(other) for other in self._lower(before, pod).values()):
            return before  # those end; whether that is enough shows when they have
        ways = [way for node in self._rooms if (way := self._way(node, ref, pod)) is not None]
        if not ways:
            return ""
        _, _, node, victims = min(ways, key=lambda way: way[:3])
        self._rooms.nominate(ref, _nomination(node, pod))
        for victim in victims:
            self._end(victim, pod, node)
        return node

    def _way(self, node: str, ref: Ref, pod: Json) -> tuple[int, int, str, list[Ref]] | None:
        """Return the victims on a node behind what ranks it: the most important of them, how many, its name."""
        lower = self._lower(node, pod)
        nomination = _nomination(node, pod)
        gone = sorted(lower, key=lambda each: (-priority_of(lower[each]), lower[each]["metadata"]["creationTimestamp"]))
        if not gone or not self._rooms.fits_without(node, ref, nomination, gone):
            return None
        for spared in list(gone):
            others = [each for each in gone if each != spared]
            if self._rooms.fits_without(node, ref, nomination, others):
                gone = others
        return max((priority_of(lower[each]) for each in gone), default=0), len(gone), node, gone

    def _lower(self, node: str, pod: Json) -> dict[Ref, Json]:
        found = {ref: self._core.store.get(ref) for ref in self._rooms.on(node)}
        return {ref: each for ref, each in found.items() if each is not None and priority_of(each) < priority_of(pod)}

    def _end(self, ref: Ref, pod: Json, node: str) -> None:
        victim = self._core.store.get(ref)
        if victim is None or is_terminating(victim):
            return
        message = f"Preempted by pod {pod['metadata']['uid']} on node {node}"
        self._core.event(victim, "Normal", "Preempted", message)
        self._core.writes.delete(KINDS["pods"], ref)


def _nomination(node: str, pod: Json) -> Nomination:
    return Nomination(node=node, needs=needs_of(pod), priority=priority_of(pod))
