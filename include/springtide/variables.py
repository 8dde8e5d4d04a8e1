"""One environment variable: what it is called, what it says when it is not set, and who reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

VARIABLE: Final = "variable"
"""The key of a dataclass field's metadata under which its variable stands."""


class Reader(StrEnum):
    """Who reads a variable."""

    BOTH = "the command line and Airflow"
    COMMAND_LINE = "the command line alone"
    AIRFLOW = "Airflow alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One environment variable. `default` may name `{home}` and `{base}`; None means that there is none."""

    name: str
    default: str | None
    meaning: str
    reader: Reader
    parse: Callable[[str], Any]

    def value(self, environ: Mapping[str, str], places: Mapping[str, Path]) -> Any:
        """Return what `environ` says; an unset or an empty variable leaves the default."""
        text = environ.get(self.name)
        if not text and self.default is not None:
            text = self.default.format(**places)
        return self.parse(text) if text else None


def variable(
    name: str,
    default: str | None,
    meaning: str,
    *,
    reader: Reader = Reader.BOTH,
    parse: Callable[[str], Any] = str,
) -> dict[str, Variable]:
    """Return the metadata of a field of `Settings` that the variable SPRINGTIDE_`name` fills."""
    made = Variable(name=f"SPRINGTIDE_{name}", default=default, meaning=meaning, reader=reader, parse=parse)
    return {VARIABLE: made}
