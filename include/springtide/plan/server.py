"""Whether the cluster's Kubernetes is one on which setting a ReplicaSet aside is known to work. Pure.

`blue_green` builds on two things that the Deployment controller does: it adopts and releases ReplicaSets by their
labels, and it answers a collision of template hashes with another hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from springtide.kube.client import ServerVersion
from springtide.plan.findings import Finding, FindingStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownVersions:
    """`proven`: the tests ran on them; `oldest` to `newest`: the controller's source was read and does the same."""

    oldest: ServerVersion
    newest: ServerVersion
    proven: tuple[ServerVersion, ...]


KNOWN_VERSIONS: Final = KnownVersions(
    oldest=ServerVersion(1, 27), newest=ServerVersion(1, 36), proven=(ServerVersion(1, 31), ServerVersion(1, 34))
)


def server_finding(version: ServerVersion, known: KnownVersions = KNOWN_VERSIONS) -> Finding:
    """Return a refusal for a server older than any known one, and a warning for one that no test ran on."""
    proven = ", ".join(map(str, known.proven))
    message = f"the API server is Kubernetes {version}; blue_green was tested on {proven}"
    if version in known.proven:
        return Finding(check="server_version", status=FindingStatus.PASSED, message=message)
    if version < known.oldest:
        message += f" and works from {known.oldest} on. Update the cluster, or use strategy in_place."
        return Finding(
            check="server_version", status=FindingStatus.REFUSED, message=message, code="server_version_unsupported"
        )
    read = f"{known.oldest} to {known.newest}"
    is_read = version <= known.newest
    message += f", and read in the source of {read}" if is_read else f", and the newest source read is {known.newest}"
    message += ". Try it on a workload that nobody needs first."
    return Finding(check="server_version", status=FindingStatus.WARNING, message=message)
