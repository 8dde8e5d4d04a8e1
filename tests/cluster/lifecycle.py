"""Starting, stopping and entering a cluster, from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.build import Built, build, locked, say
from cluster.certificates import write_certificates
from cluster.configuration import write_configuration
from cluster.namespaces import enter_network
from cluster.node import CGROUPS
from cluster.settings import (
    FIRST,
    SOURCES,
    ClusterError,
    NodeIdentity,
    Place,
    controllers_pace,
    version_from_environment,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NEW_NAMESPACES = (
    "--net",
    "--mount",
    "--propagation=private",
    "--pid",
    "--fork",
    "--kill-child=SIGKILL",
    "--mount-proc",
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that was started: the process that holds its namespaces, told from a later one by its start time."""

    place: Place
    pid: int
    started: int
    built: Built

    @classmethod
    def find(cls, place: Place) -> Cluster | None:
        """Return the cluster that runs at `place`, if one does."""
        record = _record(place.process)
        if record is None:
            return None
        built = Built(Path(record["binaries"]), Path(record["images"]))
        cluster = cls(place, record["pid"], record["started"], built)
        return cluster if cluster.alive() else None

    @classmethod
    def get(cls, place: Place) -> Cluster:
        """Return the cluster that runs at `place`.

        Raises:
            ClusterError: none does.
        """
        cluster = cls.find(place)
        if cluster is None:
            raise ClusterError(f"no cluster named {place.name!r} is running: start it with `cluster up`")
        return cluster

    def alive(self) -> bool:
        """Tell whether the process is still the one that was started."""
        return start_time(self.pid) == self.started

    def inside(self, command: Sequence[str], *namespaces: str) -> list[str]:
        """Return the command line that runs `command` in the cluster's network (and further namespaces)."""
        return ["nsenter", f"--target={self.pid}", "--net", *namespaces, *command]

    def environment(self) -> dict[str, str]:
        """Return what a command needs to find the cluster and kubectl."""
        path = f"{self.built.binaries}:{os.environ.get('PATH', os.defpath)}"
        return {**os.environ, "KUBECONFIG": str(self.place.kubeconfig), "PATH": path}

    def kubectl(self, *arguments: str) -> bool:
        """Tell whether a call of kubectl succeeds."""
        command = self.inside(["kubectl", "--request-timeout=5s", *arguments])
        return (
            subprocess.run(command, env=self.environment(), capture_output=True, timeout=30, check=False).returncode
            == 0
        )

    def ctr(self, *arguments: str) -> list[str]:
        """Return the command line of containerd's client on the first node, seeing what its kubelet sees."""
        return self.ctr_of(FIRST, *arguments)

    def ctr_of(self, node: NodeIdentity, *arguments: str) -> list[str]:
        """Return the same for a node."""
        socket = str(self.place.of(node).containerd_socket)
        command = ["ctr", "--address", socket, "--namespace", "k8s.io", *arguments]
        return ["nsenter", f"--target={self.process_of(node)}", "--net", "--mount", *command]

    def process_of(self, node: NodeIdentity) -> int:
        """Return the process that is in the namespaces of a node.

        Raises:
            ClusterError: the node has not joined.
        """
        record = _record(self.place.of(node).process)
        if record is None or start_time(record["pid"]) != record["started"]:
            raise ClusterError(f"{node.name} is not there: `cluster with {node.name}` has it join")
        return int(record["pid"])

    def has(self, node: NodeIdentity) -> bool:
        """Tell whether a node has joined, and is there."""
        record = _record(self.place.of(node).process)
        return record is not None and start_time(record["pid"]) == record["started"]

    def network_of(self, node: NodeIdentity) -> Path:
        """Return the network namespace of a node.

        Raises:
            ClusterError: the node has not joined.
        """
        return Path(f"/proc/{self.process_of(node)}/ns/net")

    def kill(self, part: str) -> None:
        """Kill a part at once, as a crash would; the node starts it again after a second.

        Raises:
            ClusterError: no such part runs.
        """
        parts = [pid for node in children(self.pid) for pid in children(node) if name_of(pid) == part]
        if not parts:
            raise ClusterError(f"no {part} runs in cluster {self.place.name!r}")
        for pid in parts:
            os.kill(pid, signal.SIGKILL)

    def enter_network(self) -> None:
        """Move the calling thread, and every thread and process that it starts from now on, into the cluster's network.

        Raises:
            OSError: the kernel refused.
        """
        enter_network(Path(f"/proc/{self.pid}/ns/net"))


