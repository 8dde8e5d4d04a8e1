"""How many moments of one run are kept: from the environment."""

from __future__ import annotations

import re
from typing import Final

from springtide.errors import InputError
from springtide.settings import Settings, variable_name

_MOST: Final = 5000


def moments_kept(settings: Settings) -> int:
    """Return how many moments of one run are kept.

    Raises:
        InputError: the variable holds no number, or one out of its bounds (`limit_invalid`).
    """
    text = settings.run_moments
    if re.fullmatch(r"[0-9]{1,4}", text) and int(text) <= _MOST:
        return int(text)
    name = variable_name("run_moments")
    message = f"{name}: {text[:60]!r} is not a whole number from 0 to {_MOST}."
    raise InputError(message, code="limit_invalid", field=name)
