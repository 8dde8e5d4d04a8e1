"""How long the pages of judged days are kept: so many days before the newest."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Final

PAGES_KEPT: Final = timedelta(days=30)
"""How long a page is kept unless somebody says otherwise."""


def forget_pages(days: Path, kept: timedelta) -> None:
    """Remove from the folder `days`, which has one folder a day, those that are `kept` days older than the newest."""
    folders = dict(_dated(days))
    oldest = max(folders, default=date.min + kept) - kept
    for day, folder in folders.items():
        if day <= oldest:
            shutil.rmtree(folder, ignore_errors=True)  # a page too many harms nobody: the next day tries again


def _dated(days: Path) -> Iterator[tuple[date, Path]]:
    """Yield the folders that are called as a day; what else lies there is nobody's to remove."""
    for folder in days.glob("*"):
        with suppress(ValueError):
            yield date.fromisoformat(folder.name), folder
