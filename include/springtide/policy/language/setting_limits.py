"""Settings that are durations or numbers within bounds: read the same way, and refused in the same words."""

from __future__ import annotations

import re
from datetime import timedelta

from springtide.errors import InputError
from springtide.policy.language.units import Duration
from springtide.settings import variable_name


def duration_setting(setting: str, text: str, *, shortest: str, longest: str, example: str) -> timedelta:
    """Return the duration that the field `setting` of the settings holds as `text`.

    Raises:
        InputError: it is none, or out of bounds (`limit_invalid`).
    """
    try:
        length = Duration(text) if re.fullmatch(Duration.pattern, text) else None
    except ValueError:  # it is longer than any duration may be
        length = None
    if length is not None and Duration(shortest) <= length <= Duration(longest):
        return length
    raise _invalid(setting, text, f"a duration from {shortest} to {longest}, such as {example}")


def number_setting(setting: str, text: str, *, least: int, most: int, digits: int = 9) -> int:
    """Return the whole number, of at most so many `digits`, that the field `setting` of the settings holds as `text`.

    Raises:
        InputError: it is none, or out of bounds (`limit_invalid`).
    """
    if re.fullmatch(rf"[0-9]{{1,{digits}}}", text) and least <= int(text) <= most:
        return int(text)
    raise _invalid(setting, text, f"a whole number from {least} to {most}")


def _invalid(setting: str, text: str, allowed: str) -> InputError:
    name = variable_name(setting)
    return InputError(f"{name}: {text[:60]!r} is not {allowed}.", code="limit_invalid", field=name)
