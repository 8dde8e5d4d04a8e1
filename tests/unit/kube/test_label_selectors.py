"""Which objects a label selector meets."""

from __future__ import annotations

import pytest

from springtide.errors import InputError
from springtide.kube.objects import Json
from springtide.kube.selectors import matches

CARRIED = {"app": "web", "tier": "front"}


def expression(operator: str, key: str = "app", *values: str) -> Json:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "is_met"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "tier": "back"}}, False),
        (expression("In", "app", "web", "shop"), True),
        (expression("In", "app", "shop"), False),
        (expression("In", "zone", "a"), False),
        (expression("NotIn", "app", "shop"), True),
        (expression("NotIn", "app", "web"), False),
        (expression("NotIn", "zone", "a"), True),
        (expression("Exists", "tier"), True),
        (expression("Exists", "zone"), False),
        (expression("DoesNotExist", "zone"), True),
        (expression("DoesNotExist", "tier"), False),
        ({"matchLabels": {"app": "web"}} | expression("NotIn", "tier", "front"), False),
        ({"matchLabels": {"app": "shop"}} | expression("Exists", "tier"), False),
    ],
)
def test_every_part_of_it_must_hold(selector: Json | None, *, is_met: bool) -> None:
    assert matches(selector, CARRIED) is is_met


def test_an_operator_that_nobody_knows_is_refused_not_guessed_at() -> None:
    with pytest.raises(InputError, match="operator 'Gt' is not known") as caught:
        matches(expression("Gt", "app", "1"), CARRIED)

    assert (caught.value.code, caught.value.field) == ("selector_invalid", "app")
