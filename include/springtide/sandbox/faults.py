"""What may go wrong at a chosen API call: refused, lost, late, stale, denied, or the caller dies.

A plan is asked once for each call, in-process and over HTTP alike:

    world.faults = FaultPlan().at(Match(write=3), Fault(FaultKind.ANSWER_TIMEOUT))
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

from springtide.sandbox.history import Call

LossKind: TypeAlias = Literal["refused", "reset", "timeout"]


class FaultKind(StrEnum):
    """The faults. "before" means that the call is never applied, "after" that it is."""

    REFUSED = "refused"  # before: nobody listens
    RESET = "reset"  # before: the connection breaks
    TIMEOUT = "timeout"  # before: no answer within the client's timeout
    ANSWER_RESET = "answer_reset"  # after: the connection breaks
    ANSWER_TIMEOUT = "answer_timeout"  # after: no answer within the client's timeout
    STATUS = "status"  # before: answered with `status` (429 carries Retry-After)
    STATUS_AFTER = "status_after"  # after: answered with `status` although it took effect
    STALE = "stale"  # GET and LIST answer as of an older revision
    CRASH_BEFORE = "crash_before"  # the caller dies before it sends (in-process: `Crashed` is raised)
    CRASH_AFTER = "crash_after"  # the caller dies before it reads the answer
    PAUSE = "pause"  # the caller stands still: `meanwhile` runs, then the call goes on
    DROP_EVENTS = "drop_events"  # a watch never gets its next `events` changes
    GONE = "gone"  # a watch answers 410 at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault and its numbers."""

    kind: FaultKind = field(kw_only=False)
    status: int = 500
    retry_after: int = 1  # seconds, for 429
    behind: int = 1  # revisions that a stale read is behind; `seconds` wins where it is given
    seconds: float | None = None
    events: int = 1
    meanwhile: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which calls are meant: all that are given have to hold."""

    number: int | None = None
    write: int | None = None
    method: str | None = None
    path: str | None = None  # a regular expression that has to be found in the path
    who: str | None = None  # in the user agent or field manager

    def fits(self, call: Call) -> bool:
        """Return whether a call is meant."""
        return (
            self.number in {None, call.number}
            and self.write in {None, call.write}
            and self.method in {None, call.method}
            and (self.path is None or re.search(self.path, call.path) is not None)
            and (self.who is None or self.who in f"{call.user_agent} {call.manager}")
        )


@dataclass(kw_only=True)
class _Entry:
    match: Match
    fault: Fault
    skip: int
    times: int


@dataclass
class FaultPlan:
    """Faults in the order in which they are looked for; each is used up after `times` calls."""

    entries: list[_Entry] = field(default_factory=list)

    def at(self, match: Match, fault: Fault, *, skip: int = 0, times: int = 1) -> FaultPlan:
        """Add a fault for the calls that match, after the first `skip` of them; return the plan."""
        self.entries.append(_Entry(match=match, fault=fault, skip=skip, times=times))
        return self

    def look(self, call: Call) -> Fault | None:
        """Return the fault of a call, and use it up."""
        for entry in self.entries:
            if entry.times > 0 and entry.match.fits(call):
                if entry.skip > 0:
                    entry.skip -= 1
                    continue
                entry.times -= 1
                return entry.fault
        return None


class Lost(Exception):
    """There is no answer; how the client notices is its transport's business."""

    def __init__(self, kind: LossKind) -> None:
        super().__init__(kind)
        self.kind = kind


class Crashed(BaseException):
    """The caller is dead: nothing of it runs after this."""
