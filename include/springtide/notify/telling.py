"""Telling: each fact once, to whoever wants it. It never raises, and it never waits longer than a channel may take.

A run's work is done when it is told of: nothing that goes wrong here may fail it. What could not be sent is kept, and
is tried again at the next occasion: whenever anything else is told, and at every round of `reconcile_runs`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from springtide.clock import Clock
from springtide.errors import SpringtideError
from springtide.notify.facts import Fact
from springtide.notify.words import Notice, notice_of
from springtide.record.notifications import TRIES, Notification, NotificationStore

log = structlog.get_logger(__name__)

AT_ONCE: Final = 10
"""How many notifications that could not be sent before are tried again at one occasion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of one try: ids of the channels that took it, and in words what else happened.

    `is_for_nobody`: no channel is for those that the notice is for, so there is nothing to try again.
    """

    reached: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    is_for_nobody: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether everybody has it."""
        return not self.missed


class Channels(Protocol):
    """Ways to people."""

    def are_there(self) -> bool:
        """Say whether there is any way to anybody; may raise."""
        ...

    def deliver(self, notice: Notice, *, but: Collection[str]) -> Delivery:
        """Send `notice` to the channels that fit, `but` those that have it; bounded in time, and may raise."""
        ...


class Tells(Protocol):
    """Whoever tells facts; neither call raises anything."""

    def tell(self, *facts: Fact) -> None:
        """Tell `facts` that were not told yet."""
        ...

    def over(self, prefix: str, *, but: Iterable[str] = ()) -> None:
        """Note that the facts whose key begins with `prefix` are over, `but` these."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Tells facts. `open_store` opens where it is kept what was told."""

    channels: Channels
    open_store: Callable[[], AbstractContextManager[NotificationStore]]
    clock: Clock

    def tell(self, *facts: Fact) -> None:
        """Tell `facts` that were not told yet, then try what could not be sent before."""
        self._carefully(lambda store: self._tell(store, facts))

    def over(self, prefix: str, *, but: Iterable[str] = ()) -> None:
        """Note that the facts whose key begins with `prefix` are over, `but` these: when they are back, it is news."""
        self._carefully(lambda store: store.forget_notifications(prefix, but=tuple(but)))

    def _carefully(self, work: Callable[[NotificationStore], None]) -> None:
        try:
            if self.channels.are_there():
                with self.open_store() as store:
                    work(store)
        except Exception as error:  # noqa: BLE001  a channel's library may raise anything, and the run goes on
            log.warning("nobody_told", message=_sentence("notifications", error))

    def _tell(self, store: NotificationStore, facts: Iterable[Fact]) -> None:
        is_answered = True
        for fact in facts:
            if fact.to:
                is_answered = self._try(store, fact.key, fact, is_answered=is_answered)
        if not is_answered:
            return  # what hangs once would hang again for each that waits
        for waiting in store.waiting_notifications(now=self.clock.now(), limit=AT_ONCE):
            if not self._try(store, waiting.key, Fact.from_record(waiting.fact), is_answered=True):
                return

    def _try(self, store: NotificationStore, key: str, fact: Fact, *, is_answered: bool) -> bool:
        """Send one fact unless it was told; return whether the next may be tried as well."""
        claim = store.claim_notification(key, fact.to_record(), now=self.clock.now())
        if claim is None:
            return is_answered
        if not is_answered:
            store.settle_notification(claim.untried())
            return False
        delivery = self._deliver(fact, claim)
        settled = claim.settled(delivery.reached, is_whole=delivery.is_whole)
        store.settle_notification(settled)
        if delivery.is_for_nobody:
            log.warning(
                "for_nobody", key=key, message=f"{fact.kind} of {fact.subject} is told to nobody: no URL has its tag"
            )
        elif delivery.is_whole:
            log.info("told", kind=fact.kind, key=key, to=list(fact.to))
        else:
            _tell_missed(fact, settled, delivery)
        return delivery.is_whole

    def _deliver(self, fact: Fact, claim: Notification) -> Delivery:
        try:
            return self.channels.deliver(notice_of(fact), but=claim.reached)
        except Exception as error:  # noqa: BLE001  the same
            return Delivery(missed=(_sentence("sending", error),))


def _tell_missed(fact: Fact, settled: Notification, delivery: Delivery) -> None:
    later = "it is given up" if settled.is_over else "it is tried again at the next occasion"
    missed = "; ".join(delivery.missed)
    message = f"{fact.kind} of {fact.subject} was not told to everybody ({missed}), try {settled.tries} of {TRIES}: "
    log.warning("not_told", key=fact.key, to=list(fact.to), message=message + later)


def _sentence(what: str, error: Exception) -> str:
    """Return what went wrong, without the words of foreign errors: they may hold a URL, and URLs hold tokens."""
    if isinstance(error, SpringtideError):
        return f"{what}: {error.message}"
    return f"{what} failed: {type(error).__name__}"
