"""One question to Prometheus' range API, and who takes it there: each source for itself, or somebody for many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, Self, runtime_checkable

from springtide.clock import Clock
from springtide.demand.connection import PrometheusAddress, connect


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeQuestion:
    """The value of `query` at every `step` (whole seconds) from `first` to `last`, both of which are asked for."""

    address: PrometheusAddress
    query: str
    first: datetime
    last: datetime
    step: timedelta

    @property
    def points(self) -> int:
        """How many points one series may have."""
        return (self.last - self.first) // self.step + 1

    @property
    def form(self) -> dict[str, str]:
        """The parameters of the API."""
        return {
            "query": self.query,
            "start": f"{self.first.timestamp():.0f}",
            "end": f"{self.last.timestamp():.0f}",
            "step": f"{self.step.total_seconds():.0f}",
        }

    def is_beside(self, other: RangeQuestion) -> bool:
        """Say whether `other` asks the same server for the same points of time."""
        mine = (self.first, self.last, self.step, self.address)
        return mine == (other.first, other.last, other.step, other.address)


Ask = Callable[[RangeQuestion], Any]
"""Returns the `result` of the answer, as the server wrote it, or raises as `connect` does."""

Asking = Callable[[], AbstractContextManager[Ask]]
"""Opens the way to the server for the questions of one reading."""


@runtime_checkable
class Shareable(Protocol):
    """A source that can say what it would ask, and have somebody else ask it."""

    def question(self, start: datetime, end: datetime, step: timedelta) -> RangeQuestion | None:
        """Return the one question that a reading would ask; None where it would ask none, or several."""
        ...

    def asked_by(self, asking: Asking) -> Self:
        """Return a source of the same whose questions go by `asking`."""
        ...


@contextmanager
def asked_alone(address: PrometheusAddress, clock: Clock | None = None) -> Iterator[Ask]:
    """Yield what asks one question after the other, over one connection, and tries each several times.

    Raises:
        DemandUnavailable, DemandUnusable: as `connect`.
    """
    with connect(address, clock=clock) as client:

        def ask(question: RangeQuestion) -> Any:
            return client.custom_query_range(
                question.query,
                start_time=question.first,
                end_time=question.last,
                step=question.form["step"],
            )

        yield ask
