"""When everything is due, as it was read from the calendars: what travels to whoever starts the runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from springtide.events.schedule import ScheduledPreparation, next_preparation
from springtide.fleet.calendars import CalendarFolder
from springtide.wording import counted

MOST_KEPT: Final = 2000
"""Preparations that are kept, the nearest to now: in Airflow every scheduler loop reads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPreparations:
    """The preparations, in the order in which they are due.

    `problem` says what is wrong with the calendars, `account` what was left out of them.
    """

    preparations: tuple[ScheduledPreparation, ...] = ()
    problem: str | None = None
    account: str | None = None

    @classmethod
    def read(cls, folder: CalendarFolder, now: datetime) -> KnownPreparations:
        """Return what is due by the calendars of `folder`, and remember it there."""
        preparations, snapshot = folder.due(now, most=MOST_KEPT)
        return cls(preparations=preparations, problem=snapshot.problem, account=snapshot.account)

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        firings = [preparation.to_record() for preparation in self.preparations]
        return {"firings": firings, "problem": self.problem, "account": self.account}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> KnownPreparations:
        """Return what `to_record` stored."""
        preparations = tuple(map(ScheduledPreparation.from_record, record["firings"]))
        return cls(preparations=preparations, problem=record["problem"], account=record.get("account"))

    @property
    def summary(self) -> str:
        """How many events are known and what is left out, or what is wrong."""
        if self.problem:
            return self.problem
        known = counted(len(self.preparations), "event is known", "events are known")
        return known if self.account is None else f"{known}; {self.account}"

    def following(
        self,
        *,
        after: datetime | None,
        earliest: datetime | None,
        latest: datetime | None,
        not_over_at: datetime | None,
    ) -> ScheduledPreparation | None:
        """Return the first that is due later than `after`, and from `earliest` to `latest`; None when there is none.

        With `not_over_at`, only what is still useful then: a missed one is due while its events last.
        """
        allowed = tuple(due for due in self.preparations if earliest is None or due.at >= earliest)
        preparation = next_preparation(allowed, after=after, not_over_at=not_over_at)
        return None if preparation is None or (latest is not None and preparation.at > latest) else preparation


def interval_of(preparation: ScheduledPreparation) -> tuple[datetime, datetime]:
    """Return from when to when a preparation is; what is prepared late ends where it starts, and never before."""
    return preparation.at, max(preparation.start, preparation.at)
