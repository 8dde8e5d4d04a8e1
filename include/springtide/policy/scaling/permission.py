"""Who may have a service changed by hand, as its policy says."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from springtide.errors import PermanentError

if TYPE_CHECKING:
    from springtide.policy.scaling.model import ScalingPolicy

ROLE: Final = "role:"
"""What stands before a role in `metadata.may_scale`."""


def is_permitted(policy: ScalingPolicy, user: str, roles: Collection[str] = ()) -> bool:
    """Say whether `metadata.may_scale` names the user or one of the roles; where it names nobody, everybody may."""
    allowed = policy.metadata.may_scale
    is_named = user in allowed and not user.startswith(ROLE)  # else a name could be chosen that passes for a role
    return not allowed or is_named or any(f"{ROLE}{role}" in allowed for role in roles)


def not_permitted(user: str, service: str) -> PermanentError:
    """Return why a run that `user` asked for is refused."""
    return PermanentError(
        f"{user} may not have {service} scaled: metadata.may_scale of its policy names others. Ask one of them, or "
        "whoever looks after the policy. Who is named by a role starts the run by springtide's pages or REST, which "
        "know the roles.",
        code="not_allowed",
        field="metadata.may_scale",
    )
