"""The admission policy that is shipped: on a real cluster every run of the suite is under it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from ruamel.yaml import YAML

from e2e.manifests import NAME
from e2e.observer import OK
from e2e.role import ROLES

if TYPE_CHECKING:
    from e2e.manifests import Json
    from e2e.observer import Observer

FILE: Final = ROLES / "admission" / "policy.yaml"
_COLLECTIONS: Final = {
    "ValidatingAdmissionPolicy": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
}
_HOLDS_WITHIN_SECONDS: Final = 30


def documents() -> list[Json]:
    """Return the policy and its binding."""
    return list(YAML(typ="safe", pure=True).load_all(FILE))


def apply_policy(see: Observer) -> None:
    """Have the cluster hold springtide's account to the policy, as an administrator does once."""
    for each in documents():
        see.settle(_COLLECTIONS[each["kind"]], each)


def take_policy_away(see: Observer) -> None:
    """Take it away again."""
    for each in documents():
        see.undefine(_COLLECTIONS[each["kind"]], each["metadata"]["name"])


def tried(account: Observer, method: str, collection: str, name: str, body: Json | list[Json]) -> str:
    """Return what a write would be answered, which is only tried: empty where it would be done."""
    code, answer = account.answer(method, collection, name, body=body, query="?dryRun=All")
    return "" if code == OK else str(answer["message"])


def wait_until_it_holds(account: Observer) -> None:
    """Wait until it refuses the account in the observer's namespace what it never may.

    An API server takes a policy up a moment after it was written.
    """
    deadline = time.monotonic() + _HOLDS_WITHIN_SECONDS
    while "denied request" not in tried(account, "PATCH", "deployments", NAME, {"spec": {"minReadySeconds": 1}}):
        assert time.monotonic() < deadline, f"not within {_HOLDS_WITHIN_SECONDS} s: the admission policy holds"
        time.sleep(0.2)
