"""The tables of `docs/configuration.md`: between two marks each, with prose around them that nobody generates."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from springtide.settings import HOME, variables
from springtide.variables import Reader, Variable

_IN_AIRFLOW: Final = {"home": Path("$AIRFLOW_HOME/springtide"), "base": Path("…")}
_ON_THE_COMMAND_LINE: Final = {"home": HOME, "base": Path()}
_PLACES: Final = {
    Reader.BOTH: (_ON_THE_COMMAND_LINE, _IN_AIRFLOW),
    Reader.COMMAND_LINE: (_ON_THE_COMMAND_LINE,),
    Reader.AIRFLOW: (_IN_AIRFLOW,),
}


def refresh(page: Path) -> None:
    """Bring the tables of `page` up to date."""
    page.write_text(refreshed(page.read_text(encoding="utf-8")), encoding="utf-8")


def refreshed(text: str) -> str:
    """Return the page `text` with the tables of today.

    Raises:
        ValueError: a table has no place in it.
    """
    for reader in Reader:
        begin = f"<!-- table: variables read by {reader} -->"
        end = "<!-- end of table -->"
        table = "\n".join(_table(reader))
        block = f"{begin}\n{table}\n{end}"
        text, count = re.subn(f"{re.escape(begin)}.*?{end}", block.replace("\\", r"\\"), text, flags=re.DOTALL)
        if count != 1:
            message = f"the page needs {begin!r} and {end!r} once, and has them {count} times"
            raise ValueError(message)
    return text


def _table(reader: Reader) -> Iterator[str]:
    if reader is Reader.BOTH:
        yield from ("| variable | command line | Airflow | meaning |", "|---|---|---|---|")
    else:
        yield from ("| variable | default | meaning |", "|---|---|---|")
    for variable in variables().values():
        if variable.reader is reader:
            cells = [f"`{variable.name}`", *_defaults(variable), variable.meaning]
            yield f"| {' | '.join(cells)} |"


def _defaults(variable: Variable) -> list[str]:
    values = [variable.value({}, places) for places in _PLACES[variable.reader]]
    return ["unset" if value is None else f"`{value}`" for value in values]


if __name__ == "__main__":
    refresh(Path(sys.argv[1]))
