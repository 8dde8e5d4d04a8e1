"""How many writes a second go to one API server: from the environment."""

from __future__ import annotations

from typing import Final

from springtide.policy.language.setting_limits import number_setting
from springtide.settings import Settings

_LEAST: Final = 5
_MOST: Final = 1000


def writes_a_second(settings: Settings) -> int:
    """Return how many writes of one process go to one API server a second.

    Raises:
        InputError: the variable holds no number, or one out of its bounds (`limit_invalid`).
    """
    return number_setting("api_writes", settings.api_writes, least=_LEAST, most=_MOST, digits=4)
