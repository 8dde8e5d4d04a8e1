"""Reads the demand of many services by few requests: what each would ask is asked for along with the first of them.

Nothing else changes. Only who would ask the same server for the same points of time is asked for together, each gets
the very series that it would have got, and judges it by itself. Whatever is not plainly good is asked alone, as if
nobody had asked before: a query that might reach out of its parentheses, more than one series, a histogram, and all
that were together in a request that failed. One that was refused is halved, until it shows which query it was.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Event, Lock
from typing import Any, Final, TypeVar

from springtide.clock import Clock
from springtide.demand.asking import RangeQuestion, Shareable, asked_alone
from springtide.demand.few_requests import FewRequests
from springtide.demand.promql import is_closed
from springtide.demand.tagged import Series, tagged_bytes
from springtide.policy.scaling.demand import PrometheusDemand

FRESH_SECONDS: Final = 30.0
"""How long an answer counts for who was asked for along with others: as long as the lists of a look."""

LARGEST_BYTES: Final = 16_000
"""Of an expression: VictoriaMetrics takes 16 KiB (`-search.maxQueryLen`), the others take more."""

MOST_POINTS: Final = 50_000
"""Of an answer, if each query is one series: some 1.5 MB. A first reading of weeks goes alone."""

_WAIT_SECONDS: Final = 90.0
"""More than any request may take: after it who waits asks by itself."""

_LOOKS_AHEAD: Final = 3
"""How often what a service would ask is looked up, so that a sweep that is slow does not ask for it again and again."""

_Source = TypeVar("_Source", bound=Shareable)


@dataclass(slots=True, eq=False, kw_only=True)
class _Batch:
    """Questions that are asked together; `parts` are the answers that may be used, by who wanted them."""

    questions: dict[_Seat, RangeQuestion]
    began: float
    parts: dict[_Seat, list[Series]] = field(default_factory=dict)
    done: Event = field(default_factory=Event)


@dataclass(slots=True, eq=False, kw_only=True)
class _Seat:
    """One service among them."""

    source: Shareable
    spec: PrometheusDemand
    batch: _Batch | None = None
    looks: int = 0
    is_served: bool = False
    planned: tuple[float, RangeQuestion | None] | None = None

    def holds(self, question: RangeQuestion, at: float) -> bool:
        """Say whether `question` was asked along with others, lately."""
        if self.batch is None or at - self.batch.began > FRESH_SECONDS:
            return False
        return self.batch.questions[self] == question

    def ahead(self, now: datetime, at: float) -> RangeQuestion | None:
        """Return what it would ask now, as far as that is known."""
        if self.planned is None or at - self.planned[0] > FRESH_SECONDS or self._is_behind(now):
            if self.looks == _LOOKS_AHEAD:
                return None
            self.looks += 1
            self.planned = (at, self.source.question(now - self.spec.lookback, now, self.spec.step))
        return self.planned[1]

    def _is_behind(self, now: datetime) -> bool:
        question = self.planned[1] if self.planned else None
        return question is not None and now - question.last >= self.spec.step


class Together:
    """Asks for up to `most` services at once; safe to use from several threads."""

    def __init__(self, clock: Clock, *, most: int) -> None:
        self._clock = clock
        self._lock = Lock()
        self._seats: list[_Seat] = []
        self._requests = FewRequests(most)

    def join(self, source: _Source, spec: PrometheusDemand) -> _Source:
        """Return `source`, which reads the lookback of `spec`, as one of those that are asked for together.

        What it raises is what it would raise alone.
        """
        if not is_closed(spec.query):
            return source
        seat = _Seat(source=source, spec=spec)
        self._seats.append(seat)
        return source.asked_by(lambda: nullcontext(partial(self._answer, seat)))

    def _answer(self, seat: _Seat, question: RangeQuestion) -> Any:
        batch, is_mine = self._batch_of(seat, question)
        if batch is not None and is_mine:
            self._ask(batch)
        if batch is not None and batch.done.wait(_WAIT_SECONDS) and seat in batch.parts:
            return batch.parts[seat]
        with asked_alone(question.address) as ask:
            return ask(question)

    def _batch_of(self, seat: _Seat, question: RangeQuestion) -> tuple[_Batch | None, bool]:
        """Return where `question` is answered, None where nobody is with it, and whether this caller has to ask."""
        with self._lock:
            at = self._clock.monotonic()
            seat.is_served = True
            if seat.holds(question, at):
                return seat.batch, False
            chosen = self._chosen(seat, question, at)
            if len(chosen) == 1:
                return None, False
            batch = _Batch(questions=chosen, began=at)
            for each in chosen:
                each.batch = batch
            return batch, True

    def _chosen(self, seat: _Seat, question: RangeQuestion, at: float) -> dict[_Seat, RangeQuestion]:
        """Return `question`, and those of others that ask for the same points and have not been asked for."""
        chosen = {seat: question}
        size = tagged_bytes(question.query)
        most = min(self._requests.most, MOST_POINTS // question.points)
        now = self._clock.now()
        for other in self._seats:
            if len(chosen) >= most:
                break
            asked = self._ahead(other, question, now, at)
            if asked is not None and size + tagged_bytes(asked.query) <= LARGEST_BYTES:
                chosen[other] = asked
                size += tagged_bytes(asked.query)
        return chosen

    def _ahead(self, other: _Seat, question: RangeQuestion, now: datetime, at: float) -> RangeQuestion | None:
        if other.is_served or other.spec.step != question.step:
            return None
        asked = other.ahead(now, at)
        if asked is None or not asked.is_beside(question) or other.holds(asked, at):
            return None
        return asked

    def _ask(self, batch: _Batch) -> None:
        try:
            batch.parts = self._requests.answers(batch.questions)
        finally:
            batch.done.set()
