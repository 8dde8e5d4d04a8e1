"""Where a cluster lives and what it is made of.

These environment variables move it:

`SPRINGTIDE_CLUSTER`      the cluster's name, "e2e" if unset. A second name is a second cluster beside the first.
`SPRINGTIDE_KUBERNETES`   the version of Kubernetes that `build` and `up` make it from, 1.34.4 if unset. It is one that
                          tests/cluster/kubernetes has module files of: go.mod is the default's, 1.31.14.mod another's.
`SPRINGTIDE_CONTROLLERS`  calls a second that each controller and the scheduler may make, from `up` on. Unset, it is as
                          Kubernetes ships it, 20 and 50; who runs a large cluster sets more.
`XDG_CACHE_HOME`          where what was built is kept (~/.cache if unset).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

DEFAULT_VERSION = "1.34.4"
SERVICE_RANGE = "10.96.0.0/16"
KUBERNETES_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
PARTS = ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet")
LEAST_PACE = 10
MOST_PACE = 5000
SOURCES = Path(__file__).resolve().parent
REPOSITORY = SOURCES.parent.parent
KUBERNETES = SOURCES / "kubernetes"


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """What tells one node from another."""

    name: str
    address: str
    pod_range: str


FIRST = NodeIdentity("node0", "192.0.2.10", "10.244.0.0/22")  # TEST-NET-1: never a real neighbour
SECOND = NodeIdentity("node1", "192.0.2.11", "10.244.4.0/22")
NODES = (FIRST, SECOND)
LINK_ENDS = ("203.0.113.1", "203.0.113.2")
"""The ends of the wire between two clusters (`cluster.link`): TEST-NET-3, which no cluster has inside."""

API_SERVER = f"https://{FIRST.address}:6443"


class ClusterError(Exception):
    """What stands in the way of a cluster on this machine; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class Place:
    """The folders and files of one cluster, all of them under `run`: removing the cluster is removing one folder."""

    name: str

    @property
    def run(self) -> Path:
        """The folder of a running cluster; short, because containerd's socket is in it (at most 107 characters)."""
        return Path("/var/tmp") / f"springtide-{self.name}"  # root's own, made with mode 0700

    @property
    def cgroup(self) -> str:
        """The parent of all pods' cgroups: two kubelets that share one would remove each other's pods."""
        return f"springtide-{self.name}"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's way in, usable from inside the network namespace only."""
        return self.kubeconfig_of("admin")

    def kubeconfig_of(self, user: str) -> Path:
        """Return the kubeconfig of one of `certificates.USERS`."""
        return self.run / "kubeconfig" / user

    @property
    def certificates(self) -> Path:
        """The certificate authority, the API server's certificate and the users' tokens."""
        return self.run / "certificates"

    @property
    def process(self) -> Path:
        """The process that holds the namespaces: its id and its start time."""
        return self.run / "process"

    @property
    def neighbours(self) -> Path:
        """The folder with an empty file for each neighbour that runs in it (`cluster.neighbours`)."""
        return self.run / "neighbours"

    def of(self, node: NodeIdentity) -> NodePlace:
        """Return where one of its nodes keeps its files."""
        return NodePlace(self, node)


@dataclass(frozen=True, slots=True)
class NodePlace:
    """The folders and files of one node; the second one's are in a folder of the first one's."""

    cluster: Place
    node: NodeIdentity

    @property
    def run(self) -> Path:
        """The node's folder."""
        return self.cluster.run if self.node == FIRST else self.cluster.run / self.node.name

    @property
    def cgroup(self) -> str:
        """The parent of its pods' cgroups, in or beside which no other kubelet keeps its own."""
        return self.cluster.cgroup if self.node == FIRST else f"{self.cluster.cgroup}/{self.node.name}"

    @property
    def containerd_socket(self) -> Path:
        """Where its containerd listens."""
        return self.run / "containerd.sock"

    @property
    def log(self) -> Path:
        """One file for each of its parts."""
        return self.run / "log"

    @property
    def process(self) -> Path:
        """The process that watches over its parts; the first node's is the cluster's."""
        return self.run / "process"


def place_from_environment() -> Place:
    """Return the place of the cluster that `SPRINGTIDE_CLUSTER` names.

    Raises:
        ClusterError: the name is not made of a-z, 0-9 and '-', or is longer than 20 characters.
    """
    name = os.environ.get("SPRINGTIDE_CLUSTER", "e2e")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,19}", name):
        raise ClusterError(
            f"SPRINGTIDE_CLUSTER={name!r}: a name of a-z, 0-9 and '-' with at most 20 characters is needed"
        )
    return Place(name)


def version_from_environment() -> str:
    """Return the version of Kubernetes that `SPRINGTIDE_KUBERNETES` names.

    Raises:
        ClusterError: there are no module files of it; the message lists those that there are.
    """
    version = os.environ.get("SPRINGTIDE_KUBERNETES", DEFAULT_VERSION)
    known = sorted({DEFAULT_VERSION, *(file.stem for file in KUBERNETES.glob("[0-9]*.mod"))})
    if version not in known:
        raise ClusterError(
            f"SPRINGTIDE_KUBERNETES={version!r}: one of {', '.join(known)} is needed; "
            f"another one needs VERSION.mod and VERSION.sum in {KUBERNETES.relative_to(REPOSITORY)}"
        )
    return version


def controllers_pace() -> list[str]:
    """Return the flags by which `SPRINGTIDE_CONTROLLERS` paces controllers and scheduler; none where it is unset.

    Raises:
        ClusterError: it is no number from 10 to 5000.
    """
    text = os.environ.get("SPRINGTIDE_CONTROLLERS", "")
    if not text:
        return []
    if not text.isdecimal() or not LEAST_PACE <= int(text) <= MOST_PACE:
        raise ClusterError(f"SPRINGTIDE_CONTROLLERS={text!r}: a number from {LEAST_PACE} to {MOST_PACE} is needed")
    return [f"--kube-api-qps={text}", f"--kube-api-burst={text}"]


def module_file(version: str) -> Path:
    """Return the module file that a version is compiled with; its checksums are beside it, as `.sum`."""
    return KUBERNETES / ("go.mod" if version == DEFAULT_VERSION else f"{version}.mod")


def cache() -> Path:
    """Return the folder for what is built once and used by every cluster."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "springtide"
