"""Compiles the few loops that numpy cannot express, with numba, when their module is first imported.

A module that uses `compiled` at its top costs a second to import (numba itself), so it is imported inside the function
that needs it, never at the top of another module: `import springtide` stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(loop: Loop) -> Loop:
    """Return `loop` as machine code: strict IEEE arithmetic, so the same input gives the same bits everywhere.

    The code is kept on disk beside the source where that can be written (or under `NUMBA_CACHE_DIR`).
    """
    from numba import njit

    try:
        return cast("Loop", njit(cache=True, error_model="numpy")(loop))
    except RuntimeError:  # nowhere to keep it: a read-only image; compile once per process instead
        return cast("Loop", njit(error_model="numpy")(loop))


def inlined(step: Loop) -> Loop:
    """Return `step` as machine code that becomes part of the loop that calls it.

    For steps of a hot loop that take tuples of arrays: a call would count references on each of them, at thrice the
    cost of the step itself (measured: 88 against 28 ns a tick of the simulator).
    """
    from numba import njit

    return cast("Loop", njit(inline="always", error_model="numpy")(step))
