"""Services that are paused: no sweep and no event starts their runs until somebody resumes them, or the time is up.

open        nobody has resumed it, and `until` is not over
over        it was resumed, or its time is up; it stays, for a failure from before it counts no more

A service has one open pause at most. A person's takes the place of the one before it; springtide's own never does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from springtide.stored import Stored

BY_SPRINGTIDE: Final = "springtide"
"""Who pauses a service whose runs fail with the same words again and again. No person can have this name here."""

PAUSES_KEPT: Final = 20
"""How many pauses of one service that are over are kept beside the open one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Stored):
    """The service, by its policy's name, is paused from `at` on, `by` whom and why; `until` None: until it is resumed.

    `cluster` and `namespace` say where it runs. `ended_at` and `ended_by` say who took it back; None while nobody has.
    """

    service: str
    at: datetime
    by: str
    reason: str
    until: datetime | None = None
    cluster: str = ""
    namespace: str = ""
    ended_at: datetime | None = None
    ended_by: str | None = None

    @property
    def is_by_springtide(self) -> bool:
        """Whether no person has paused it."""
        return self.by == BY_SPRINGTIDE

    def is_open(self, now: datetime) -> bool:
        """Say whether it holds at `now`."""
        return self.ended_at is None and (self.until is None or now < self.until)

    def over_since(self, now: datetime) -> datetime | None:
        """Return since when it is over; None while it holds."""
        if self.ended_at is not None:
            return self.ended_at
        return None if self.is_open(now) else self.until

    def ended(self, *, by: str, now: datetime) -> Pause:
        """Return it as somebody has taken it back."""
        return replace(self, ended_at=now, ended_by=by)

    def __str__(self) -> str:
        end = "until somebody resumes it" if self.until is None else f"until {self.until:%Y-%m-%d %H:%M} UTC"
        return f"{self.service} is paused by {self.by} since {self.at:%Y-%m-%d %H:%M} UTC, {end}: {self.reason}"


class PauseStore(Protocol):
    """Keeps pauses. Every method raises `TemporaryError` (code `store_unavailable`) where it does not answer."""

    def pause(self, pause: Pause) -> Pause:
        """Keep `pause`, and return the one that holds from `pause.at` on: see `standing`."""
        ...

    def resume(self, service: str, *, by: str, now: datetime) -> Pause | None:
        """Take the open pause of the service back, and return it as it ended; None where there is none."""
        ...

    def pauses(self, services: Collection[str] | None = None, *, now: datetime) -> Mapping[str, Pause]:
        """Return the pause of each of `services` that is open at `now`; of every service, without them."""
        ...

    def latest_pauses(self, service: str) -> tuple[Pause, ...]:
        """Return the pauses of the service, open or over, newest first; `PAUSES_KEPT` of them, and the open one."""
        ...


def standing(present: Pause | None, new: Pause) -> tuple[Pause, Pause | None]:
    """Return which of the open one that is `present` and the `new` one holds, and what has to be kept of the other.

    springtide's own takes the place of none: the words of the person, or of the failure before it, stay.
    """
    if present is None:
        return new, None
    if new.is_by_springtide:
        return present, None
    return new, present.ended(by=new.by, now=new.at)


def open_by_service(pauses: Iterable[Pause], services: Collection[str] | None, now: datetime) -> dict[str, Pause]:
    """Return the open ones of `pauses` by their service; of every service where `services` is None."""
    wanted = None if services is None else frozenset(services)
    return {
        pause.service: pause
        for pause in sorted(pauses, key=lambda each: each.at)
        if pause.is_open(now) and (wanted is None or pause.service in wanted)
    }
