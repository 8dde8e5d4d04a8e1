"""Every safety of a run, each with the test that turns red when it is taken out.

`test_safeties.py` takes out one at a time. The list stands in `docs/reliability.md`, written by `python -m safeties`.
"""

from __future__ import annotations

from safeties import (
    admission,
    counting,
    draining,
    fleet,
    halting,
    ownership,
    requests,
    sets,
    warming,
    watching,
    writing,
)
from safeties.safety import Safety

THEMES: dict[str, tuple[Safety, ...]] = {
    "Owning": ownership.SAFETIES,
    "Writing": writing.SAFETIES,
    "Halting and freezing": halting.SAFETIES,
    "What serves": sets.SAFETIES,
    "What counts as serving": counting.SAFETIES,
    "From the switch to the end of the drain": draining.SAFETIES,
    "What may begin": admission.SAFETIES,
    "Nodes before pods": warming.SAFETIES,
    "What is asked over HTTP": requests.SAFETIES,
    "What is watched": watching.SAFETIES,
    "Many services": fleet.SAFETIES,
}
"""The safeties by what they are about, in the order of the list."""

ALL: tuple[Safety, ...] = tuple(safety for safeties in THEMES.values() for safety in safeties)
