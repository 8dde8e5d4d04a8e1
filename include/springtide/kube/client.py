"""The cluster as the rest of springtide sees it: eight calls, each with a timeout, each write a compare-and-swap."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, Self, runtime_checkable

from springtide.errors import ClusterRefused
from springtide.kube.objects import Json, Kind, Version
from springtide.kube.proxy import ProxyReader

FIELD_MANAGER: Final = "springtide"
"""What `metadata.managedFields` calls springtide."""


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Right:
    """What somebody may do, in RBAC's terms; `resource` holds a subresource behind a slash, `name` one object."""

    verb: str
    group: str
    resource: str
    name: str = ""

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {resource} {self.name}".rstrip()


@dataclass(frozen=True, slots=True, order=True)
class ServerVersion:
    """Which Kubernetes an API server is: `1.34`. What providers append to either number is left out."""

    major: int
    minor: int

    @classmethod
    def parse(cls, answer: Json) -> Self:
        """Return what the answer to `GET /version` says.

        Raises:
            ClusterRefused: it names no version of Kubernetes (`version_unreadable`).
        """
        numbers = [re.match(r"[0-9]+", str(answer.get(key, ""))) for key in ("major", "minor")]
        match numbers:
            case [re.Match() as major, re.Match() as minor]:
                return cls(int(major[0]), int(minor[0]))
        raise ClusterRefused(
            f"get the server's version: major {answer.get('major')!r} and minor {answer.get('minor')!r} are no version "
            "of Kubernetes. Ask who runs the API server, or what stands in front of it.",
            code="version_unreadable",
        )

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


class KubeReader(ProxyReader, Protocol):
    """Reads that decide: quorum reads, never from a cache."""

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """Return the object; a namespace stands in none: `namespace` is "" then.

        Raises:
            NotFound: there is no object of this name.
            ClusterRefused: the right to read is missing.
            ClusterUnavailable: no answer in time.
        """
        ...

    def list(self, kind: Kind, namespace: str, *, selector: str = "", fields: str = "") -> list[Json]:
        """Return all objects that the label `selector` matches; of nodes and pods in the whole cluster, for "".

        `fields` is a field selector, such as `reason=FailedScheduling`; which fields may stand in it differs by kind.

        Raises:
            ClusterRefused: the right to read is missing.
            ClusterUnavailable: no answer in time.
        """
        ...

    def may(self, right: Right, namespace: str) -> bool:
        """Say whether this client has `right` in `namespace`, by reviews of its own rights, which change nothing.

        Raises:
            ClusterRefused: even that may not be asked.
            ClusterUnavailable: no answer in time.
        """
        ...

    def server_version(self) -> ServerVersion:
        """Return which Kubernetes the API server is, by its own account (`GET /version`).

        Raises:
            ClusterRefused: it may not be asked, or its answer names no version.
            ClusterUnavailable: no answer in time.
        """
        ...


@runtime_checkable
class CountsReads(Protocol):
    """A client that counts what it reads."""

    @property
    def reads(self) -> int:
        """How many reads this thread has sent through this client, every attempt counted."""
        ...


class KubeClient(KubeReader, Protocol):
    """Reads and writes.

    Every write may raise `ClusterRefused` (admission, quota, rights, invalid), `ClusterUnavailable` (certainly not
    done), or `UnknownOutcome` (sent, and no answer: read to find out).
    """

    def create(self, kind: Kind, namespace: str, manifest: Json, *, dry_run: bool = False) -> Json:
        """Create the object; with `dry_run` the API server judges it and keeps nothing.

        Raises:
            Conflict: one of this name is there already.
        """
        ...

    def patch(
        self, kind: Kind, namespace: str, name: str, change: Json, *, version: Version, dry_run: bool = False
    ) -> Json:
        """Merge `change` into the very object that was read as `version`; with `dry_run` nothing is kept.

        Raises:
            Conflict: it has changed since, or is another object of the same name.
            NotFound: it is gone.
        """
        ...

    def scale(
        self, kind: Kind, namespace: str, name: str, replicas: int, *, version: Version, dry_run: bool = False
    ) -> None:
        """Set an object's replicas through its `scale` subresource, if it is still as read; not with `dry_run`.

        Raises:
            Conflict: it has changed since.
            NotFound: it is gone.
        """
        ...

    def delete(self, kind: Kind, namespace: str, name: str, *, version: Version) -> None:
        """Delete the very object that was read as `version`; what it owns follows in the background.

        Raises:
            Conflict: it has changed since.
            NotFound: it is gone.
        """
        ...


def selector_text(match_labels: Mapping[str, str]) -> str:
    """Return `match_labels` in the API's query form: `app=checkout,tier=web`."""
    return ",".join(f"{key}={value}" for key, value in sorted(match_labels.items()))
