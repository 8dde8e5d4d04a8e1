"""The configuration files of the cluster's parts.

What is unusual in them, and why:

- containerd: `restrict_oom_score_adj`, because a container on a container has no CAP_SYS_RESOURCE to lower the score.
- kubelet: `cgroupRoot`, because two kubelets that share `/kubepods` remove each other's pods; the API server reaches it
  only from inside the namespace, so it asks nobody for credentials. Without `clusterDNS` each pod would get a warning
  event, where a test may look for warnings; nothing listens at that address.
- kube-proxy: nftables, which needs no kernel module to be loaded; conntrack's limits are the machine's, so they stay.
- CNI: on each node a bridge and host-local addresses of its own range; there is no uplink, so nothing is masqueraded
  and no DNS exists.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from cluster.settings import API_SERVER, DNS_SERVICE, NODES, NodePlace, Place

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_configuration(place: Place, tokens: Mapping[str, str]) -> None:
    """Write every file that a part is started with. JSON is YAML, so one writer does for nearly all of them."""
    authority = base64.b64encode((place.certificates / "ca.crt").read_bytes()).decode()
    place.kubeconfig.parent.mkdir()
    for user, token in tokens.items():
        place.kubeconfig_of(user).touch(mode=0o600)  # before the token is in it
        place.kubeconfig_of(user).write_text(json.dumps(kubeconfig(place, user, token, authority), indent=1))
    for node in NODES:
        write_node_configuration(place.of(node))


def write_node_configuration(place: NodePlace) -> None:
    """Write what the parts of one node are started with."""
    (place.run / "cni").mkdir(parents=True)
    (place.run / "kubelet.yaml").write_text(json.dumps(kubelet(place), indent=1))
    (place.run / "proxy.yaml").write_text(json.dumps(proxy(place), indent=1))
    (place.run / "cni" / "10-pods.conflist").write_text(json.dumps(network(place), indent=1))
    (place.run / "containerd.toml").write_text(containerd(place))


def kubeconfig(place: Place, user: str, token: str, authority: str) -> dict[str, Any]:
    """A kubeconfig that can be copied: the authority is inside."""
    cluster = {"server": API_SERVER, "certificate-authority-data": authority}
    name = f"springtide-{place.name}"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
        "current-context": name,
    }


def kubelet(place: NodePlace) -> dict[str, Any]:
    """The kubelet's configuration."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{place.cgroup}",
        "clusterDNS": [DNS_SERVICE],
        "containerRuntimeEndpoint": f"unix://{place.containerd_socket}",
        "enforceNodeAllocatable": [],
        "evictionHard": {"memory.available": "50Mi"},
        "failSwapOn": False,
        # Never: on a disk that others fill as well it would take the only image of the tests away.
        "imageGCHighThresholdPercent": 100,
        "maxPods": 300,
        "resolvConf": "",
        "volumePluginDir": f"{place.run}/volume-plugins",
    }


def proxy(place: NodePlace) -> dict[str, Any]:
    """kube-proxy's configuration; its pace (`minSyncPeriod`) is left as Kubernetes ships it."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(place.cluster.kubeconfig_of("proxy"))},
        "conntrack": {"maxPerCore": 0, "min": 0},
        "hostnameOverride": place.node.name,
        "mode": "nftables",
    }


def network(place: NodePlace) -> dict[str, Any]:
    """The pods' network."""
    addresses = {
        "type": "host-local",
        "dataDir": f"{place.run}/addresses",
        "ranges": [[{"subnet": place.node.pod_range}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "pods0", "isGateway": True, "hairpinMode": True, "ipam": addresses}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge]}


def containerd(place: NodePlace) -> str:
    """containerd's configuration."""
    return f"""version = 2
root = "{place.run}/containerd"
state = "/run/containerd"
[grpc]
  address = "{place.containerd_socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{place.run}/cni"
"""
