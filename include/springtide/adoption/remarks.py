"""What an import has to say beside its documents: about which object, which field, which value, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from reprlib import Repr
from typing import Final


class Standing(StrEnum):
    """What becomes of something that was found, once the calendar is used."""

    NO_EQUAL = "no_equal"
    """springtide has nothing that does the same."""

    DIFFERS = "differs"
    """It is done in another way."""

    STAYS = "stays"
    """It goes on as it is: nothing was written for it."""

    TO_DO = "to_do"
    """Somebody has to do this when springtide takes over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing to know: `subject` is the object as people write it, `field` and `value` are as they stand in it."""

    standing: Standing
    subject: str
    field: str
    value: str
    advice: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.subject, self.field, self.value, self.advice) if part)

    def to_record(self) -> dict[str, str]:
        """Return the form for programs."""
        return {key: str(value) for key, value in asdict(self).items()}


ADVISE: Final = "advise"
"""The mode that proposed policies begin with: nobody has looked at them yet."""

ADVISES: Final = Remark(
    standing=Standing.TO_DO,
    subject="every policy",
    field="mode",
    value=ADVISE,
    advice="it plans and writes nothing to the cluster; write `mode: act` when `springtide report` convinces you",
)
"""What is left to do about each proposed policy."""


_BRIEFLY: Final = Repr()
"""For lists and mappings: an alias in a file can make them larger than any memory."""


def shortened(value: object, limit: int = 120) -> str:
    """Return `value` as one printable line of at most `limit` characters."""
    plain = _BRIEFLY.repr(value) if isinstance(value, (dict, list, tuple, set)) else str(value)
    text = "".join(letter if letter.isprintable() else " " for letter in plain)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
