"""The inside of a cluster: process 1 of its own process, mount and network namespaces, and its first node.

Everything that the parts do to a machine (mounts, interfaces, firewall tables, hundreds of processes) is done in here
and ends with this process, so stopping a cluster is killing one process. What they would write to fixed places of the
machine is caught:

    /run, /var/lib, /var/log    are this cluster's own
    kernel settings             already look as the kubelet wants them (it would change the whole machine's)
    /etc/resolv.conf            names a server that refuses at once, as there is no way out anyway
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from cluster.build import SYSTEM_PATH, say
from cluster.certificates import AGGREGATOR
from cluster.settings import API_SERVER, FIRST, SERVICE_RANGE, ClusterError, NodePlace, Place, controllers_pace

KERNEL_SETTINGS = {
    "kernel/keys/root_maxbytes": "25000000",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
}
CGROUPS = Path("/sys/fs/cgroup")
ETCD = "http://127.0.0.1:2379"


@dataclass(slots=True)
class Node:
    """The parts of one node, started in order and started again when they end."""

    place: NodePlace
    binaries: Path
    images: Path
    running: dict[int, str] = field(default_factory=dict)

    def run(self) -> None:
        """Set everything up and watch over it for ever."""
        self.isolate()
        self.connect()
        commands = self.commands()
        for part in ("etcd", "containerd", "kube-apiserver"):
            self.start(part, commands[part])
        self.load_images()
        self.until(120, "the API server", [*self.kubectl(), "get", "--raw", "/readyz"])
        for part in ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"):
            self.start(part, commands[part])
        while True:
            self.watch(commands)

    def load_images(self) -> None:
        """Give containerd the images that every node has."""
        for image in ("pause", "web"):
            self.until(60, "containerd", [*self.ctr(), "images", "import", str(self.images / f"{image}.tar")])

    def isolate(self) -> None:
        """Give the parts folders and kernel settings of their own."""
        self.catch_folders()
        shown = {f"/proc/sys/{setting}": value for setting, value in KERNEL_SETTINGS.items()}
        shown["/etc/resolv.conf"] = "nameserver 127.0.0.1"  # nothing answers: a pull from a registry fails at once
        for number, (file, content) in enumerate(shown.items()):
            (Path("/run") / f"shown-{number}").write_text(f"{content}\n")
            call("mount", "--bind", f"/run/shown-{number}", file)

    def catch_folders(self) -> None:
        """Give the parts `/run`, `/var/lib`, `/var/log` and cgroups of their own."""
        run = self.place.run
        call("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
        Path("/run/netns").mkdir()
        for folder in ("lib", "log"):
            (run / "var" / folder).mkdir(parents=True)
            call("mount", "--bind", str(run / "var" / folder), f"/var/{folder}")
        for hierarchy in hierarchies():
            (hierarchy / self.place.cgroup).mkdir(exist_ok=True)

    def connect(self) -> None:
        """Give the node an address. The default route leads nowhere: it only makes the address findable."""
        call("ip", "link", "set", "lo", "up")
        name = self.place.node.name
        call("ip", "link", "add", name, "type", "bridge")  # "dummy" is missing in small kernels, a bridge is not
        call("ip", "address", "add", f"{self.place.node.address}/24", "dev", name)
        call("ip", "link", "set", name, "up")
        call("ip", "route", "add", "default", "dev", name)
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")

    def start(self, part: str, command: list[str]) -> None:
        """Start a part; what it says goes to its log."""
        with (self.place.log / f"{part}.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=self.place.run, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.running[process.pid] = part

    def watch(self, commands: dict[str, list[str]]) -> None:
        """Reap one child. A part is started again, as an init system would; orphans of containers are only reaped."""
        pid, status = os.wait()
        if part := self.running.pop(pid, None):
            say(f"{part} ended with {os.waitstatus_to_exitcode(status)}, starting it again (see {part}.log)")
            time.sleep(1)
            self.start(part, commands[part])

    def until(self, seconds: float, what: str, command: list[str]) -> None:
        """Repeat a command until it succeeds, as long as every part that was started runs."""
        deadline = time.monotonic() + seconds
        while (done := subprocess.run(command, capture_output=True, timeout=30, text=True, check=False)).returncode:
            for pid, part in self.running.items():
                if os.waitpid(pid, os.WNOHANG) != (0, 0):
                    raise ClusterError(f"{part} ended while waiting for {what} (see {part}.log)")
            if time.monotonic() > deadline:
                raise ClusterError(f"{what} did not answer within {seconds:g} s: {done.stderr.strip()}")
            time.sleep(0.1)

    def kubectl(self) -> list[str]:
        """kubectl as the administrator."""
        return [
            str(self.binaries / "kubectl"),
            "--kubeconfig",
            str(self.place.cluster.kubeconfig),
            "--request-timeout=5s",
        ]

    def ctr(self) -> list[str]:
        """containerd's own client, in the kubelet's namespace of images."""
        return ["ctr", "--address", str(self.place.containerd_socket), "--namespace", "k8s.io"]

    def commands(self) -> dict[str, list[str]]:
        """Return the command line of each part."""
        return self._storage() | self._api_server() | self._controllers() | self.worker_commands()

    def _storage(self) -> dict[str, list[str]]:
        return {
            "etcd": [
                "etcd",
                f"--data-dir={self.place.run}/etcd",
                f"--listen-client-urls={ETCD}",
                f"--advertise-client-urls={ETCD}",
                "--listen-peer-urls=http://127.0.0.1:2380",
                "--unsafe-no-fsync",  # nothing here outlives the process anyway
            ]
        }

    def _api_server(self) -> dict[str, list[str]]:
        place = self.place.cluster
        keys = place.certificates
        return {
            "kube-apiserver": [
                str(self.binaries / "kube-apiserver"),
                f"--etcd-servers={ETCD}",
                f"--advertise-address={FIRST.address}",
                f"--external-hostname={FIRST.address}",
                f"--secure-port={API_SERVER.rpartition(':')[2]}",
                f"--cert-dir={place.run}/generated",
                f"--tls-cert-file={keys}/apiserver.crt",
                f"--tls-private-key-file={keys}/apiserver.key",
                f"--client-ca-file={keys}/ca.crt",
                f"--token-auth-file={keys}/tokens.csv",
                f"--proxy-client-cert-file={keys}/{AGGREGATOR}.crt",
                f"--proxy-client-key-file={keys}/{AGGREGATOR}.key",
                f"--requestheader-client-ca-file={keys}/ca.crt",
                f"--requestheader-allowed-names={AGGREGATOR}",
                "--requestheader-username-headers=X-Remote-User",
                "--requestheader-group-headers=X-Remote-Group",
                "--requestheader-extra-headers-prefix=X-Remote-Extra-",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={keys}/serviceaccounts.key",
                f"--service-account-signing-key-file={keys}/serviceaccounts.key",
                f"--service-cluster-ip-range={SERVICE_RANGE}",
                "--authorization-mode=Node,RBAC",
                "--allow-privileged=true",
                "--kubelet-preferred-address-types=InternalIP",  # the node's name resolves nowhere
            ]
        }

    def _controllers(self) -> dict[str, list[str]]:
        place = self.place.cluster
        keys = place.certificates
        return {
            "kube-controller-manager": [
                str(self.binaries / "kube-controller-manager"),
                f"--kubeconfig={place.kubeconfig_of('controllers')}",
                f"--root-ca-file={keys}/ca.crt",
                f"--service-account-private-key-file={keys}/serviceaccounts.key",
                "--use-service-account-credentials=true",
                "--leader-elect=false",
                *controllers_pace(),
            ],
            "kube-scheduler": [
                str(self.binaries / "kube-scheduler"),
                f"--kubeconfig={place.kubeconfig_of('scheduler')}",
                "--leader-elect=false",
                *controllers_pace(),
            ],
        }

    def worker_commands(self) -> dict[str, list[str]]:
        """Return the command line of each part that every node has."""
        place = self.place
        return {
            "containerd": ["containerd", f"--config={place.run}/containerd.toml"],
            "kubelet": [
                str(self.binaries / "kubelet"),
                f"--config={place.run}/kubelet.yaml",
                f"--kubeconfig={place.cluster.kubeconfig_of(place.node.name)}",
                f"--hostname-override={place.node.name}",
                f"--node-ip={place.node.address}",
                f"--root-dir={place.run}/kubelet",
            ],
            "kube-proxy": [str(self.binaries / "kube-proxy"), f"--config={place.run}/proxy.yaml"],
        }


def hierarchies() -> list[Path]:
    """Return the roots of the cgroup hierarchies: one with cgroup v2, one per controller with v1."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [path for path in CGROUPS.iterdir() if path.is_dir() and not path.is_symlink() and path.name != "unified"]


def call(*command: str) -> None:
    """Run a command that must succeed.

    Raises:
        ClusterError: it did not; the message carries its words.
    """
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise ClusterError(f"`{' '.join(command)}`: {done.stderr.strip()}")


if __name__ == "__main__":
    os.environ["PATH"] = SYSTEM_PATH
    cluster, binaries, images = sys.argv[1:]
    try:
        Node(Place(cluster).of(FIRST), Path(binaries), Path(images)).run()
    except ClusterError as error:
        say(str(error))
        sys.exit(1)
