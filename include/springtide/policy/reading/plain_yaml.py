"""The same data and lines as `document` makes, of files in which nothing is unusual, and many times as fast.

libyaml parses here, whose grammar is that of YAML 1.1. So it only gets text without what the two grammars see
differently, and whatever it finds that a policy may not hold, or cannot parse, is left to `document`: it says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import yaml
from yaml import events

Place = tuple[str | int, ...]
"""Where a value stands: the keys and indices that lead to it."""

_UNUSUAL: Final = re.compile(r"\t|\\(?![\"\\])|^%|^---|^\.\.\.|\?\s", re.MULTILINE)
"""Tabs, most escapes, directives, marks of documents and explicit keys, where they are none, too."""

_BLOCKS: Final = ("|", ">")


class NotPlain(Exception):
    """Something in it is for `document` to read, or to refuse."""


def plain_data(text: str, most_depth: int, plain: Callable[[str], Any]) -> tuple[Any, dict[Place, int]]:
    """Return the data of the one document that `text` is, and the line of each value; `plain` reads an unquoted scalar.

    Raises:
        NotPlain: `document` has to read it.
    """
    if not yaml.__with_libyaml__ or _UNUSUAL.search(text):
        raise NotPlain
    reading = _Reading(most_depth, plain)
    try:
        found = yaml.parse(text, Loader=yaml.CSafeLoader)
        data = reading.document(iter(found))
    except yaml.YAMLError as error:
        raise NotPlain from error
    return data, reading.lines


class _Reading:
    def __init__(self, most_depth: int, plain: Callable[[str], Any]) -> None:
        self.lines: dict[Place, int] = {}
        self._most_depth = most_depth
        self._plain = plain

    def document(self, found: Iterator[Any]) -> Any:
        """Return the value of the first document, which has to be the only one."""
        next(found)
        begin = next(found)
        if not isinstance(begin, events.DocumentStartEvent) or begin.explicit:
            raise NotPlain
        data = self._value(next(found), found, ())
        if not isinstance(next(found), events.DocumentEndEvent) or not isinstance(next(found), events.StreamEndEvent):
            raise NotPlain
        return data

    def _value(self, event: Any, found: Iterator[Any], place: Place) -> Any:
        is_marked = getattr(event, "anchor", None) is not None or getattr(event, "tag", None) is not None
        if len(place) >= self._most_depth or is_marked or getattr(event, "style", None) in _BLOCKS:
            raise NotPlain
        self.lines.setdefault(place, event.start_mark.line + 1)
        match event:
            case events.ScalarEvent():
                return event.value if event.style else self._plain(event.value)
            case events.SequenceStartEvent():
                return self._sequence(found, place)
            case events.MappingStartEvent():
                return self._mapping(found, place)
        raise NotPlain

    def _sequence(self, found: Iterator[Any], place: Place) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(found), events.SequenceEndEvent):
            items.append(self._value(event, found, (*place, len(items))))
        return items

    def _mapping(self, found: Iterator[Any], place: Place) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(event := next(found), events.MappingEndEvent):
            key = event.value if isinstance(event, events.ScalarEvent) else None
            if not isinstance(key, str) or key in data or event.anchor is not None or event.tag is not None:
                raise NotPlain
            if event.style in _BLOCKS or (not event.style and not isinstance(self._plain(key), str)):
                raise NotPlain
            self.lines[*place, key] = event.start_mark.line + 1
            data[key] = self._value(next(found), found, (*place, key))
        return data
