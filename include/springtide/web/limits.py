"""How much REST takes: from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from springtide.policy.language.setting_limits import number_setting
from springtide.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class WebLimits:
    """What one person may send in a minute, the bytes of a body, how long keys are remembered, and whose pages count.

    `at_once` is how many requests of everybody are worked on at a time.

    `hosts` are the names that requests may be for; any where it is empty.
    """

    requests: int = 1200
    writes: int = 60
    at_once: int = 8
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
            requests=number_setting("rest_requests", settings.rest_requests, least=1, most=1_000_000),
            writes=number_setting("rest_writes", settings.rest_writes, least=1, most=1_000_000),
            at_once=number_setting("rest_at_once", settings.rest_at_once, least=1, most=40),
            body_bytes=number_setting("rest_body", settings.rest_body, least=1024, most=10_485_760),
            keys_kept=timedelta(days=number_setting("rest_keys", settings.rest_keys, least=1, most=30)),
            page_token=timedelta(minutes=number_setting("page_token", settings.page_token, least=1, most=120)),
            hosts=frozenset(settings.rest_hosts.replace(",", " ").split()) if settings.rest_hosts else frozenset(),
        )
