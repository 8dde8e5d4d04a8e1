"""What stands in a calendar's file, whatever else is wrong with it: what one bad entry must not decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from springtide.errors import PolicyError
from springtide.policy.reading.document import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def plain_spec(path: Path) -> dict[str, Any]:
    """Return the `spec` of a calendar as it is written; nothing where the file is none."""
    try:
        document = read_document(path)
    except PolicyError:
        return {}
    return mapping(mapping(document.data).get("spec"))


def entries(spec: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """Yield the entries of one list of a calendar; what is no entry is passed over."""
    listed = spec.get(kind)
    yield from (mapping(entry) for entry in (listed if isinstance(listed, list) else ()))


def mapping(value: Any) -> dict[str, Any]:
    """Return `value` where it is one, else an empty one."""
    return value if isinstance(value, dict) else {}
