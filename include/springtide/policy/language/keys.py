"""Which keys a policy knows at each place, read from the models themselves."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from springtide.policy.language.parts import Part

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from pydantic.fields import FieldInfo


def resolve(root: type[Part], location: Sequence[str | int]) -> tuple[tuple[str | int, ...], dict[str, FieldInfo]]:
    """Return the place in the file that pydantic's `location` means, and the fields that are known around it, by key.

    Pydantic names the chosen member of a union (`blue_green`) in its locations; a file has no such level. Of a
    mapping from names to parts (`services`), it says after a wrong name that it means the key.
    """
    if location[-1:] == ("[key]",):
        location = location[:-1]
    parts: list[type[Part]] = [root]
    place: list[str | int] = []
    is_mapping = False
    for step in location[:-1]:
        fields = [field for part in parts for key, field in known(part) if key == step]
        if isinstance(step, int) or is_mapping:
            place.append(step)
            is_mapping = False
        elif fields:
            is_mapping = any(_is_mapping(field.annotation) for field in fields)
            place.append(step)
            parts = [part for field in fields for part in _parts_in(field.annotation)]
        else:
            # No key: pydantic's name for the member of a union that was chosen by its tag.
            parts = [part for part in parts if step in _tags(part)]
    around = {} if is_mapping else {key: field for part in parts for key, field in known(part)}
    last = location[-1:]
    is_member = bool(last) and last[0] not in around and any(last[0] in _tags(part) for part in parts)
    return (*place, *(() if is_member else last)), around


def known(part: type[Part]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield each field of `part` under the key that a file has for it."""
    for name, field in part.model_fields.items():
        yield field.alias or name, field


def nearest(key: str, keys: Collection[str]) -> str | None:
    """Return the known key that `key` was probably meant to be."""
    if len(key) > 64:  # noqa: PLR2004  # nobody mistypes that much
        return None
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|-", "_", key).lower()
    if snake in keys:
        return snake
    by_lower = {known_key.lower(): known_key for known_key in keys}
    close = get_close_matches(snake, by_lower, n=1, cutoff=0.6) or [
        known_key for known_key in by_lower if _begins(snake, known_key)
    ]
    return by_lower[close[0]] if close else None


def _begins(key: str, known_key: str) -> bool:
    """`maxPods` means `max`: the word before the first joint."""
    return key.partition("_")[0] == known_key


def _parts_in(annotation: Any) -> Iterator[type[Part]]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for argument in get_args(annotation):
        yield from _parts_in(argument)


def _is_mapping(annotation: Any) -> bool:
    return get_origin(annotation) is dict or any(_is_mapping(argument) for argument in get_args(annotation))


def _tags(part: type[Part]) -> set[Any]:
    return {
        tag
        for field in part.model_fields.values()
        if get_origin(field.annotation) is Literal
        for tag in get_args(field.annotation)
    }
