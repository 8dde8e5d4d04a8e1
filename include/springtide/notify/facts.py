"""A fact that people are told. What is foreign in it (names, reasons, errors) becomes plain text in `words`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from springtide.policy.scaling.notify import NotifyFact
from springtide.record.model import RunOutcome
from springtide.stored import Stored

CALENDAR_BROKEN: Final = "calendar_broken"
"""The one kind of fact that is about no service, so that no policy says who wants it."""

LONGEST_KEY: Final = 200

_TOLD_OUTCOMES: Final[Mapping[RunOutcome, NotifyFact]] = MappingProxyType(
    {
        RunOutcome.SUCCEEDED: "succeeded",
        RunOutcome.ROLLED_BACK: "rolled_back",
        RunOutcome.FAILED: "failed",
        RunOutcome.NEEDS_ATTENTION: "needs_attention",
    }
)
"""A run with nothing to do, or that only planned, changed nothing: nobody is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Stored):
    """One fact: its `kind`, what it is about, why (`lines`), and the tags of those that it is told `to`.

    `key` is what makes two of them the same: the same key is told once. `link` is a page about it.
    """

    kind: str
    subject: str
    key: str
    to: tuple[str, ...]
    lines: tuple[str, ...] = ()
    link: str | None = None


def kind_of(outcome: RunOutcome) -> NotifyFact | None:
    """Return what kind of fact it is that a run ended so; None where it is none."""
    return _TOLD_OUTCOMES.get(outcome)


def key_of(kind: str, *names: str) -> str:
    """Return the key of the fact of `kind` about what `names` name; long names are shortened, and stay apart."""
    key = ":".join((kind, *names))
    if len(key) <= LONGEST_KEY:
        return key
    digest = sha256(key.encode()).hexdigest()[:32]
    return f"{key[: LONGEST_KEY - 33]}:{digest}"


def run_key(run_id: str, kind: str) -> str:
    """Return the key of the fact that a run ended so, whoever ended it."""
    return key_of(kind, "run", run_id)
