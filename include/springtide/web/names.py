"""Names of services as they come in by an address: judged before anything looks for them."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from fastapi import Request

from springtide.errors import InputError
from springtide.policy.scaling.permission import is_permitted
from springtide.web.ports import Caller, Permission, Surroundings

if TYPE_CHECKING:
    from springtide.policy.scaling.model import ScalingPolicy

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SHOWN: Final = 60


def require_name(name: str) -> str:
    """Return `name` where it can be that of a service.

    Raises:
        InputError: it cannot (`name_invalid`); what no eye can tell apart is shown by its code points.
    """
    if _NAME.fullmatch(name):
        return name
    allowed = "a-z, 0-9 and '-', at most 63, and no '-' at the ends"
    raise InputError(f"name: {_shown(name)} is no name of a service: {allowed}.", code="name_invalid", field="name")


def _shown(name: str) -> str:
    if name.isascii():
        return ascii(name[:_SHOWN])
    odd = next(sign for sign in name if not sign.isascii())
    return f"{name[:_SHOWN]!a} (U+{ord(odd):04X}, {unicodedata.name(odd, 'a sign without a name')})"


def service_in(request: Request) -> str | None:
    """Return the service that an address is about; None where it is about none."""
    found = request.path_params.get("service", request.query_params.get("service"))
    return None if found is None else str(found)


def may_change(policy: ScalingPolicy, caller: Caller) -> bool:
    """Say whether the policy lets the caller change its service."""
    return is_permitted(policy, caller.name, caller.roles)


def policy_named(surroundings: Surroundings, name: str, caller: Caller) -> ScalingPolicy | None:
    """Return the policy `name`; None where the caller may not even be told that there is none.

    Raises:
        InputError: it is no name (`name_invalid`), or there is no such policy (`service_unknown`).
        PolicyError: its file is refused.
    """
    known = require_name(name)
    try:
        return surroundings.policies().get(known)
    except InputError:
        if surroundings.access.may(caller, Permission.READ):
            raise
        return None
