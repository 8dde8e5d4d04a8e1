"""How the outcome of a run is to be taken: the colour of its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from springtide.overview.run_view import Tone

_TONES: Final[Mapping[str, Tone]] = MappingProxyType(
    {
        "running": "info",
        "succeeded": "good",
        "nothing_to_do": "muted",
        "planned_only": "info",
        "halted": "warn",
        "rolled_back": "warn",
        "failed": "bad",
        "refused": "bad",
        "needs_attention": "bad",
    }
)


def tone_of(outcome: str) -> Tone:
    """Return how an outcome is to be taken; a word of a later springtide is only told."""
    return _TONES.get(outcome, "muted")
