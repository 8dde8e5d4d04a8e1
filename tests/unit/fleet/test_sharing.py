"""What the runs of one process share: the policies beside theirs, which are read once, and looks at the nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from springtide.fleet.sharing import NODES_SECONDS, SharedLooks
from springtide.run.admission import plan_capacity
from springtide.run.ports import Neighbours, Ports, RunRequest
from support.fleet import Fleet

SERVICES = ("web", "db", "mail")
NODES = "/api/v1/nodes"
ALL_PODS = "/api/v1/pods"


@dataclass
class Sharing:
    """Three services, planned one after the other by ports that share their looks; `read` counts their neighbours'."""

    fleet: Fleet = field(default_factory=lambda: Fleet(dict.fromkeys(SERVICES, ())))
    read: int = 0
    looks: SharedLooks = field(init=False)

    def __post_init__(self) -> None:
        self.looks = SharedLooks(self.fleet.world.clock)

    def ports(self, cluster: str | None = None) -> Ports:
        return self.looks.by(replace(self.fleet.ports(), neighbours=self._neighbours), cluster)

    def plan(self, service: str, cluster: str | None = None) -> None:
        request = RunRequest(
            run_id=f"{service}-run",
            policy=self.fleet.policies[service],
            replicas=3,
            strategy=None,
            requested_by="a test",
            reason="a sale",
        )
        plan_capacity(self.ports(cluster), request)

    def plan_all(self) -> None:
        for service in SERVICES:
            self.plan(service)

    def asked(self, do: Callable[[], None]) -> Counter[str]:
        before = len(self.fleet.world.history.calls)
        do()
        return Counter(call.path for call in self.fleet.world.history.calls[before:])

    def _neighbours(self) -> Neighbours:
        self.read += 1
        return Neighbours()


def test_runs_that_are_planned_together_list_the_nodes_once() -> None:
    sharing = Sharing()

    asked = sharing.asked(sharing.plan_all)

    assert (asked[NODES], asked[ALL_PODS]) == (1, 1)
    assert asked["/apis/apps/v1/namespaces/shop/deployments/web"]  # each looks at its own workload


def test_a_look_at_the_nodes_is_old_after_a_while() -> None:
    sharing = Sharing()
    sharing.plan_all()
    sharing.fleet.world.advance(NODES_SECONDS + 1)

    asked = sharing.asked(sharing.plan_all)

    assert (asked[NODES], asked[ALL_PODS]) == (1, 1)


def test_another_cluster_has_nodes_of_its_own() -> None:
    sharing = Sharing()
    sharing.plan("web")

    asked = sharing.asked(lambda: sharing.plan("db", "second"))

    assert (asked[NODES], asked[ALL_PODS]) == (1, 1)


def test_the_policies_beside_them_are_read_once_for_good() -> None:
    sharing = Sharing()
    sharing.plan_all()
    sharing.fleet.world.advance(3600)
    sharing.plan_all()

    assert sharing.read == 1
