"""What a client may do, by one question for many rights: the rules that Kubernetes says hold for it in a namespace.

Only a yes is taken from them. Kubernetes may leave rules out that it cannot enumerate, and those of a webhook are never
among them: whatever no rule grants is asked for by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from springtide.clock import Clock
from springtide.kube.client import Right
from springtide.kube.objects import Json

RULES_SECONDS: Final = 10.0
"""How long rules count: as long as a run takes from its plan to its first write. What was taken away meanwhile is
refused when it is wanted."""

_ANY: Final = "*"


AsksRules = Callable[[str], Sequence[Json]]
"""Returns the rules that hold in a namespace."""


class AllowedRules:
    """Rules by namespace, asked for again when they have counted for long enough."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, Sequence[Json]]] = {}

    def grant(self, right: Right, namespace: str, ask: AsksRules) -> bool:
        """Say whether a rule grants `right` in `namespace`; one that is about no namespace is granted by none.

        `ask` is called where no rules are known.

        Raises:
            ClusterUnavailable: no answer in time.
        """
        return bool(namespace) and any(grants(rule, right) for rule in self._rules(namespace, ask))

    def _rules(self, namespace: str, ask: AsksRules) -> Sequence[Json]:
        now = self._clock.monotonic()
        kept = self._kept.get(namespace)
        if kept is None or now - kept[0] > RULES_SECONDS:
            kept = self._kept[namespace] = (now, ask(namespace))
        return kept[1]


def grants(rule: Json, right: Right) -> bool:
    """Say whether a rule in RBAC's terms grants `right`.

    One with `resourceNames` grants nothing that names no object: no list, and no creation.
    """
    names = rule.get("resourceNames") or ()
    if names and right.name not in names:
        return False
    _, _, subresource = right.resource.partition("/")
    resources = {_ANY, right.resource, *([f"{_ANY}/{subresource}"] if subresource else [])}
    return (
        not {_ANY, right.verb}.isdisjoint(rule.get("verbs") or ())
        and not {_ANY, right.group}.isdisjoint(rule.get("apiGroups") or ())
        and not resources.isdisjoint(rule.get("resources") or ())
    )
