"""What pods ask for and may use, as exact numbers: for quotas and for fitting pods on the node."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache

from springtide.quantities import parse_quantity
from springtide.sandbox.objects import Json

_MEBI = 1024**2


@lru_cache(maxsize=4096)
def parse(amount: str | float) -> Decimal:
    """Return the number that a quantity means; a manifest may hold it as a number, too.

    Raises:
        InputError: it is no quantity.
    """
    return parse_quantity(str(amount))


def show(resource: str, amount: Decimal) -> str:
    """Return a quantity as the API prints it: cores in milli where they are not whole, memory in Mi where it fits."""
    if amount != amount.to_integral_value():
        return f"{int(amount * 1000)}m"
    mebi, rest = divmod(int(amount), _MEBI)
    return f"{mebi}Mi" if "memory" in resource and mebi and not rest else str(int(amount))


def pod_resources(pod_spec: Json, side: str) -> dict[str, Decimal]:
    """Return the sum over the containers of `requests` or `limits`."""
    return total(
        {name: parse(amount) for name, amount in (container.get("resources", {}).get(side) or {}).items()}
        for container in pod_spec.get("containers", ())
    )


def total(parts: Iterable[dict[str, Decimal]]) -> dict[str, Decimal]:
    """Return the sum by name."""
    result: dict[str, Decimal] = {}
    for part in parts:
        for name, amount in part.items():
            result[name] = result.get(name, Decimal(0)) + amount
    return result
