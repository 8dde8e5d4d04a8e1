"""What a conductor remembers between its turns: small values by name."""

from __future__ import annotations

import json
from typing import Any, Protocol


class Memory(Protocol):
    """Outlives a turn, and the process that took it; belongs to one conductor."""

    def get(self, key: str) -> Any:
        """Return what was set last; None where nothing was."""
        ...

    def set(self, key: str, value: Any) -> None:
        """Keep `value`: JSON types only."""
        ...


class ProcessMemory:
    """A `Memory` that ends with its process: for a conductor that takes all its turns in one."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def get(self, key: str) -> Any:
        """Return what was set last."""
        text = self._kept.get(key)
        return None if text is None else json.loads(text)

    def set(self, key: str, value: Any) -> None:
        """Keep a copy of `value`."""
        self._kept[key] = json.dumps(value)
