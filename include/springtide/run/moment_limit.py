"""How many moments of one run are kept: from the environment."""

from __future__ import annotations

from typing import Final

from springtide.policy.language.setting_limits import number_setting
from springtide.settings import Settings

_MOST: Final = 5000


def moments_kept(settings: Settings) -> int:
    """Return how many moments of one run are kept.

    Raises:
        InputError: the variable holds no number, or one out of its bounds (`limit_invalid`).
    """
    return number_setting("run_moments", settings.run_moments, least=0, most=_MOST, digits=4)
