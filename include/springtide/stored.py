"""Values as they are stored: JSON types under the names of their fields, and read back with every field checked.

A dataclass that is a `Stored` needs no code of its own. One whose stored form differs from its fields on purpose writes
`to_record` and `from_record` itself, with `dump` and `load` for the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from springtide.errors import PermanentError

Value = TypeVar("Value", bound="Stored")

_SHOWN: Final = 5
"""How many wrong fields one message names: the first tell what happened, all of them would fill a page."""

_KINDS: Final = {
    "missing": "is missing",
    "unexpected_keyword_argument": "is not known",
    "extra_forbidden": "is not known",
}
"""What pydantic calls an error, and what a reader does."""


def dump(value: Stored) -> dict[str, Any]:
    """Return the stored form of `value`: JSON types only, under the names of its fields."""
    record: dict[str, Any] = _adapter(type(value)).dump_python(value, mode="json")
    return record


def load(kind: type[Value], record: object) -> Value:
    """Return the value that `dump` stored.

    Raises:
        PermanentError: a field is missing, unknown, or holds what it cannot (`record_unreadable`); the message names
            every such field, `field` is the first.
    """
    try:
        value: Value = _adapter(kind).validate_python(record)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise PermanentError(
            f"the stored {kind.__name__} cannot be read: {_told(details)}. Another version of springtide wrote it, or "
            "somebody edited it.",
            code="record_unreadable",
            field=_path(details[0]["loc"]),
        ) from error
    return value


class Stored:
    """A dataclass whose stored form is the names of its fields, and the same for each value inside it."""

    __slots__ = ()
    # A field that this version does not know may hold what matters most: it is an error, never dropped in silence.
    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return dump(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the value that `to_record` stored.

        Raises:
            PermanentError: a field is missing, unknown, or holds what it cannot (`record_unreadable`).
        """
        return load(cls, record)


def prepare_all() -> None:
    """Make ready how each kind that is imported is read and written, for a process that many others are forked from."""
    waiting: list[type[Stored]] = [Stored]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            # A dataclass with slots is made of another class, which nobody can name any more and nobody stores.
            if getattr(sys.modules[kind.__module__], kind.__name__, None) is kind:
                _adapter(kind)


def _adapter(kind: type[Stored]) -> TypeAdapter[Any]:
    # To build one takes milliseconds, to use it microseconds.
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def _told(details: list[ErrorDetails]) -> str:
    fields = [_wrong(each["type"], each["loc"], each["msg"]) for each in details]
    more = [f"and {len(fields) - _SHOWN} more"] if len(fields) > _SHOWN else []
    return "; ".join([*fields[:_SHOWN], *more])


def _wrong(kind: str, place: tuple[int | str, ...], message: str) -> str:
    found = _KINDS.get(kind, f"is wrong ({message})")
    return f"field {_path(place)!r} {found}" if place else f"the whole {found}"


def _path(place: tuple[int | str, ...]) -> str:
    return ".".join(map(str, place))


_ADAPTERS: Final[dict[type[Stored], TypeAdapter[Any]]] = {}
