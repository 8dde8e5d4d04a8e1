"""The Role that is shipped, on the embedded cluster: whole, or without one of its rights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from ruamel.yaml import YAML

from springtide.kube.client import Right
from springtide.sandbox.access import Access, Action, User
from springtide.sandbox.objects import Json
from springtide.sandbox.status import Subject
from support.simulation import NAMESPACE, Simulation

ROLE = Path(__file__).parents[2] / "deploy" / "kubernetes" / "rbac.yaml"
NAME = "springtide"
_RBAC = "rbac.authorization.k8s.io"


def shipped_rules() -> list[Json]:
    """Return the rules of the Role that springtide asks for."""
    (role,) = [each for each in YAML(typ="safe", pure=True).load_all(ROLE) if each["kind"] == "Role"]
    return list(role["rules"])


def shipped_rights() -> list[Right]:
    """Return every right that they grant."""
    return [
        Right(verb=verb, group=group, resource=resource)
        for rule in shipped_rules()
        for group, resource, verb in product(rule["apiGroups"], rule["resources"], rule["verbs"])
    ]


def bind(simulation: Simulation, *, without: Right | None = None) -> Simulation:
    """Let every process of the simulation have the shipped rights, but for one, and no others; return it."""
    rules = [
        {"apiGroups": [right.group], "resources": [right.resource], "verbs": [right.verb]}
        for right in shipped_rights()
        if right != without
    ]
    metadata = {"name": NAME, "namespace": NAMESPACE}
    bound = {
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
    }
    simulation.world.apply(
        {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {"apiVersion": f"{_RBAC}/v1", "kind": "RoleBinding", "metadata": metadata} | bound,
    )
    simulation.token = simulation.world.access.service_account_token(NAMESPACE, NAME)
    return simulation


@contextmanager
def recorded_rights(simulation: Simulation) -> Iterator[dict[Right, bool]]:
    """Yield each right that the service account made use of, and whether it had it; questions about rights are none.

    A right has no name in the Role's own namespace, for the Role has none.
    """
    used: dict[Right, bool] = {}
    access = simulation.world.access

    class Recording(Access):
        """Remembers what it is asked for."""

        def require(self, user: User, action: Action, subject: Subject) -> None:
            """Refuse as ever."""
            is_question = action.group == "authorization.k8s.io"
            if action.resource and not is_question and user.name.endswith(f":{NAME}"):
                name = "" if action.namespace in ("", NAMESPACE) else action.name
                right = Right(verb=action.verb, group=action.group, resource=action.resource, name=name)
                used[right] = used.get(right, True) and self.allows(user, action)
            super().require(user, action, subject)

    recording = Recording(access.store, access.allow_anonymous_admin, access.tokens)
    simulation.world.access = recording
    simulation.world.api.access = recording
    yield used
    simulation.world.access = access
    simulation.world.api.access = access
