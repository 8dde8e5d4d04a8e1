"""Load balancers that keep their own list of pods (I-25): behind them a selector switch can drop requests.

Such a load balancer takes the pods of a Service one by one into its target group. When the selector moves, it removes
the earlier targets before the new ones have passed its own health checks. What tells of it are annotations of the
Service, and readiness gates that its controller gave the pods.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from springtide.kube.objects import Pod, Service

_AWS: Final = "service.beta.kubernetes.io/aws-load-balancer-"
_SERVICE_SIGNS: Final = {
    "cloud.google.com/neg": None,  # whatever its value: GKE creates network endpoint groups
    f"{_AWS}nlb-target-type": ("ip",),
    f"{_AWS}type": ("external", "nlb-ip"),
}
"""Annotations, with the values that count; None for any."""

_GATES: Final = ("target-health.elbv2.k8s.aws", "cloud.google.com/load-balancer-neg-ready")
"""How the conditions of such readiness gates begin."""


def signs_of_own_list(service: Service, pods: Sequence[Pod]) -> Iterator[str]:
    """Yield what tells that a load balancer registers the pods of `service` by itself, as people write it."""
    for name, values in _SERVICE_SIGNS.items():
        value = service.annotations.get(name)
        if value is not None and (values is None or value in values):
            yield f"annotation {name}: {value}"
    gates = {gate["conditionType"] for pod in pods for gate in pod.raw.get("spec", {}).get("readinessGates") or ()}
    yield from (f"readiness gate {gate}" for gate in sorted(gates) if gate.startswith(_GATES))
