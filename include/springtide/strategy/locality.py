"""No node loses its last endpoint by a switch, where a Service keeps requests on the node that they come to.

With `internalTrafficPolicy: Local` a node sends what its own pods ask to its own endpoints alone; with
`externalTrafficPolicy: Local`, what comes from outside. Where it has none, the requests are dropped, however many pods
serve elsewhere. So each node that has an endpoint before the switch has a new one ready, too.
"""

from __future__ import annotations

from springtide.errors import WorkloadFailed
from springtide.kube.objects import nodes_of
from springtide.kube.observation import Observation, PodSet, ReplicaSetPods
from springtide.strategy.model import Wait


def uncovered(observation: Observation, stable: ReplicaSetPods, new: PodSet) -> Wait | None:
    """Return for which nodes a new pod is still missing; None where none is, and where requests go to every node.

    Raises:
        WorkloadFailed: all new pods have their nodes, and none stands on one that has an endpoint now.
    """
    service = observation.required_service
    bare = nodes_of(stable.ready_pods) - nodes_of(new.ready_pods)
    if not service.local_policies or not bare:
        return None
    policies = " and ".join(f"{name}: Local" for name in service.local_policies)
    missing = f"Service {service.name} has {policies}, and no new pod is ready on {', '.join(sorted(bare))}"
    left = bare - nodes_of(new.pods)
    if left and len(new.pods) >= new.scaled.replicas and all(pod.node for pod in new.pods):
        raise WorkloadFailed(
            f"{missing}: all {len(new.pods)} new pods have their nodes, and the switch would leave "
            f"{', '.join(sorted(left))} without an endpoint. Spread the pods (topologySpreadConstraints), or use "
            "strategy in_place.",
            code="nodes_without_endpoint",
        )
    return Wait(missing)
