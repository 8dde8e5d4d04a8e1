"""How many runs one round ends at once, and when a living run counts as stalled: from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from springtide.policy.language.setting_limits import duration_setting, number_setting
from springtide.settings import Settings

MOST_AT_ONCE: Final = 64
"""Threads of one round. Each asks the API server every two seconds at least; more would be felt there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundLimits:
    """`at_once` runs are ended side by side; a living run whose Lease stands still for `stalled_after` is told."""

    at_once: int = 16
    stalled_after: timedelta = timedelta(minutes=5)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the environment asks for.

        Raises:
            InputError: a variable does not hold what it should (`limit_invalid`).
        """
        return cls(
            at_once=number_setting("reconcile_runs", settings.reconcile_runs, least=1, most=MOST_AT_ONCE, digits=3),
            stalled_after=_stalled_after(settings),
        )


def _stalled_after(settings: Settings) -> timedelta:
    return duration_setting("stalled_after", settings.stalled_after, shortest="1m", longest="1d", example="5m")
