"""Who wants to know what: `spec.notify` of the policies, and the owner where it names nobody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from springtide.notify.routing import INSTALLATION_TAG, tag_of
from springtide.policy.scaling.model import ScalingPolicy

NOBODY: Final[tuple[str, ...]] = ()


def recipients(kind: str, policies: Iterable[ScalingPolicy | None]) -> tuple[str, ...]:
    """Return the tags that are told of `kind`, which is about the services of `policies`; none where nobody wants it.

    None stands for a policy that cannot be read: what its owner wants is not known, so whoever looks after the
    installation is told.
    """
    tags = {tag for policy in policies for tag in _wanting(kind, policy)}
    return tuple(sorted(tags))


def _wanting(kind: str, policy: ScalingPolicy | None) -> tuple[str, ...]:
    if policy is None:
        return (INSTALLATION_TAG,)
    notify = policy.spec.notify
    if not notify.wants(kind):
        return NOBODY
    return notify.to or (tag_of(policy.metadata.owner),)
