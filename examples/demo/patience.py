"""Waiting with an end."""

from __future__ import annotations

import time
from collections.abc import Callable

from examples.demo.children import DemoError


def wait_until(is_so: Callable[[], bool], what: str, check: Callable[[], None], seconds: float) -> None:
    """Return as soon as `is_so` holds; `check` may raise meanwhile.

    Raises:
        DemoError: it does not hold within `seconds`.
    """
    end = time.monotonic() + seconds
    while not is_so():
        check()
        if time.monotonic() > end:
            raise DemoError(f"not within {seconds:g} s: {what}")
        time.sleep(0.2)
