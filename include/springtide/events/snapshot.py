"""The calendars of a folder, read so that a broken one never removes events that were known.

What was read last without an error is kept in a file beside Airflow's own, by the name of each calendar file. A file
with errors counts as it was then, and its errors are told. A calendar is removed by deleting its file while others
are there, or by emptying its lists: a folder that holds no calendar any more is taken for a mount that failed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from springtide.errors import PolicyError, Violation
from springtide.events.accounts import SourceAccount, summary_of
from springtide.events.calendars import Calendars, ExpandedCalendar
from springtide.policy.calendar.files import calendar_files, load_what_is_whole
from springtide.private_file import write_private
from springtide.settings import variable_name
from springtide.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

VERSION: Final = 1


@dataclass(frozen=True)
class CalendarSnapshot:
    """What is known of all calendars, by the names of their files, and what is wrong with the files now."""

    views: Mapping[str, ExpandedCalendar] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()
    absent: PurePath | None = None
    """The folder that nobody named and that is not there: no calendars, and nothing wrong."""

    @cached_property
    def calendars(self) -> Calendars:
        """All calendars together."""
        return Calendars(tuple(self.views.values()))

    @property
    def cache(self) -> dict[str, Any]:
        """What the next reading is to be told."""
        return {"version": VERSION, "calendars": {name: view.to_record() for name, view in self.views.items()}}

    @property
    def accounts(self) -> tuple[SourceAccount, ...]:
        """What became of every source; none of a calendar that is only remembered."""
        return tuple(account for view in self.views.values() for account in view.accounts)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should be looked at although nothing is broken, by source."""
        return tuple(warning for account in self.accounts for warning in account.warnings)

    @property
    def account(self) -> str | None:
        """What is left out and what has nothing ahead, in one line for a page; None where there is nothing to tell."""
        if self.absent is not None:
            return f"no calendars: {variable_name('calendars')} is not set, and there is no folder {self.absent}"
        if not any(account.left_out or account.warnings for account in self.accounts):
            return None
        return summary_of(self.accounts)

    @property
    def problem(self) -> str | None:
        """What is wrong, in one line for a page; None when nothing is."""
        if not self.violations:
            return None
        more = f", and {counted(len(self.violations) - 1, 'more error')}" if len(self.violations) > 1 else ""
        first = replace(self.violations[0], file=PurePath(self.violations[0].file).name)
        return f"BROKEN CALENDAR, events known before stay: {first}{more}"

    def raise_if_broken(self) -> None:
        """Raise what is wrong with the files.

        Raises:
            PolicyError: every error of every file, and every event of a feed that cannot be read.
        """
        if self.violations:
            raise PolicyError(self.violations)


def read_calendars(
    folder: Path,
    cached: Mapping[str, Any],
    *,
    now: datetime,
    services: Collection[str] | None = None,
    may_be_absent: bool = False,
) -> CalendarSnapshot:
    """Return what the calendars of `folder` hold; `cached` is what the last reading kept.

    `services` are the policies that there are; None where nobody knows. A folder that `may_be_absent` is one that
    nobody named: without it there are no calendars, unless some are remembered.
    """
    kept: Mapping[str, Any] = cached.get("calendars", {})
    if may_be_absent and not kept and _is_absent(folder):
        return CalendarSnapshot(absent=folder)
    try:
        paths = calendar_files(folder)
    except PolicyError as error:
        return _all_remembered(kept, folder, error.violations)
    if kept and not paths:
        message = "no calendar is here any more; events known before stay. To remove them, leave one without events"
        return _all_remembered(
            kept, folder, (Violation(code="policy_unreadable", message=message, field="file", file=str(folder)),)
        )
    views: dict[str, ExpandedCalendar] = {}
    violations: list[Violation] = []
    for path in paths:
        view, broken = _read_one(path, kept.get(path.name), now, services)
        violations += broken
        if view is not None:
            views[path.name] = view
    return CalendarSnapshot(views, tuple(violations))


def _is_absent(folder: Path) -> bool:
    try:
        return not folder.exists()
    except OSError:
        return False  # it cannot be looked at: its reader says why


def _all_remembered(records: Mapping[str, Any], folder: Path, violations: tuple[Violation, ...]) -> CalendarSnapshot:
    restored = {name: _restored(record, folder / name) for name, record in records.items()}
    views = {name: view for name, (view, _) in restored.items() if view is not None}
    return CalendarSnapshot(
        views, (*violations, *(violation for _, broken in restored.values() for violation in broken))
    )


def _restored(record: Mapping[str, Any] | None, path: Path) -> tuple[ExpandedCalendar | None, tuple[Violation, ...]]:
    """Return what was remembered of one calendar; where that cannot be used any more, why."""
    if record is None:
        return None, ()
    try:
        return ExpandedCalendar.from_record(record), ()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"what was remembered of it cannot be used any more ({type(error).__name__}): mend the calendar"
        return None, (Violation(code="policy_unreadable", message=message, field="file", file=str(path)),)


def _read_one(
    path: Path, record: Mapping[str, Any] | None, now: datetime, services: Collection[str] | None
) -> tuple[ExpandedCalendar | None, tuple[Violation, ...]]:
    """Return one calendar as far as it can be read, with what was known of the rest, and its errors.

    What was remembered is restored only where it is needed: of many events that takes longer than reading them.
    """
    loaded = load_what_is_whole(path, services=services)
    if loaded.calendar is None:
        kept, unusable = _restored(record, path)
        return kept, (*loaded.violations, *unusable)
    view = ExpandedCalendar.of(loaded.calendar, path.parent, now=now, remembered=(record or {}).get("remembered"))
    broken = [violation for account in view.accounts for violation in account.violations(str(path.parent))]
    if loaded.violations:
        kept, unusable = _restored(record, path)
        broken += unusable
        view = view if kept is None else view.with_what_is_missing(kept)
    return view, (*loaded.violations, *broken)


def load_cache(file: Path) -> dict[str, Any]:
    """Return what was kept in `file`; nothing where there is none, or none that this version understands."""
    try:
        cached = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return cached if isinstance(cached, dict) and cached.get("version") == VERSION else {}


def save_cache(file: Path, cached: Mapping[str, Any]) -> None:
    """Keep `cached` in `file`, whole or not at all; where it cannot be written, the next reading knows less."""
    text = json.dumps(cached)
    with suppress(OSError):
        if file.is_file() and file.read_text() == text:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        write_private(file, text)
