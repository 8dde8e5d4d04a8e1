"""A wire between two clusters of this machine: whoever is inside the first one reaches the second's API server.

Every cluster has the same addresses in a network of its own, so neither reaches the other by itself. The wire has an
address at each end that neither network has otherwise, and both API servers' certificates are for these as well. Pods
and Services of the second cluster stay out of reach.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.build import locked
from cluster.lifecycle import Cluster
from cluster.node import call
from cluster.settings import API_SERVER, LINK_ENDS, ClusterError, Place

if TYPE_CHECKING:
    from collections.abc import Mapping

LINK = "wire0"
"""What the wire is called at both ends."""

_PREFIX = 24


def link(here: Cluster, there: Cluster) -> Path:
    """Lay the wire, unless it is there; return a kubeconfig with a context for each cluster, called as the cluster.

    It is for processes inside `here`, and ends with either cluster.

    Raises:
        ClusterError: both are one cluster, or the kernel refused.
    """
    if here.place == there.place:
        raise ClusterError(f"cluster {here.place.name!r} cannot be linked with itself")
    with locked(here.place.cgroup):
        if not _is_laid(here):
            _lay(here, there)
        linked_kubeconfig(here.place).touch(mode=0o600)  # before the tokens are in it
        linked_kubeconfig(here.place).write_text(json.dumps(_joined(here.place, there.place), indent=1))
    return linked_kubeconfig(here.place)


def linked_kubeconfig(place: Place) -> Path:
    """Return where the kubeconfig of both is kept; there is none before `link`."""
    return place.kubeconfig_of("linked")


def linked_with(here: Cluster | None) -> str | None:
    """Return the name of the cluster that `here` is linked with; None where the wire is not there (any more)."""
    if here is None or not linked_kubeconfig(here.place).exists() or not _is_laid(here):
        return None
    contexts = json.loads(linked_kubeconfig(here.place).read_text())["contexts"]
    return next(str(each["name"]) for each in contexts if each["name"] != here.place.name)


def _is_laid(here: Cluster) -> bool:
    # The kernel takes both ends away with the network of either.
    command = here.inside(["ip", "link", "show", LINK])
    return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0


def _lay(here: Cluster, there: Cluster) -> None:
    peer = ["peer", "name", LINK, "netns", str(there.pid)]
    call(*here.inside(["ip", "link", "add", LINK, "type", "veth", *peer]))
    for cluster, address in zip((here, there), LINK_ENDS, strict=True):
        call(*cluster.inside(["ip", "address", "add", f"{address}/{_PREFIX}", "dev", LINK]))
        call(*cluster.inside(["ip", "link", "set", LINK, "up"]))


def _joined(here: Place, there: Place) -> dict[str, Any]:
    servers = {here: API_SERVER, there: f"https://{LINK_ENDS[1]}:{API_SERVER.rpartition(':')[2]}"}
    entries = [_entries(place, server) for place, server in servers.items()]
    kinds = ("clusters", "users", "contexts")
    joined = {kind: [entry[kind] for entry in entries] for kind in kinds}
    return {"apiVersion": "v1", "kind": "Config", "current-context": here.name, **joined}


def _entries(place: Place, server: str) -> Mapping[str, Any]:
    own = json.loads(place.kubeconfig.read_text())
    name = place.name
    return {
        "clusters": {"name": name, "cluster": own["clusters"][0]["cluster"] | {"server": server}},
        "users": {"name": name, "user": own["users"][0]["user"]},
        "contexts": {"name": name, "context": {"cluster": name, "user": name}},
    }
