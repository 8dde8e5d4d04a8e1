"""Each fact once to everybody who wants it, and nothing that goes wrong is anybody else's trouble."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from springtide.clock import ManualClock
from springtide.errors import TemporaryError
from springtide.notify.facts import Fact
from springtide.notify.telling import Channels, Delivery, Teller
from springtide.notify.words import Notice
from springtide.record.memory import MemoryStore
from springtide.record.notifications import TRIES, TRY_FOR, NotificationStore
from support.builders import NOW


class Spoken:
    """Channels that keep what they are given; `broken` ones take nothing."""

    def __init__(self, *names: str) -> None:
        self.names = names or ("chat",)
        self.broken: set[str] = set()
        self.heard: list[tuple[str, str]] = []
        self.error: Exception | None = None
        self.is_there = True

    def are_there(self) -> bool:
        return self.is_there

    def deliver(self, notice: Notice, *, but: Collection[str]) -> Delivery:
        if self.error is not None:
            raise self.error
        asked = [name for name in self.names if name not in but]
        self.heard += [(name, notice.title) for name in asked if name not in self.broken]
        reached = tuple(name for name in asked if name not in self.broken)
        return Delivery(reached=reached, missed=tuple(name for name in asked if name in self.broken))


def a_fact(number: int = 1, **values: Any) -> Fact:
    given = {"kind": "failed", "subject": f"web-{number}", "key": f"failed:{number}", "to": ("payments",)}
    return Fact(**(given | values))


class Stage:
    """A teller, what it speaks through, and what it remembers."""

    def __init__(self, *names: str) -> None:
        self.clock = ManualClock(NOW)
        self.channels = Spoken(*names)
        self.store = MemoryStore()

    def tell(self, *facts: Fact) -> list[str]:
        """Tell, as a process of its own; return what the log says."""
        with capture_logs() as logs:
            self.teller().tell(*facts)
        return [f"{entry['event']}: {entry.get('message', '')}" for entry in logs if entry["log_level"] == "warning"]

    def teller(self) -> Teller:
        return Teller(channels=self.channels, open_store=lambda: nullcontext(self.store), clock=self.clock)


def test_a_fact_is_told_once_however_often_and_by_whom_it_is_found() -> None:
    stage = Stage()

    assert [stage.tell(a_fact()) for _ in range(3)] == [[], [], []]

    assert stage.channels.heard == [("chat", "web-1: failed")]


def test_a_fact_that_nobody_wants_is_neither_told_nor_kept() -> None:
    stage = Stage()

    stage.tell(a_fact(to=()))

    assert stage.channels.heard == []
    assert stage.store.claim_notification("failed:1", {}, now=NOW) is not None


def test_what_could_not_be_sent_is_told_at_the_next_occasion_and_the_log_says_so() -> None:
    stage = Stage()
    stage.channels.broken = {"chat"}
    (line,) = stage.tell(a_fact())
    assert line == (
        "not_told: failed of web-1 was not told to everybody (chat), try 1 of 5: it is tried again at the next occasion"
    )

    stage.channels.broken = set()
    stage.tell()

    assert stage.channels.heard == [("chat", "web-1: failed")]


def test_only_the_channel_that_did_not_get_it_is_tried_again() -> None:
    stage = Stage("chat", "mail")
    stage.channels.broken = {"mail"}
    stage.tell(a_fact())

    stage.channels.broken = set()
    stage.tell()
    stage.tell()

    assert stage.channels.heard == [("chat", "web-1: failed"), ("mail", "web-1: failed")]


def test_it_is_given_up_after_so_many_tries_and_the_log_says_so() -> None:
    stage = Stage()
    stage.channels.broken = {"chat"}

    told = [stage.tell(a_fact()) for _ in range(TRIES + 1)]

    assert told[TRIES - 1][0].endswith("try 5 of 5: it is given up")
    assert told[TRIES] == []


def test_what_is_no_news_any_more_is_not_told_late() -> None:
    stage = Stage()
    stage.channels.broken = {"chat"}
    stage.tell(a_fact())

    stage.clock.sleep(TRY_FOR.total_seconds())
    stage.channels.broken = set()
    stage.tell()

    assert stage.channels.heard == []


def test_a_channel_that_does_not_answer_is_waited_for_once_and_not_for_each_fact() -> None:
    stage = Stage()
    stage.channels.error = TimeoutError()
    assert len(stage.tell(a_fact(1), a_fact(2), a_fact(3))) == 1

    stage.channels.error = None
    stage.tell()

    assert [title for _, title in stage.channels.heard] == ["web-1: failed", "web-2: failed", "web-3: failed"]


def test_the_words_of_a_foreign_error_are_not_repeated_for_they_may_hold_a_token() -> None:
    stage = Stage()
    stage.channels.error = RuntimeError("https://hooks.example/T0KEN")

    (line,) = stage.tell(a_fact())

    assert "sending failed: RuntimeError" in line
    assert "T0KEN" not in line


def _no_store() -> AbstractContextManager[NotificationStore]:
    raise TemporaryError("the store does not answer", code="store_unavailable")


def _defect() -> AbstractContextManager[NotificationStore]:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("open_store", "words"),
    [(_no_store, "notifications: the store does not answer"), (_defect, "notifications failed: ZeroDivisionError")],
)
def test_a_store_that_fails_costs_a_line_in_the_log(
    open_store: Callable[[], AbstractContextManager[NotificationStore]], words: str
) -> None:
    channels: Channels = Spoken()
    with capture_logs() as logs:
        Teller(channels=channels, open_store=open_store, clock=ManualClock(NOW)).tell(a_fact())

    assert [(entry["event"], entry["message"]) for entry in logs] == [("nobody_told", words)]


def test_without_any_channel_the_store_is_not_opened() -> None:
    channels = Spoken()
    channels.is_there = False

    with capture_logs() as logs:
        Teller(channels=channels, open_store=_defect, clock=ManualClock(NOW)).tell(a_fact())

    assert logs == []


def test_what_is_over_is_told_again_when_it_is_back() -> None:
    stage = Stage()
    stage.tell(a_fact(key="calendar_broken:sales.yaml"))
    stage.clock.sleep(timedelta(days=1).total_seconds())

    stage.teller().over("calendar_broken:")
    stage.tell(a_fact(key="calendar_broken:sales.yaml"))

    assert len(stage.channels.heard) == 2


def test_what_no_channel_is_for_is_said_in_the_log_and_holds_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    monkeypatch.setattr(stage.channels, "deliver", lambda *_, but: Delivery(is_for_nobody=not but))

    lines = stage.tell(a_fact(1), a_fact(2))

    assert lines == [f"for_nobody: failed of web-{n} is told to nobody: no URL has its tag" for n in (1, 2)]
    assert stage.store.waiting_notifications(now=NOW, limit=10) == ()
