"""Nodes that nobody is: the scheduler binds pods to them, and KWOK reports what a kubelet would (`kwok/stages.yaml`).

They carry a label and a taint, so nothing comes to them that does not ask for it by `PLACEMENT`. Nothing listens at the
addresses of their pods.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

MARK: Final = "springtide.dev/fake-node"
"""The key of the label and of the taint."""

MOST: Final = 4000
PODS_A_NODE: Final = 110
"""As a kubelet has it by default."""

PLACEMENT: Final[dict[str, Any]] = {
    "nodeSelector": {MARK: "true"},
    "tolerations": [{"key": MARK, "operator": "Exists"}],
}
"""What the spec of a pod says that is to run on one."""

HIDDEN_FROM_PROXY: Final = {"service.kubernetes.io/service-proxy-name": "nobody"}
"""The label of a Service that leads to such pods: kube-proxy leaves it out, for nobody could answer there."""

_PODS: Final = IPv4Network("100.64.0.0/10")
_ADDRESSES: Final = IPv4Network("198.18.0.0/15")
_EACH: Final = 256


def fake_node(number: int) -> dict[str, Any]:
    """Return one of them, with a range of 256 addresses for its pods."""
    name = f"fake-{number:04d}"
    pods = f"{_PODS.network_address + number * _EACH}/24"
    capacity = {"cpu": "32", "memory": "128Gi", "pods": str(PODS_A_NODE)}
    address = str(IPv4Address(int(_ADDRESSES.network_address) + number + 1))
    addresses = [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {MARK: "true", "kubernetes.io/hostname": name}},
        "spec": {"podCIDR": pods, "podCIDRs": [pods], "taints": [{"key": MARK, "effect": "NoSchedule"}]},
        "status": {"capacity": capacity, "allocatable": capacity, "addresses": addresses},
    }
