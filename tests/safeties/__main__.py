"""Writes the list of safeties into the documentation: `PYTHONPATH=include:tests python -m safeties`."""

from __future__ import annotations

from pathlib import Path

from safeties import THEMES
from safeties.table import PAGE, in_page, markdown

page = Path(PAGE)
page.write_text(in_page(page.read_text(), markdown(THEMES)))
