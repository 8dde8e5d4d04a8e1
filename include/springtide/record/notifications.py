"""What people were told: each fact once, whoever knows it, and again later where it could not be sent.

known       somebody found out, and nobody has told it yet
claimed     one process is sending it: no other does, until the claim lapses
waiting     it could not be sent to everybody: the next occasion tries again, as long as it is news
over        everybody has it, or it is given up
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from springtide.stored import Stored

CLAIM_FOR: Final = timedelta(minutes=2)
"""How long whoever claimed a notification has to send it: several times what sending may take. Then its process is
taken for dead, and another may try."""

TRIES: Final = 5
"""How often one notification is tried: a channel that refuses five times will refuse the sixth."""

TRY_FOR: Final = timedelta(hours=6)
"""How long a notification that could not be sent is news."""

KEPT_FOR: Final = timedelta(days=90)
"""How long it is remembered that something was told; the same told after that is a reminder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification(Stored):
    """One fact that people are told. `reached` are the ids of the channels that have it; `is_over`: nothing is left."""

    key: str
    fact: Mapping[str, Any]
    known_at: datetime
    tries: int = 0
    claimed_until: datetime | None = None
    reached: tuple[str, ...] = ()
    is_over: bool = False

    @property
    def may_be_tried_again(self) -> bool:
        """Whether a try is left."""
        return self.tries < TRIES

    def is_waiting(self, now: datetime) -> bool:
        """Say whether somebody may claim it."""
        is_claimed = self.claimed_until is not None and now < self.claimed_until
        return not (self.is_over or is_claimed) and now < self.known_at + TRY_FOR and self.may_be_tried_again

    def claimed(self, now: datetime) -> Notification:
        """Return it in the hands of somebody who sends it now."""
        return replace(self, claimed_until=now + CLAIM_FOR, tries=self.tries + 1)

    def untried(self) -> Notification:
        """Return it as it was before it was claimed."""
        return replace(self, claimed_until=None, tries=self.tries - 1)

    def settled(self, reached: Collection[str], *, is_whole: bool) -> Notification:
        """Return it after a try that got it to the channels `reached`; `is_whole`: to all that are to have it."""
        everybody = tuple(sorted({*self.reached, *reached}))
        return replace(self, claimed_until=None, reached=everybody, is_over=is_whole or not self.may_be_tried_again)


def claim_of(kept: Notification | None, key: str, fact: Mapping[str, Any], now: datetime) -> Notification | None:
    """Return the claim on the notification of `key`, None where it is another's or over; `kept` is what is stored."""
    known = kept or Notification(key=key, fact=dict(fact), known_at=now)
    return known.claimed(now) if known.is_waiting(now) else None


class NotificationStore(Protocol):
    """Keeps notifications. Every method raises `TemporaryError` (code `store_unavailable`) where it does not answer."""

    def claim_notification(self, key: str, fact: Mapping[str, Any], *, now: datetime) -> Notification | None:
        """Return the notification of `key` for the caller to send and settle; of several callers one gets it.

        None where it was told, was given up, or is in another's hands. What is older than `KEPT_FOR` is forgotten.
        """
        ...

    def settle_notification(self, notification: Notification) -> None:
        """Keep what became of a notification that was claimed."""
        ...

    def waiting_notifications(self, *, now: datetime, limit: int) -> tuple[Notification, ...]:
        """Return those that could not be sent and may be tried again, oldest first."""
        ...

    def forget_notifications(self, prefix: str, *, but: Collection[str] = ()) -> None:
        """Forget those whose key begins with `prefix`, `but` these: what they told is over, and would be news again."""
        ...
