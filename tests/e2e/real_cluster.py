"""A real Kubernetes: the one that KUBECONFIG names, else the one of tests/cluster."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cluster.lifecycle import Cluster as OwnCluster
from cluster.lifecycle import down, up
from cluster.neighbours import installed
from cluster.settings import place_from_environment
from e2e.admission import apply_policy, take_policy_away
from e2e.manifests import IMAGE
from e2e.observer import Observer
from e2e.role import kubeconfig_of_the_role

CTR = "SPRINGTIDE_E2E_CTR"
"""How to call containerd's `ctr` on the node of somebody else's cluster, such as
`docker exec kind-control-plane ctr --namespace k8s.io`."""


@dataclass(frozen=True, slots=True)
class RealCluster:
    """See the module. `ctr` works on the images of the (one) node."""

    kubeconfig: Path
    ctr: tuple[str, ...]
    started: bool
    own: OwnCluster | None = None

    @property
    def has_keda(self) -> bool:
        """Whether KEDA itself runs there."""
        return self.own is not None and "keda" in installed(self.own.place)

    def kubeconfig_for(self, see: Observer, folder: Path, file: str = "rbac.yaml") -> Path:
        """Return a kubeconfig with the rights of a file that is shipped and no others, held by the admission policy."""
        apply_policy(see)
        return kubeconfig_of_the_role(see, self.kubeconfig, folder, file)

    def provide_image(self, name: str) -> None:
        """Give the image one more name."""
        self._images("tag", IMAGE, name)

    def forget_image(self, name: str) -> None:
        """Remove that name. Pods use it with `imagePullPolicy: Never`, so the next one says ErrImageNeverPull."""
        self._images("rm", name)

    def kill_api_server(self) -> None:
        """Kill kube-apiserver; the node starts it again. Only on a cluster of tests/cluster."""
        assert self.own is not None
        self.own.kill("kube-apiserver")

    def stop(self) -> None:
        """Stop the cluster if it was started here; from somebody else's take the admission policy away."""
        if self.started:
            down(place_from_environment())
        elif self.own is None:
            take_policy_away(Observer(self.kubeconfig, "default"))

    def _images(self, *arguments: str) -> None:
        subprocess.run([*self.ctr, "images", *arguments], check=True, capture_output=True, timeout=60)


def is_ours() -> bool:
    """Tell whether the cluster is, or will be, one of tests/cluster, and not somebody else's."""
    given = os.environ.get("KUBECONFIG")
    running = OwnCluster.find(place_from_environment())
    return not given or (running is not None and Path(given) == running.place.kubeconfig)


def open_real_cluster() -> RealCluster:
    """Return the cluster that KUBECONFIG names, else start one here and move this process into its network.

    Raises:
        ClusterError: none is running and none can be started; the message says why.
    """
    given = os.environ.get("KUBECONFIG")
    running = OwnCluster.find(place_from_environment())
    if given and not is_ours():
        ctr = shlex.split(os.environ.get(CTR, "ctr --namespace k8s.io"))
        return RealCluster(Path(given), tuple(ctr), started=False)
    own = running or up(place_from_environment())
    if not given:  # with it, `cluster exec` has started this process inside already
        own.enter_network()
    return RealCluster(own.place.kubeconfig, tuple(own.ctr()), started=running is None, own=own)
