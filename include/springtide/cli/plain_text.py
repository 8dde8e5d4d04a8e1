"""Foreign text on a terminal: names, reasons and messages of people and clusters are shown as they stand.

The terminal's library reads a `str` as markup, so `[few]` would vanish and `[/few]` would raise. Whatever is printed is
therefore a `Text`, whose style is set beside it.
"""

from __future__ import annotations

import io
import unicodedata
from typing import Final, TextIO

from rich.console import RenderableType
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

_KEPT: Final = frozenset("\n\t")
_HIDDEN: Final = frozenset({"Cc", "Cs"})
"""Control characters, with which a name could move the cursor or recolour the terminal, and halves of characters."""

_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Turn the direction of what follows, so that it reads as something else than what it is."""


def plain(text: object, style: str = "") -> Text:
    """Return `text` for the terminal, letter for letter; a control character is written as its code."""
    return Text("".join(map(_visible, str(text))), style=style)


def accept_every_letter(stream: TextIO) -> None:
    """Have `stream` write letters that its encoding lacks as their codes; of itself it would raise.

    A terminal that knows few letters is no reason to fail, least of all behind a run that succeeded.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def _visible(character: str) -> str:
    is_hidden = unicodedata.category(character) in _HIDDEN or character in _TURNING
    if not is_hidden or character in _KEPT:
        return character
    return character.encode("unicode_escape").decode("ascii")


class PlainTable(Table):
    """A table whose cells are plain: a `str` is shown as it stands, a style needs `plain(text, style)`."""

    def __init__(self, *columns: str, title: str | None = None) -> None:
        super().__init__(title=None if title is None else plain(title))
        for column in columns:
            self.add_column(plain(column))

    def add_row(self, *cells: RenderableType | None, style: StyleType | None = None, end_section: bool = False) -> None:
        """Add one row."""
        shown = (plain(cell) if isinstance(cell, str) else cell for cell in cells)
        super().add_row(*shown, style=style, end_section=end_section)