def up(place: Place) -> Cluster:
    """Return a cluster whose node is Ready: the running one when it answers, else a new one.

    Raises:
        ClusterError: it cannot be built or did not come up; the message says where to look.
    """
    built = build()
    controllers_pace()  # what is wrong with it is said here; the node asks again
    with locked(place.cgroup):
        running = Cluster.find(place)
        if running and running.kubectl("get", "--raw", "/readyz"):
            if running.built != built:
                say("the running cluster was made from other sources; `cluster down` first, to have a new one")
            return running
        remove(place)
        cluster = start(place, built)
        wait_until_ready(cluster)
        say(f"Kubernetes {version_from_environment()} is up: `cluster exec kubectl get nodes`")
        return cluster


def start(place: Place, built: Built) -> Cluster:
    """Start the process that is process 1 of a new cluster."""
    place.run.mkdir(mode=0o700)
    place.of(FIRST).log.mkdir()
    write_configuration(place, write_certificates(place.certificates))
    command = ["unshare", *NEW_NAMESPACES, sys.executable, "-m", "cluster.node", place.name]
    with node_log(place).open("wb") as log:
        process = subprocess.Popen(
            [*command, str(built.binaries), str(built.images)],
            env={**os.environ, "PYTHONPATH": str(SOURCES.parent)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    started = start_time(process.pid)
    if started is None:
        raise ClusterError(f"the cluster ended at once: {tail(node_log(place))}")
    record = {"pid": process.pid, "started": started, "binaries": str(built.binaries), "images": str(built.images)}
    place.process.write_text(json.dumps(record))
    return Cluster(place, process.pid, started, built)


def wait_until_ready(cluster: Cluster) -> None:
    """Wait for the node and for what the first pod of a namespace needs."""
    until(
        120,
        cluster,
        "the node to be Ready",
        lambda: cluster.kubectl("wait", "--for=condition=Ready", f"node/{FIRST.name}", "--timeout=2s"),
    )
    until(
        60,
        cluster,
        "the default service account",
        lambda: cluster.kubectl("-n", "default", "get", "serviceaccount", "default"),
    )


def until(seconds: float, cluster: Cluster, what: str, condition: Callable[[], bool]) -> None:
    """Wait for a condition, as long as the cluster lives."""
    deadline = time.monotonic() + seconds
    while not condition():
        if not cluster.alive():
            raise ClusterError(f"the cluster ended while waiting for {what}: {tail(node_log(cluster.place))}")
        if time.monotonic() > deadline:
            logs = cluster.place.of(FIRST).log
            raise ClusterError(f"gave up waiting for {what} after {seconds:g} s; the logs are in {logs}")
        time.sleep(0.2)


def node_log(place: Place, node: NodeIdentity = FIRST) -> Path:
    """Return the log that tells the story of a whole node."""
    return place.of(node).log / "node.log"


def down(place: Place) -> None:
    """Stop the cluster and remove everything of it; nothing happens when there is none."""
    with locked(place.cgroup):
        remove(place)


def remove(place: Place) -> None:
    """Kill process 1 of the cluster (the kernel ends all others with it), then remove its cgroups and its folder."""
    if cluster := Cluster.find(place):
        for child in children(cluster.pid):
            os.kill(child, signal.SIGKILL)
        until_gone(cluster)
    for left in [CGROUPS / place.cgroup, *CGROUPS.glob(f"*/{place.cgroup}")]:
        for folder, _, _ in os.walk(left, topdown=False):
            Path(folder).rmdir()
    shutil.rmtree(place.run, ignore_errors=not place.run.exists())


def until_gone(cluster: Cluster) -> None:
    """Wait for the end of the process; its parent outlives it only by an instant."""
    deadline = time.monotonic() + 30
    while cluster.alive():
        if time.monotonic() > deadline:
            raise ClusterError(f"process {cluster.pid} does not end; look at it with `ps`")
        time.sleep(0.05)


def _record(file: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(file.read_text()))
    except FileNotFoundError:
        return None


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def name_of(pid: int) -> str:
    """Return what a process calls itself; the kernel keeps 15 characters."""
    return Path(f"/proc/{pid}/comm").read_text().strip()


def start_time(pid: int) -> int | None:
    """Return when a process was started, in the kernel's ticks; None when it is gone or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def tail(log: Path) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-5:])
