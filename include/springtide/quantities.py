"""Kubernetes quantities ("100m", "1.5", "2Gi") as exact numbers, and rounding that float noise cannot move."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from springtide.errors import InputError

_QUANTITY = re.compile(
    r"([+-]?)(\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:([num]|[kMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,3}))?", re.ASCII
)
_FACTORS = {
    **{
        suffix: Decimal(10) ** power
        for suffix, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
    },
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}
# What sums of floats may be off by, of the number and at most: a millionth of a pod means nothing.
_NOISE = 1e-9
_MOST_NOISE = 1e-6


def parse_quantity(text: str) -> Decimal:
    """Return the number that a Kubernetes quantity stands for, exactly: "100m" is 0.1, "2Ki" is 2048, "1e3" is 1000.

    The grammar is that of `k8s.io/apimachinery/pkg/api/resource`.

    Raises:
        InputError: `text` is not a valid quantity (`quantity_invalid`).
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise InputError(
            f"{text[:40]!a} is not a valid quantity: write a number with at most one suffix, "
            "such as 100m, 0.5, 2 or 1Gi.",
            code="quantity_invalid",
        )
    sign, digits, suffix, exponent = match.groups()
    number = Decimal(f"{sign}{digits}")
    if exponent is not None:
        return number.scaleb(int(exponent))
    return number * _FACTORS[suffix] if suffix else number


def format_milli(amount: Decimal | float) -> str:
    """Return `amount` in thousandths, as Kubernetes writes CPU: 0.16 is "160m". Rounded to a millionth."""
    return f"{float(amount) * 1000:.3f}".rstrip("0").rstrip(".") + "m"


def round_up(number: float) -> int:
    """Return the smallest whole number that is not below `number`, but 3 for 3.0000000001: that is float noise."""
    return math.ceil(number - _noise(number))


def round_down(number: float) -> int:
    """Return the largest whole number that is not above `number`, but 3 for 2.9999999999: that is float noise."""
    return math.floor(number + _noise(number))


def _noise(number: float) -> float:
    return min(_NOISE * max(1.0, abs(number)), _MOST_NOISE)
