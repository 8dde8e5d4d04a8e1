"""What a person may write for a number of replicas (reliability: bad inputs 19 to 23)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.errors import InputError
from springtide.plan.guards import parse_replicas
from support.builders import policy

POLICY = policy(replicas={"min": 3, "max": 120}, capacity={"models": [{"model": "fixed", "replicas": 6}]})


def refused(text: Any) -> InputError:
    """Return why `text` is refused."""
    with pytest.raises(InputError) as caught:
        parse_replicas(text, policy=POLICY)
    return caught.value


@pytest.mark.parametrize(("text", "number"), [("3", 3), ("120", 120), (6, 6), ("auto", None)])
def test_a_number_or_auto_is_understood(text: str | int, number: int | None) -> None:
    assert parse_replicas(text, policy=POLICY) == number


NO_NUMBERS: list[Any] = [
    *("abc", "1.5", "1e3", "1e9", "0x10", "٣", "\uff15", "+5", " 5", "5 ", "5\n", "05", "1_000", "5,0", "Auto", "AUTO"),
    *("None", "null", "--5", "5;rm -rf /", "{{ 5 }}", "x" * 100_000, True, False, 1.5, 5.0, None, [5], {}),
]
NUMBERS: list[tuple[Any, str]] = [
    ("-1", "pods_negative"),
    (-1, "pods_negative"),
    (-(10**5000), "pods_negative"),
    ("-" + "9" * 5000, "pods_negative"),
    ("0", "zero_refused"),
    (0, "zero_refused"),
    ("2", "pods_below_min"),
    (2, "pods_below_min"),
    ("121", "pods_too_many"),
    (10**9, "pods_too_many"),
    (10**5000, "pods_too_many"),
    ("99999999999999999999", "pods_too_many"),
    ("9" * 100_000, "pods_too_many"),
]
CASES = [("", "pods_required"), *((text, "pods_not_integer") for text in NO_NUMBERS), *NUMBERS]


@pytest.mark.parametrize(("text", "code"), CASES, ids=[str(index) for index in range(len(CASES))])
def test_everything_else_is_refused_with_its_own_code(text: Any, code: str) -> None:
    error = refused(text)

    assert (error.code, error.field) == (code, "pods")
    assert "Allowed: 3 to 120, the replicas.min and replicas.max of policy web." in error.message
    assert error.message.isascii()
    assert error.message.isprintable()
    assert len(error.message) < 400


def test_the_digits_that_are_meant_are_told() -> None:
    assert "ASCII digits only, or auto; got the text '\\u0663'" in refused("٣").message


@given(st.one_of(st.text(), st.integers(), st.booleans(), st.floats(), st.none(), st.binary()))
@settings(deadline=None, max_examples=500)
def test_nothing_but_a_number_within_the_bounds_comes_through(text: Any) -> None:
    try:
        number = parse_replicas(text, policy=POLICY)
    except InputError as error:
        number = -1
        message = error.message
    else:
        message = ""

    assert message.isprintable()
    assert number in {None, -1, *range(3, 121)}
    assert number == -1 or str(text) == ("auto" if number is None else str(number))
