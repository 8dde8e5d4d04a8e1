"""Quantities of Kubernetes, and rounding that float noise cannot move."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.errors import InputError
from springtide.quantities import format_milli, parse_quantity, round_down, round_up


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100m", "0.1"),
        ("1", "1"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("2.", "2"),
        ("-3", "-3"),
        ("+3", "3"),
        ("1k", "1000"),
        ("1Ki", "1024"),
        ("2Gi", "2147483648"),
        ("1E", "1000000000000000000"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("12e-2", "0.12"),
        ("5n", "0.000000005"),
        ("5u", "0.000005"),
    ],
)
def test_a_quantity_is_read_exactly(text: str, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "m", "1 m", "1mm", "1K", "1ki", "0x10", "1_000", "nan", "٣", "1e", "1m\n", "9" * 99]
)
def test_anything_else_is_no_quantity(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_quantity(text)

    assert caught.value.code == "quantity_invalid"
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("amount", "text"), [(0.16, "160m"), (2.4, "2400m"), (0, "0m"), (0.0005, "0.5m"), (1.1, "1100m")]
)
def test_cpu_is_shown_in_thousandths(amount: float, text: str) -> None:
    assert format_milli(amount) == text


@pytest.mark.parametrize(
    ("number", "up", "down"), [(3.0000000001, 3, 3), (2.9999999999, 3, 3), (3.001, 4, 3), (0, 0, 0)]
)
def test_noise_moves_no_number(number: float, up: int, down: int) -> None:
    assert (round_up(number), round_down(number)) == (up, down)


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_a_share_of_a_whole_is_rounded_as_exact_arithmetic_does(whole: int, percent: int) -> None:
    exact = Decimal(whole) * Decimal(percent) / 100

    assert round_up(whole * (percent / 100)) == math.ceil(exact)
    assert round_down(whole * (percent / 100)) == math.floor(exact)
