"""What a rehearsal may be asked for, and within which bounds: for its form too, so nothing is imported here."""

from __future__ import annotations

from typing import Final

PARAMETERS: Final = ("event", "asks", "minutes", "load_test", "max_rate", "seconds", "confirm", "reason")
"""What its form asks for."""

KNOWN_PARAMETERS: Final = (*PARAMETERS, "services")
"""What may be asked: `services` as a mapping is for programs, `asks` is the same for people, one a line."""

MINUTES: Final = (5, 240)
"""When what a rehearsal asks for expires."""

SECONDS: Final = (10, 600)
"""How long load is sent."""

MOST_RATE: Final = 2000
"""Requests a second to one service."""

LONGEST_REASON: Final = 500

LONGEST_NAME: Final = 253
"""Of an event."""
