"""What is remarkable about a service, in a word each, and how much it needs a look. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from springtide.overview.records import Records
from springtide.record.glances import RunGlance
from springtide.record.model import RunOutcome
from springtide.stored import Stored


class Tone(StrEnum):
    """How much a mark needs a look."""

    GOOD = "good"
    MUTED = "muted"
    INFO = "info"
    WARN = "warn"
    BAD = "bad"


_WEIGHT: Final = {Tone.GOOD: 0, Tone.MUTED: 0, Tone.INFO: 1, Tone.WARN: 10, Tone.BAD: 100}
PAUSED: Final = "paused"
_FAILED: Final = frozenset({RunOutcome.FAILED, RunOutcome.ROLLED_BACK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge(Stored):
    """One mark: its word, how much it needs a look, and what it means here."""

    text: str
    tone: Tone
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedFacts:
    """What marks are made of, of one service; `runs` are its latest, newest first."""

    problem: str = ""
    is_not_read_yet: bool = False
    unknown: str = ""
    is_running: bool = False
    is_as_wanted: bool | None = None
    numbers: str = ""
    is_at_maximum: bool = False
    advises: bool = False
    frozen: str = ""
    runs: Sequence[RunGlance] = ()


def severity(badges: Sequence[Badge]) -> int:
    """Return how much a service with `badges` needs a look."""
    return sum(_WEIGHT[badge.tone] for badge in badges)


def marks_of(service: str, facts: MarkedFacts, records: Records) -> tuple[Badge, ...]:
    """Return the marks of a service, those first that need a look most."""
    marks = [*_of_state(facts), *_of_runs(facts.runs), *_of_records(service, records)]
    return tuple(sorted(marks, key=lambda badge: -_WEIGHT[badge.tone]))


def _of_state(facts: MarkedFacts) -> Iterator[Badge]:
    if facts.is_not_read_yet:
        yield Badge(text="not read yet", tone=Tone.INFO, why=facts.problem)
        return
    if facts.problem:
        yield Badge(text="policy broken", tone=Tone.BAD, why=facts.problem)
        return
    if facts.unknown:
        yield Badge(text="unknown", tone=Tone.WARN, why=facts.unknown)
    if facts.is_running:
        yield Badge(text="scaling", tone=Tone.INFO, why="a run is on its way")
    elif facts.is_as_wanted is False:
        yield Badge(text="not as wanted", tone=Tone.BAD, why=facts.numbers)
    if facts.is_at_maximum:
        yield Badge(text="at its maximum", tone=Tone.WARN, why="it cannot grow any further: see replicas.max")
    if facts.frozen:
        yield Badge(text="frozen", tone=Tone.INFO, why=facts.frozen)
    if facts.advises:
        yield Badge(text="advises", tone=Tone.MUTED, why="mode advise: nothing is written")


def _of_runs(runs: Sequence[RunGlance]) -> Iterator[Badge]:
    ended = [run for run in runs if not run.dry_run and run.outcome is not RunOutcome.RUNNING]
    if not ended:
        return
    last = ended[0]
    if last.outcome is RunOutcome.NEEDS_ATTENTION:
        yield Badge(
            text="needs attention", tone=Tone.BAD, why=last.message or "both pod sets stay until a person looks"
        )
    elif last.outcome in _FAILED:
        twice = len(ended) > 1 and ended[1].outcome in _FAILED
        if twice:
            yield Badge(text="failed twice", tone=Tone.BAD, why=last.message)
        else:
            word = "rolled back" if last.outcome is RunOutcome.ROLLED_BACK else "failed"
            yield Badge(text=word, tone=Tone.WARN, why=last.message)


def _of_records(service: str, records: Records) -> Iterator[Badge]:
    pause = records.pauses.get(service)
    if pause is not None:
        yield Badge(text=PAUSED, tone=Tone.WARN, why=str(pause))
    since = records.waiting.get(service)
    if since is not None:
        yield Badge(text="waiting for approval", tone=Tone.WARN, why=f"since {since:%H:%M} UTC")
    held = records.held.get(service)
    if held is not None:
        why = f"sweeps do not trust its metrics since {held:%Y-%m-%d %H:%M} UTC"
        yield Badge(text="demand held", tone=Tone.WARN, why=why)
