"""Looking at one part of an installation: what was found, and how to cure it. A look has its time, and stands alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from springtide.clock import Clock
from springtide.errors import SpringtideError

LOOK_SECONDS: Final = 15.0


class LookStatus(StrEnum):
    """How a part stands."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookResult:
    """What a look found; `cure` says what to do, "" where nothing is to be done."""

    status: LookStatus
    found: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One part, and how to look at it."""

    part: str
    look: Callable[[], LookResult]


def looked_at(looks: Sequence[Look], clock: Clock, seconds: float = LOOK_SECONDS) -> list[tuple[str, LookResult]]:
    """Return what each look found, in order. All look at once; who is not back after `seconds` is told as that."""
    found: dict[int, LookResult] = {}
    threads = [
        threading.Thread(target=_look, args=(each, index, found), name=f"look-{each.part}", daemon=True)
        for index, each in enumerate(looks)
    ]
    for thread in threads:
        thread.start()
    ends = clock.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, ends - clock.monotonic()))
    late = LookResult(
        status=LookStatus.BAD,
        found=f"no answer within {seconds:g} s",
        cure="see whether the network lets this machine through",
    )
    return [(each.part, found.get(index, late)) for index, each in enumerate(looks)]


def good(found: str) -> LookResult:
    """Return that a part is as it should be."""
    return LookResult(status=LookStatus.GOOD, found=found)


def warning(found: str, cure: str) -> LookResult:
    """Return that a part works, and something is to be known about it."""
    return LookResult(status=LookStatus.WARNING, found=found, cure=cure)


def bad(found: str, cure: str) -> LookResult:
    """Return that a part does not do what springtide needs of it."""
    return LookResult(status=LookStatus.BAD, found=found, cure=cure)


def not_checked(found: str, cure: str) -> LookResult:
    """Return that nobody could look, and what that takes."""
    return LookResult(status=LookStatus.NOT_CHECKED, found=found, cure=cure)


def record_of(found: Sequence[tuple[str, LookResult]]) -> list[dict[str, Any]]:
    """Return the form for programs."""
    return [
        {"part": part, "status": looked.status.value, "found": looked.found, "cure": looked.cure or None}
        for part, looked in found
    ]


def _look(each: Look, index: int, found: dict[int, LookResult]) -> None:
    try:
        found[index] = each.look()
    except SpringtideError as error:
        found[index] = bad(error.message, f"see {error.code} in docs/runbook.md")
    except Exception as error:  # noqa: BLE001 -- whatever one look raises, the others are told
        found[index] = bad(f"springtide's own fault: {error!r}", "report it, with this line")
