"""A conversation with a server as plain values: what is sent, what comes back, and when to wait. No network, no clock.

A `Course` yields what to do next and is sent what came of it; the synchronous and the asynchronous client only carry
its steps out.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `path` begins with a slash; `timeout` is in seconds."""

    method: str
    path: str
    timeout: float
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back. The names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    def document(self) -> dict[str, Any] | None:
        """Return the JSON object that it holds; None where it holds something else."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return None
        return found if isinstance(found, dict) else None


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing came back, and why."""

    why: str


T = TypeVar("T")
Course = Generator[Call | Pause, Reply | Lost | None, T]
"""Yields calls and pauses, is sent a `Reply` or `Lost` for a call and None for a pause, and returns a T."""
