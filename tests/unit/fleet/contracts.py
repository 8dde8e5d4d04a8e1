"""What every implementation of a conductor's Protocols promises: one suite each, run over all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from springtide.events.waves import ChildRunState
from springtide.fleet.child_runs import ChildRun, ChildRuns
from springtide.fleet.memory import Memory

RUN = ChildRun(run_id="conductor__checkout__0", service="checkout", before=2, replicas=4, reason="a test")


class Ended(Protocol):
    """Runs whose ends a test decides."""

    @property
    def runs(self) -> ChildRuns:
        """The implementation."""

    def succeed(self, run_id: str) -> None:
        """Let the run that was started come to a good end."""

    def fail(self, run_id: str) -> str:
        """Let the run that was started fail; return the words that say why."""


def what_was_never_set_is_none(memory: Memory) -> None:
    assert memory.get("orders") is None


def what_was_set_last_is_got(memory: Memory) -> None:
    memory.set("started", {"web/0": "2026-11-11T00:00:00+00:00"})
    memory.set("started", {"web/0": "2026-11-11T00:00:00+00:00", "db/0": "2026-11-11T00:00:05+00:00"})
    memory.set("begun", True)

    assert memory.get("started") == {"web/0": "2026-11-11T00:00:00+00:00", "db/0": "2026-11-11T00:00:05+00:00"}
    assert memory.get("begun") is True
    assert memory.get("late") is None


def what_was_got_is_a_copy(memory: Memory) -> None:
    kept: dict[str, Any] = {"web/0": "2026-11-11T00:00:00+00:00"}
    memory.set("started", kept)
    kept["db/0"] = "later"
    memory.get("started")["mail/0"] = "later"

    assert memory.get("started") == {"web/0": "2026-11-11T00:00:00+00:00"}


def a_run_goes_on_until_it_succeeds(ended: Ended) -> None:
    ended.runs.start(RUN)
    assert ended.runs.state(RUN.run_id) is ChildRunState.GOING

    ended.succeed(RUN.run_id)
    assert ended.runs.state(RUN.run_id) is ChildRunState.SUCCEEDED


def a_run_that_failed_says_why_and_which_it_was(ended: Ended) -> None:
    ended.runs.start(RUN)
    message = ended.fail(RUN.run_id)

    assert ended.runs.state(RUN.run_id) is ChildRunState.FAILED
    assert message in ended.runs.failure(RUN.run_id)
    assert RUN.run_id in ended.runs.failure(RUN.run_id)


def a_start_that_is_repeated_starts_nothing(ended: Ended) -> None:
    ended.runs.start(RUN)
    ended.runs.start(RUN)
    ended.succeed(RUN.run_id)
    ended.runs.start(RUN)

    assert ended.runs.state(RUN.run_id) is ChildRunState.SUCCEEDED


def a_run_that_goes_on_is_not_among_those_that_ended(ended: Ended) -> None:
    ended.runs.start(RUN)
    assert ended.runs.ended([RUN.run_id]) == {}
    assert ended.runs.ended([]) == {}

    ended.succeed(RUN.run_id)
    assert ended.runs.ended([RUN.run_id]) == {RUN.run_id: ChildRunState.SUCCEEDED}


def a_run_that_failed_is_among_those_that_ended(ended: Ended) -> None:
    ended.runs.start(RUN)
    ended.fail(RUN.run_id)

    assert ended.runs.ended([RUN.run_id]) == {RUN.run_id: ChildRunState.FAILED}


MEMORY: tuple[Callable[[Memory], None], ...] = (
    what_was_never_set_is_none,
    what_was_set_last_is_got,
    what_was_got_is_a_copy,
)
RUNS: tuple[Callable[[Ended], None], ...] = (
    a_run_goes_on_until_it_succeeds,
    a_run_that_failed_says_why_and_which_it_was,
    a_start_that_is_repeated_starts_nothing,
    a_run_that_goes_on_is_not_among_those_that_ended,
    a_run_that_failed_is_among_those_that_ended,
)
