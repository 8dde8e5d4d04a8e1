"""How much REST takes: from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from springtide.quantities import whole_number
from springtide.settings import Settings, variable_name


@dataclass(frozen=True, slots=True, kw_only=True)
class WebLimits:
    """What one person may send in a minute, the bytes of a body, how long keys are remembered, and whose pages count.

    `hosts` are the names that requests may be for; any where it is empty.
    """

    requests: int = 1200
    writes: int = 60
    body_bytes: int = 65_536
    keys_kept: timedelta = timedelta(days=7)
    page_token: timedelta = timedelta(minutes=15)
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the environment asks for.

        Raises:
            InputError: a variable does not hold what it should (`limit_invalid`).
        """
        return cls(
            requests=_number("rest_requests", settings.rest_requests, 1, 1_000_000),
            writes=_number("rest_writes", settings.rest_writes, 1, 1_000_000),
            body_bytes=_number("rest_body", settings.rest_body, 1024, 10_485_760),
            keys_kept=timedelta(days=_number("rest_keys", settings.rest_keys, 1, 30)),
            page_token=timedelta(minutes=_number("page_token", settings.page_token, 1, 120)),
            hosts=frozenset(settings.rest_hosts.replace(",", " ").split()) if settings.rest_hosts else frozenset(),
        )


def _number(setting: str, text: str, least: int, most: int) -> int:
    return whole_number(variable_name(setting), text, least, most)
