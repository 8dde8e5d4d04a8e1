"""The list of safeties as it stands in the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from safeties.safety import Safety

PAGE: Final = "docs/reliability.md"
BEGIN: Final = "<!-- safeties: `python -m safeties` writes what stands between these two lines -->"
END: Final = "<!-- end of the safeties -->"


def markdown(themes: Mapping[str, Sequence[Safety]]) -> str:
    """Return the list as tables, one for each theme."""
    return "\n".join(line for theme, safeties in themes.items() for line in _table(theme, safeties))


def _table(theme: str, safeties: Sequence[Safety]) -> list[str]:
    head = [f"### {theme}", "", "| safety | without it | the test that turns red |", "|---|---|---|"]
    return [*head, *(_row(safety) for safety in safeties), ""]


def _row(safety: Safety) -> str:
    return "| " + " | ".join((safety.name, safety.keeps, _test(safety.seen_by))) + " |"


def _test(name: str) -> str:
    """Return a test as tables name it: its file, and what it is called there."""
    file, _, rest = name.partition("::")
    return f"`{file}` `{rest.replace('::', '.')}`"


def in_page(page: str, text: str) -> str:
    """Return `page` with `text` between its two marks.

    Raises:
        ValueError: it lacks one of them.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN!r} or {END!r}")
    return f"{before}{begin}\n\n{text}\n{end}{after}"
