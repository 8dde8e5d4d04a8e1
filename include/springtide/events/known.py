"""The calendars of a folder, read so that a broken one never removes events that were known.

What was read last without an error is kept in a file beside Airflow's own, by the name of each calendar file. A file
with errors counts as it was then, and its errors are told. A calendar is removed by deleting its file while others
are there, or by emptying its lists: a folder that holds no calendar any more is taken for a mount that failed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from springtide.errors import PolicyError, Violation
from springtide.events.almanac import Almanac, View
from springtide.policy.calendars import calendar_files, load_calendar

if TYPE_CHECKING:
    from pathlib import Path

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of all calendars, and what is wrong with their files now. `memory` is for the next reading."""

    almanac: Almanac
    violations: tuple[Violation, ...] = ()
    memory: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trouble(self) -> str | None:
        """What is wrong, in one line for a page; None when nothing is."""
        if not self.violations:
            return None
        more = f", and {len(self.violations) - 1} more errors" if len(self.violations) > 1 else ""
        first = replace(self.violations[0], file=PurePath(self.violations[0].file).name)
        return f"BROKEN CALENDAR, events known before stay: {first}{more}"

    def raise_if_broken(self) -> None:
        """Raise what is wrong with the files.

        Raises:
            PolicyError: every error of every file.
        """
        if self.violations:
            raise PolicyError(self.violations)


def read_calendars(
    folder: Path, memory: Mapping[str, Any], *, now: datetime, services: Collection[str] | None = None
) -> Known:
    """Return what the calendars of `folder` hold; `memory` is what the last reading kept.

    `services` are the policies that there are; None where nobody knows.
    """
    kept: dict[str, Any] = dict(memory.get("calendars", {}))
    try:
        paths = calendar_files(folder)
    except PolicyError as error:
        return _known(kept, kept, error.violations)
    if kept and not paths:
        message = "no calendar is here any more; events known before stay. To remove them, leave one without events"
        return _known(
            kept, kept, (Violation(code="policy_unreadable", message=message, field="file", file=str(folder)),)
        )
    views: dict[str, Any] = {}
    violations: list[Violation] = []
    for path in paths:
        try:
            calendar = load_calendar(path, services=services)
            views[path.name] = View.of(calendar, path.parent, now=now).to_record()
        except PolicyError as error:
            violations += error.violations
        except (OSError, ValueError) as error:
            violations.append(
                Violation(
                    code="policy_unreadable", message=f"an import cannot be read: {error}", field="file", file=str(path)
                )
            )
        if path.name not in views and path.name in kept:
            views[path.name] = kept[path.name]
    return _known(views, views, tuple(violations))


def _known(views: Mapping[str, Any], memory: Mapping[str, Any], violations: tuple[Violation, ...]) -> Known:
    almanac = Almanac(tuple(View.from_record(view) for view in views.values()))
    return Known(almanac, violations, {"version": VERSION, "calendars": dict(memory)})


def load_memory(file: Path) -> dict[str, Any]:
    """Return what was kept in `file`; nothing where there is none, or none that this version understands."""
    try:
        memory = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return memory if isinstance(memory, dict) and memory.get("version") == VERSION else {}


def save_memory(file: Path, memory: Mapping[str, Any]) -> None:
    """Keep `memory` in `file`, whole or not at all; where it cannot be written, the next reading knows less."""
    text = json.dumps(memory)
    with suppress(OSError):
        if file.is_file() and file.read_text() == text:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f"{file.name}.{os.getpid()}")
        new.write_text(text)
        new.replace(file)
