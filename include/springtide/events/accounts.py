"""What became of everything that a calendar's sources hold: nothing is left out without a word. Pure.

It says so for people in one line each:

    matches (feeds/matches.ics): 12 events, 9 counted, 3 left out: 2 cancelled (Cup, League), 1 without a match …
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from springtide.errors import Violation
from springtide.wording import counted

CANCELLED: Final = "cancelled"
UNREADABLE: Final = "unreadable"
NO_MATCH: Final = "without a match"
NO_LENGTH: Final = "lasting no time"
REPLACED: Final = "replaced by a newer one"
FAR_AWAY: Final = "not within 400 days"

MOST_TOLD: Final = 50
"""How many findings of one source are told; the rest are a number."""

_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """Something odd about one event of a source, and what to do about it. An error is an event that is left out."""

    message: str
    file: str
    line: int | None = None
    uid: str | None = None
    is_error: bool = False

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        who = "" if self.uid is None else f"UID {self.uid[:80]}: "
        return f"{where}: {who}{self.message}"

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return {
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "uid": self.uid,
            "is_error": self.is_error,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAccount:
    """What one source of a calendar holds, and what became of it."""

    calendar: str
    kind: str
    """The list of the calendar that it stands in: `events`, `imports`, `holidays`, `freezes`, `freeze_imports`."""

    name: str
    file: str
    """Where its events stand: the calendar's file, or the feed's below the calendar's folder."""

    in_file: int
    """How many events it holds; of holidays, how many there are."""

    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Why, and which: reason → what people call them."""

    ahead: int = 0
    """How many times its events take place from now on."""

    following: datetime | None = None
    """When the next of them begins, or has begun and goes on."""

    findings: tuple[Oddity, ...] = ()

    teaches: bool = False
    """Whether it is an event of a `kind`: what is over teaches the next ones their shape, so it may be past."""

    @property
    def counted(self) -> int:
        """How many of its events count."""
        return self.in_file - sum(map(len, self.left_out.values()))

    @property
    def errors(self) -> tuple[Oddity, ...]:
        """What is left out although somebody may have meant it."""
        return tuple(finding for finding in self.findings if finding.is_error)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should be looked at although nothing is broken; a source without anything ahead is one."""
        warnings = [str(finding) for finding in self.findings if not finding.is_error]
        if len(warnings) > MOST_TOLD:
            warnings = [
                *warnings[:MOST_TOLD],
                f"{self.file}: {_more_oddities(len(warnings) - MOST_TOLD)}",
            ]
        return (f"{self}: nothing is ahead", *warnings) if self.is_idle else tuple(warnings)

    @property
    def is_idle(self) -> bool:
        """Whether nothing of it is ahead, although nothing learns from what was."""
        return not self.ahead and not self.teaches

    def __str__(self) -> str:
        """Return its line for people."""
        left_out = sum(map(len, self.left_out.values()))
        events = counted(self.in_file, "event")
        text = f"{self.name} ({self.file}): {events}, {self.counted} counted, {left_out} left out"
        reasons = [f"{len(names)} {why} ({_named(names)})" for why, names in self.left_out.items()]
        return f"{text}: {', '.join(reasons)}" if reasons else text

    def violations(self, folder: str) -> tuple[Violation, ...]:
        """Return its errors as those of a file below `folder`."""
        place = f"spec.{self.kind}.{self.name}"
        violations = [
            Violation(
                code="event_unreadable",
                message=_with_uid(error),
                field=place,
                file=f"{folder}/{error.file}",
                line=error.line,
            )
            for error in self.errors
        ]
        if len(violations) > MOST_TOLD:
            more = f"{len(violations) - MOST_TOLD} more of its events cannot be read"
            violations = [
                *violations[:MOST_TOLD],
                Violation(code="event_unreadable", message=more, field=place, file=f"{folder}/{self.file}"),
            ]
        return tuple(violations)

    def doubts(self, folder: str) -> tuple[Violation, ...]:
        """Return what its owner should look at, as warnings about files below `folder`; its errors are `violations`.

        A source without anything ahead is one, for a year is soon mistyped. A freeze that is over is none, nor is an
        event of a `kind`: calendars keep what teaches.
        """
        place = f"spec.{self.kind}.{self.name}"
        findings = [finding for finding in self.findings if not finding.is_error]
        doubts = [
            Violation(
                code="event_doubtful",
                message=_with_uid(finding),
                field=place,
                file=f"{folder}/{finding.file}",
                line=finding.line,
            )
            for finding in findings[:MOST_TOLD]
        ]
        file = f"{folder}/{self.file}"
        if len(findings) > MOST_TOLD:
            more = _more_oddities(len(findings) - MOST_TOLD)
            doubts.append(Violation(code="event_doubtful", message=more, field=place, file=file))
        if self.is_idle and self.kind != "freezes":
            idle = f"{self}: nothing is ahead"
            if self.kind == "events":
                idle += "; correct its date, remove it, or give it the kind of the events that learn from it"
            doubts.append(Violation(code="source_idle", message=idle, field=place, file=file))
        return tuple(doubts)

    def to_record(self) -> dict[str, Any]:
        """Return the form that `--output json` and Airflow show: JSON types only."""
        return {
            "calendar": self.calendar,
            "kind": self.kind,
            "name": self.name,
            "file": self.file,
            "in_file": self.in_file,
            "counted": self.counted,
            "left_out": {why: list(names) for why, names in self.left_out.items()},
            "ahead": self.ahead,
            "next": None if self.following is None else self.following.isoformat(),
            "findings": [finding.to_record() for finding in self.findings[:MOST_TOLD]],
        }


def _with_uid(finding: Oddity) -> str:
    return finding.message if finding.uid is None else f"UID {finding.uid[:80]}: {finding.message}"


def _named(names: tuple[str, ...]) -> str:
    different = list(dict.fromkeys(names))
    listed = ", ".join(different[:_MOST_NAMED])
    return listed if len(different) <= _MOST_NAMED else f"{listed} and {len(different) - _MOST_NAMED} more"


def _more_oddities(number: int) -> str:
    return f"{counted(number, 'more oddity', 'more oddities')} of its events"


def summary_of(accounts: Iterable[SourceAccount]) -> str:
    """Return what became of all sources, in one line for a page."""
    every = [account for account in accounts if account.kind not in {"freezes", "freeze_imports"}]
    left_out = sum(account.in_file - account.counted for account in every)
    parts = [f"{counted(sum(account.in_file for account in every), 'event')} of {counted(len(every), 'source')}"]
    if left_out:
        parts.append(f"{left_out} left out")
    idle = [account.name for account in every if not account.ahead]
    if idle:
        parts.append(f"nothing ahead in {_named(tuple(idle))}")
    return ", ".join(parts)
