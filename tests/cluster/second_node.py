"""A second node that joins a running cluster: a network and folders of its own, in the cluster's process namespace.

It has what every node has: containerd, a kubelet, kube-proxy. Between the two nodes is a link, as a wire would be, and
a route for each one's pods. It ends with the cluster.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cluster.build import SYSTEM_PATH, locked, say
from cluster.lifecycle import Cluster, children, node_log, start_time, tail, until
from cluster.namespaces import enter_network
from cluster.node import Node, call
from cluster.settings import FIRST, SECOND, SOURCES, ClusterError, Place


def join(cluster: Cluster) -> None:
    """Have the second node join, and wait until it is Ready; one that has joined stays as it is.

    Raises:
        ClusterError: it does not come up; the message says where to look.
    """
    with locked(cluster.place.cgroup):
        if not cluster.has(SECOND):
            _start(cluster)
    until(
        120,
        cluster,
        f"{SECOND.name} to be Ready (see {node_log(cluster.place, SECOND)})",
        lambda: _is_ready(cluster),
    )


def _is_ready(cluster: Cluster) -> bool:
    if not cluster.has(SECOND):
        raise ClusterError(f"{SECOND.name} ended: {tail(node_log(cluster.place, SECOND))}")
    return cluster.kubectl("wait", "--for=condition=Ready", f"node/{SECOND.name}", "--timeout=2s")


def _start(cluster: Cluster) -> None:
    place = cluster.place.of(SECOND)
    place.log.mkdir(exist_ok=True)
    processes = f"--pid=/proc/{cluster.pid}/ns/pid_for_children"  # the cluster's process 1 is a child of that process
    own_mounts = ["unshare", "--mount", "--propagation=private"]
    program = [sys.executable, "-m", "cluster.second_node", cluster.place.name]
    built = [str(cluster.built.binaries), str(cluster.built.images)]
    with node_log(cluster.place, SECOND).open("wb") as log:
        outside = subprocess.Popen(
            cluster.inside([*own_mounts, *program, *built], "--mount", processes),
            env={**os.environ, "PYTHONPATH": str(SOURCES.parent)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    until(10, cluster, f"the process of {SECOND.name}", lambda: bool(children(outside.pid)))
    (inside,) = children(outside.pid)  # nsenter's child is the first that is in the process namespace
    started = start_time(inside)
    if started is None:
        raise ClusterError(f"{SECOND.name} ended at once: {tail(node_log(cluster.place, SECOND))}")
    place.process.write_text(json.dumps({"pid": inside, "started": started}))


@dataclass(slots=True)
class SecondNode(Node):
    """The inside: started in the first node's network, from which it makes the link and then its own."""

    def run(self) -> None:
        """Set everything up and watch over it for ever."""
        self.catch_folders()
        self.connect()
        commands = self.worker_commands()
        self.start("containerd", commands["containerd"])
        self.load_images()
        for part in ("kubelet", "kube-proxy"):
            self.start(part, commands[part])
        while True:
            self.watch(commands)

    def connect(self) -> None:
        """Lay the link, enter the network at its other end, and tell each node where the other one's pods are."""
        name = self.place.node.name
        call("ip", "netns", "add", name)
        call("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        call("ip", "link", "set", name, "master", FIRST.name, "up")
        call("ip", "route", "add", self.place.node.pod_range, "via", self.place.node.address)
        enter_network(Path("/run/netns") / name)
        call("ip", "link", "set", "lo", "up")
        call("ip", "address", "add", f"{self.place.node.address}/24", "dev", "eth0")
        call("ip", "link", "set", "eth0", "up")
        call("ip", "route", "add", "default", "dev", "eth0")
        call("ip", "route", "add", FIRST.pod_range, "via", FIRST.address)
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")


if __name__ == "__main__":
    os.environ["PATH"] = SYSTEM_PATH
    cluster_name, binaries, images = sys.argv[1:]
    try:
        SecondNode(Place(cluster_name).of(SECOND), Path(binaries), Path(images)).run()
    except ClusterError as error:
        say(str(error))
        sys.exit(1)
