"""The invariants of reliability as checkers over what was recorded: every API call, every change of the endpoints.

Each checker returns what it found wrong, in words; nothing when the invariant held. They judge the record and never the
code, so they serve whatever strategy, fault or crash made it. `docs/reliability.md` says where those invariants are
proven that no record can show.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from invariants import ending, ownership, removing, setting_aside, switching
from invariants.evidence import Begin, Evidence, Terms

Checker = Callable[[Evidence], Iterator[str]]

ALL: tuple[Checker, ...] = tuple(
    checker
    for theme in (ownership, switching, removing, setting_aside, ending)
    for name, checker in sorted(vars(theme).items())
    if name.startswith("i") and name[1:3].isdigit()
)


def number_of(checker: Checker) -> str:
    """Return the invariant that a checker is of: `I-7`."""
    return f"I-{int(checker.__name__[1:3])}"


def broken(evidence: Evidence, *, but: Collection[str] = ()) -> list[str]:
    """Return every breach of every invariant, but of those that the test itself broke from outside."""
    judged = [checker for checker in ALL if number_of(checker) not in but]
    return [f"{checker.__name__}: {message}" for checker in judged for message in checker(evidence)]


__all__ = ["ALL", "Begin", "Checker", "Evidence", "Terms", "broken", "number_of"]
