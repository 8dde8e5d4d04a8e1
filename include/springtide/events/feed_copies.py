"""The copies of feeds that were fetched: what is kept beside each, and since when one could not be refreshed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

STALE: Final = timedelta(days=2)
"""After how long a copy that nobody could refresh is told of."""


def beside(copy: Path) -> Path:
    """Return the file that says what was fetched when."""
    return copy.with_name(f"{copy.name}.fetched.json")


def stale_since(copy: Path, now: datetime) -> datetime | None:
    """Return when `copy` was last known to be fresh, where that is too long ago; None where it is not, or never was."""
    try:
        at = datetime.fromisoformat(json.loads(beside(copy).read_text())["at"])
        return at if now - at > STALE else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
