"""Rights by the rules that one question brings: a yes of theirs counts, and whatever they do not grant is asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from springtide.clock import ManualClock
from springtide.errors import ClusterUnavailable
from springtide.kube.allowed import RULES_SECONDS, AllowedRules, grants
from springtide.kube.client import Right
from springtide.sandbox.faults import Fault, FaultKind
from springtide.sandbox.messages import Request, Response
from springtide.sandbox.objects import dump
from support.simulation import NAMESPACE, Simulation

if TYPE_CHECKING:
    from springtide.kube.objects import Json

PATCH = Right(verb="patch", group="apps", resource="deployments/scale", name="web")
LIST = Right(verb="list", group="", resource="pods")
REVIEWS = "/apis/authorization.k8s.io/v1/"
RULES = "selfsubjectrulesreviews"
RIGHT = "selfsubjectaccessreviews"
START = datetime(2026, 11, 27, tzinfo=UTC)


def rule(verbs: str, groups: list[str], resources: str, names: str = "") -> Json:
    named: dict[str, Any] = {"resourceNames": names.split()} if names else {}
    return {"verbs": verbs.split(), "apiGroups": groups, "resources": resources.split(), **named}


@pytest.mark.parametrize(
    ("given", "right", "is_granted"),
    [
        (rule("patch", ["apps"], "deployments/scale"), PATCH, True),
        (rule("patch", ["apps"], "deployments/scale", "web"), PATCH, True),
        (rule("*", ["*"], "*"), PATCH, True),
        (rule("patch", ["apps"], "*/scale"), PATCH, True),
        (rule("patch", ["apps"], "deployments"), PATCH, False),
        (rule("patch", ["apps"], "*/status"), PATCH, False),
        (rule("patch", ["apps"], "deployments/scale", "other"), PATCH, False),
        (rule("get", ["apps"], "deployments/scale"), PATCH, False),
        (rule("patch", ["extensions"], "deployments/scale"), PATCH, False),
        (rule("list", [""], "pods"), LIST, True),
        (rule("list", [""], "pods", "web-1"), LIST, False),
        ({}, LIST, False),
    ],
)
def test_a_rule_grants_what_rbac_says(given: Json, right: Right, *, is_granted: bool) -> None:
    assert grants(given, right) is is_granted


class TestAllowedRules:
    def test_many_rights_are_one_question_for_each_namespace(self) -> None:
        asked: list[str] = []

        def ask(namespace: str) -> list[Json]:
            asked.append(namespace)
            return [rule("list", [""], "pods")]

        allowed = AllowedRules(ManualClock(START))

        assert [allowed.grant(*asking, ask) for asking in ((LIST, "shop"), (PATCH, "shop"), (LIST, "bank"))] == [
            True,
            False,
            True,
        ]
        assert asked == ["shop", "bank"]

    def test_they_are_asked_for_again_after_a_while(self) -> None:
        clock = ManualClock(START)
        given = [[rule("list", [""], "pods")], []]
        allowed = AllowedRules(clock)

        assert allowed.grant(LIST, "shop", lambda _namespace: given.pop(0))
        clock.sleep(RULES_SECONDS + 1)
        assert not allowed.grant(LIST, "shop", lambda _namespace: given.pop(0))

    def test_without_a_namespace_nothing_is_asked(self) -> None:
        assert not AllowedRules(ManualClock(START)).grant(LIST, "", lambda _namespace: pytest.fail("it was asked"))


def questions(simulation: Simulation) -> list[str]:
    """Return the reviews that a simulated cluster was asked for, in their order."""
    paths = [call.path for call in simulation.world.history.calls]
    return [path.removeprefix(REVIEWS) for path in paths if path.startswith(REVIEWS)]


def test_what_the_rules_grant_is_not_asked_for() -> None:
    simulation = Simulation.of(2)
    kube = simulation.ports().kube

    assert [kube.may(right, NAMESPACE) for right in (LIST, PATCH, LIST)] == [True] * 3
    assert questions(simulation) == [RULES]


def test_where_nobody_may_ask_for_rules_each_right_is_asked_for() -> None:
    simulation = Simulation.of(2)
    kube = simulation.ports().kube
    refused = Fault(FaultKind.STATUS, status=403)
    simulation.world.faults = lambda call: refused if call.path.endswith(RULES) else None

    assert [kube.may(right, NAMESPACE) for right in (LIST, PATCH)] == [True, True]
    assert questions(simulation) == [RULES, RIGHT, RIGHT]


def test_what_no_rule_grants_is_asked_for() -> None:
    simulation = Simulation.of(2)
    kube = simulation.ports().kube
    nothing = dump({"kind": "SelfSubjectRulesReview", "status": {"resourceRules": None, "incomplete": True}})

    def serve(request: Request) -> Response:
        return Response(201, nothing) if request.path.endswith(RULES) else served(request)

    served = simulation.world.call
    simulation.world.call = serve  # type: ignore[method-assign]

    assert kube.may(LIST, NAMESPACE)
    assert questions(simulation) == [RIGHT]


def test_what_does_not_answer_is_no_answer() -> None:
    simulation = Simulation.of(2)
    kube = simulation.ports().kube
    simulation.world.faults = lambda call: Fault(FaultKind.TIMEOUT) if call.path.endswith(RULES) else None

    with pytest.raises(ClusterUnavailable, match="ask for the rights in shop"):
        kube.may(LIST, NAMESPACE)
