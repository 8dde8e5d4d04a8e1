"""The six ways in which owners deploy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploys.owner import Owner, Said

REVISION = '--template={{ index .metadata.annotations "deployment.kubernetes.io/revision" }}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way. `put` brings a version there, `deploy` is what is tried, and `gets` is what pods are of after it.

    `same` deploys what is there already; None where every deploy makes new pods.
    """

    name: str
    slug: str
    put: Callable[[Owner, str], Said]
    deploy: Callable[[Owner], Said]
    gets: str
    same: Callable[[Owner], Said] | None


def apply(owner: Owner, version: str) -> Said:
    """Apply from the client's side."""
    return owner.apply(version)


def apply_on_the_server(owner: Owner, version: str) -> Said:
    """Apply on the server's side."""
    return owner.apply(version, "--server-side")


def upgrade(owner: Owner, version: str) -> Said:
    """Upgrade Helm's release."""
    return owner.upgrade(version)


def undo_to_the_present(owner: Owner) -> Said:
    """Go back to the revision that is there."""
    revision = owner.kubectl("get", "deployment/web", REVISION)
    return owner.undo(f"--to-revision={revision.text}")


def of_manifest(name: str, slug: str, put: Callable[[Owner, str], Said]) -> Way:
    """Return a way that deploys manifests: version 2 over version 1."""
    return Way(
        name=name,
        slug=slug,
        put=put,
        deploy=lambda owner: put(owner, "2"),
        gets="2",
        same=lambda owner: put(owner, "1"),
    )


APPLY = of_manifest("kubectl apply", "apply", apply)
SERVER_SIDE = of_manifest("kubectl apply --server-side", "server-side", apply_on_the_server)
HELM = of_manifest("helm upgrade", "helm", upgrade)
SET_IMAGE = Way(
    name="kubectl set image",
    slug="set-image",
    put=apply,
    deploy=lambda owner: owner.set_image(owner.second_image),
    gets="1, another image",
    same=lambda owner: owner.set_image(),
)
RESTART = Way(
    name="kubectl rollout restart",
    slug="restart",
    put=apply,
    deploy=lambda owner: owner.restart(),
    gets="1, restarted",
    same=None,
)
UNDO = Way(
    name="kubectl rollout undo",
    slug="undo",
    put=apply,
    deploy=lambda owner: owner.undo(),
    gets="0",
    same=undo_to_the_present,
)
WAYS = (APPLY, SERVER_SIDE, HELM, SET_IMAGE, RESTART, UNDO)
