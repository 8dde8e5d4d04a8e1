"""Which services one task takes together: it looks at those of one namespace, and learns from those of like names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from springtide.errors import SpringtideError
from springtide.fleet.ports import Policies
from springtide.policy.language.setting_limits import number_setting
from springtide.settings import Settings

_LAST: Final = "\N{LATIN SMALL LETTER Y WITH DIAERESIS}"


@dataclass(frozen=True, slots=True)
class LookBounds:
    """How many services one task looks at, how many of them side by side, and for how many it asks Prometheus once."""

    chunk: int
    at_once: int
    together: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the environment asks for.

        Raises:
            InputError: a variable does not hold what it should (`limit_invalid`).
        """
        return cls(
            chunk=number_setting("look_chunk", settings.look_chunk, least=1, most=1000),
            at_once=number_setting("looks_at_once", settings.looks_at_once, least=1, most=64),
            together=number_setting("queries_together", settings.queries_together, least=1, most=1000),
        )


def learn_chunk(settings: Settings) -> int:
    """Return how many services one task learns from.

    Raises:
        InputError: the environment says no such number (`limit_invalid`).
    """
    # At most as many as Airflow keeps in one value of a task's state: it remembers which of them are learned.
    return number_setting("learn_chunk", settings.learn_chunk, least=1, most=500)


def chunks_of(policies: Policies, services: Iterable[str], size: int) -> list[list[str]]:
    """Return the services in chunks of at most `size`, by cluster and namespace; unreadable policies come last."""
    places = {service: _place(policies, service) for service in services}
    ordered = sorted(places, key=lambda service: (*places[service], service))
    return parts_of(ordered, size)


def parts_of(services: Sequence[str], size: int) -> list[list[str]]:
    """Return the services as they stand, in parts of at most `size`."""
    return [list(services[first : first + size]) for first in range(0, len(services), size)]


def title_of(services: Sequence[str]) -> str:
    """Return what people call a chunk: its first service, and how many more there are."""
    more = f" and {len(services) - 1} more" if len(services) > 1 else ""
    return f"{services[0]}{more}" if services else "none"


def span_of(services: Sequence[str]) -> str:
    """Return what people call a part of a sorted list: its first and its last service, and how many there are."""
    return f"{services[0]} to {services[-1]}, {len(services)} services" if len(services) > 1 else title_of(services)


def _place(policies: Policies, service: str) -> tuple[str, str]:
    try:
        target = policies.get(service).spec.target
    except SpringtideError:  # whoever looks at it says so
        return (_LAST, "")
    return (target.cluster or "", target.namespace)
