"""The clusters that the one suite runs on, behind what it needs of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.observer import Observer


class Cluster(Protocol):
    """A running cluster that this process can reach: its API, its Services' addresses."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's way in."""
        ...

    def kubeconfig_for(self, see: Observer, folder: Path, file: str = "rbac.yaml") -> Path:
        """Return what `springtide` reaches the observer's namespace with.

        On a real cluster that is the account of a file that is shipped, by its Role and under the admission policy.
        """
        ...

    @property
    def has_keda(self) -> bool:
        """Whether something works as KEDA's operator there."""
        ...

    def provide_image(self, name: str) -> None:
        """Make the test service's image available under one more name."""
        ...

    def forget_image(self, name: str) -> None:
        """Take an image away from where pods get it; pods that run already keep running."""
        ...

    def stop(self) -> None:
        """Stop what was started for the tests; a cluster that was running before them stays."""
        ...
