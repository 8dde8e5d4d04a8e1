"""What one safety is: how it is taken out, and the test of the suite that turns red then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

TakeOut = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, kw_only=True)
class Safety:
    """One row of the list.

    `keeps` says what would happen without it. `seen_by` is the id of a test, from `tests/` on. With the safety taken
    out that test fails, and its failure says `because`; else it would be red for another reason.
    """

    name: str
    keeps: str
    take_out: TakeOut
    seen_by: str
    because: str


def patched(*targets: tuple[Any, str], to: Any) -> TakeOut:
    """Return what puts `to` in the place of each of `targets`, an attribute of an object."""

    def take_out(patch: pytest.MonkeyPatch) -> None:
        for holder, name in targets:
            patch.setattr(holder, name, to)

    return take_out


def answering(value: Any) -> Callable[..., Any]:
    """Return a function that answers `value`, whatever it is asked."""
    return lambda *_arguments, **_options: value


def without(target: Any, name: str) -> TakeOut:
    """Return what makes a check of an object do nothing, and find nothing."""
    return patched((target, name), to=answering(None))


def wrapped(target: Any, name: str, around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> TakeOut:
    """Return what puts `around` of the real function in its place."""

    def take_out(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(target, name, around(getattr(target, name)))

    return take_out
