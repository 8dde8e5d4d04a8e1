"""What a node autoscaler says of pods that wait for a node stands beside the wait, whichever form its events have."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from springtide.errors import ClusterUnavailable
from springtide.kube.live import LiveKube
from springtide.kube.objects import Json, Kind
from springtide.kube.observation import Observation
from springtide.run.node_autoscaler import told_of_nodes
from springtide.run.ports import Ports
from springtide.strategy.model import Decision, Done, RunOrder, Wait
from support.builders import NOW, SetBuilder, observation, order, service
from support.simulation import Simulation
from unit.sandbox.scenes import kubernetes_client

WAITING: Json = {
    "phase": "Pending",
    "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no room"}],
}
WAITS = Wait("waiting")
BEFORE = NOW - timedelta(minutes=5)


class Speaking(LiveKube):
    """A cluster with these events, of which a field selector asks for one reason."""

    events: tuple[Json, ...] = ()
    fails = False
    reads = 0

    def list(self, kind: Kind, namespace: str, *, selector: str = "", fields: str = "") -> list[Json]:
        """Return those of the reason that is asked for."""
        if kind is not Kind.EVENT:
            return super().list(kind, namespace, selector=selector, fields=fields)
        self.reads += 1
        if self.fails:
            raise ClusterUnavailable("list event: no answer within 15 s", code="cluster_unavailable")
        return [each for each in self.events if fields == f"reason={each['reason']}"]


def event(reason: str, message: str, *, pod: str = "web-0", **when: object) -> Json:
    return {"reason": reason, "message": message, "involvedObject": {"kind": "Pod", "name": pod}} | when


def at(moment: datetime) -> str:
    return moment.isoformat()


def ports_with(*events: Json) -> tuple[Ports, Speaking]:
    simulation = Simulation.of(1)
    kube = Speaking(kubernetes_client(simulation.world), clock=simulation.world.clock)
    kube.events = events
    return replace(simulation.ports(), kube=kube), kube


def heard(ports: Ports, decision: Decision = WAITS, **built: object) -> Decision:
    """Return what becomes of `decision` while the pods of the set wait for a node."""

    def decide(_observation: Observation, _order: RunOrder) -> Decision:
        return decision

    changes = {"ready": 0, "pod_changes": WAITING} | built
    look = observation(service(), SetBuilder().with_(**changes))
    return told_of_nodes(ports, "shop", decide)(look, order(6))


def test_the_newest_word_counts() -> None:
    newer = event("NotTriggerScaleUp", "max node group size reached", lastTimestamp=at(NOW))
    older = event("TriggeredScaleUp", "1->2", lastTimestamp=at(BEFORE))
    ports, _ = ports_with(newer, older)

    assert heard(ports) == Wait("waiting; a node autoscaler adds no node for pod web-0: max node group size reached")


@pytest.mark.parametrize(
    "when",
    [
        {"lastTimestamp": at(NOW)},
        {"lastTimestamp": None, "eventTime": at(NOW)},
        {"eventTime": at(BEFORE), "series": {"lastObservedTime": at(NOW)}},
    ],
    ids=["old form", "new form", "a series"],
)
def test_every_form_of_an_event_has_its_time(when: Json) -> None:
    older = event("NotTriggerScaleUp", "in backoff", eventTime=at(BEFORE + timedelta(minutes=1)))
    ports, _ = ports_with(older, event("TriggeredScaleUp", "1->2", **when))

    assert heard(ports) == Wait("waiting; a node autoscaler adds nodes for pod web-0: 1->2")


def test_what_is_said_of_other_pods_is_not() -> None:
    ports, _ = ports_with(event("TriggeredScaleUp", "1->2", pod="other-0", lastTimestamp=at(NOW)))

    assert heard(ports) == Wait("waiting; no node autoscaler has said that it adds nodes")


def test_a_silent_api_server_ends_no_wait() -> None:
    ports, kube = ports_with()
    kube.fails = True

    assert heard(ports) == Wait(
        "waiting; whether a node autoscaler adds nodes is not known: list event: no answer within 15 s"
    )


def test_nobody_is_asked_where_no_pod_waits_for_a_node_or_nothing_is_waited_for() -> None:
    ports, kube = ports_with(event("TriggeredScaleUp", "1->2", lastTimestamp=at(NOW)))

    assert heard(ports, pod_changes={}) == Wait("waiting")
    assert heard(ports, Done("done")) == Done("done")
    assert kube.reads == 0


def test_it_is_not_asked_at_every_look() -> None:
    ports, kube = ports_with(event("TriggeredScaleUp", "1->2", lastTimestamp=at(NOW)))
    decide = told_of_nodes(ports, "shop", lambda _observation, _order: Wait("waiting"))
    look = observation(service(), SetBuilder(ready=0, pod_changes=WAITING))
    said = {decide(look, order(6)) for _ in range(20)}

    assert len(said) == 1
    assert kube.reads == 2
