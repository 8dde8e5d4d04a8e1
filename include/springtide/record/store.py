"""Where runs are kept: one Protocol, with SQL behind it (`open_store`) or memory.

A store never decides about a run. It raises, and whether a run goes on without its record is for the caller to say.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, Protocol, Self

from springtide.errors import InputError, NotFound
from springtide.record.approvals import ApprovalStore
from springtide.record.audit import AuditStore
from springtide.record.decisions import DecisionStore
from springtide.record.events import EventStore
from springtide.record.glances import GlanceStore
from springtide.record.history import HistoryStore
from springtide.record.moments import MomentStore
from springtide.record.notifications import NotificationStore
from springtide.record.pauses import PauseStore
from springtide.record.run_search import RunSearch

if TYPE_CHECKING:
    from datetime import datetime

    from springtide.record.model import PhaseRecord, ScalingRun
    from springtide.record.retention import Ages, Pruned
    from springtide.record.samples import Look, Total

PAGE: Final = 20
"""Runs that `latest` returns unless told otherwise."""

LARGEST_PAGE: Final = 1000
"""The most that one call returns, so that no caller can ask for the whole history at once."""


class RunStore(
    HistoryStore,
    EventStore,
    DecisionStore,
    NotificationStore,
    PauseStore,
    GlanceStore,
    MomentStore,
    RunSearch,
    ApprovalStore,
    AuditStore,
    Protocol,
):
    """Keeps runs, the days before them, what events hold, what was told, paused and approved ahead.

    It is safe to use from several threads and processes at once.

    Every method raises `TemporaryError` (code `store_unavailable`) when the store does not answer.
    """

    def save(self, run: ScalingRun) -> None:
        """Keep the run; what another process has added to it meanwhile stays (see `springtide.record.model.merged`).

        Raises:
            Conflict: the stored run has ended in a way that cannot become this one (`run_ended`).
        """
        ...

    def save_phase(
        self, run_id: str, phase: PhaseRecord, *, reads: int = 0, following: PhaseRecord | None = None
    ) -> None:
        """Keep one attempt at one phase; the same again changes nothing, and the run's outcome is not touched.

        `reads` are those of the cluster's API since the phase was kept last: they are counted with every call.
        `following` is kept with it, or neither is: an attempt at the next phase.

        Raises:
            NotFound: there is no such run (`run_unknown`).
        """
        ...

    def get(self, run_id: str) -> ScalingRun:
        """Return the run.

        Raises:
            NotFound: there is no such run (`run_unknown`).
        """
        ...

    def latest(self, policy: str | None = None, *, limit: int = PAGE) -> tuple[ScalingRun, ...]:
        """Return the runs that started last, newest first; of one policy, when given.

        Raises:
            InputError: `limit` is not between 1 and 1000 (`limit_invalid`).
        """
        ...

    def totals(self) -> tuple[Total, ...]:
        """Return every metric's present value, counted as the facts were kept."""
        ...

    def measure(self, look: Look) -> None:
        """Change the metrics by what somebody saw; what they are is read and changed with no other writer between.

        The samples of before stay where nothing is said of them: see `springtide.record.looks`.
        """
        ...

    def prune(self, ages: Ages, *, now: datetime, is_dry: bool) -> Pruned:
        """Forget what is older than `ages`, as `springtide.record.retention` says; with `is_dry` only count it.

        No other writer waits for all of it, and who is interrupted has removed what went: the next prune goes on.
        """
        ...

    def installation(self) -> str:
        """Return the id of the installation whose store this is: made at the first call, the same for ever after."""
        ...

    def close(self) -> None:
        """Give connections back; the store is not used after this."""
        ...

    def __enter__(self) -> Self:
        """Return the store, to be closed at the end of the block."""
        ...

    def __exit__(self, *exc: object) -> None:
        """Close the store."""
        ...


OpenStore = Callable[[], AbstractContextManager[RunStore]]
"""Opens the store of runs; `TemporaryError` where it does not answer."""


def unknown_run(run_id: str) -> NotFound:
    """Return the error of every store for a run that it does not hold."""
    message = f"run {run_id!r} is not in the store; `springtide status` lists the latest runs."
    return NotFound(message, code="run_unknown", field="run_id")


def require_limit(limit: int) -> int:
    """Return `limit`, or raise `InputError` when it is out of bounds."""
    if not 1 <= limit <= LARGEST_PAGE:
        raise InputError(f"limit is {limit}; allowed: 1 to {LARGEST_PAGE}.", code="limit_invalid", field="limit")
    return limit
