"""Manifests in files and folders: several documents in a file, lists of objects, YAML or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from springtide.adoption.found import FoundObject, entries, mapping
from springtide.adoption.remarks import Remark, Standing
from springtide.errors import InputError

MAX_BYTES: Final = 4 * 1024 * 1024
"""The largest file that is read: some thousand objects."""

_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


@dataclass(frozen=True, slots=True)
class FileReading:
    """What files hold, and what of them could not be read."""

    objects: tuple[FoundObject, ...]
    remarks: tuple[Remark, ...]


def read_manifests(places: Iterable[Path]) -> FileReading:
    """Return the objects of all files: of folders those below them that end in .yaml, .yml or .json.

    Raises:
        InputError: a place is not there, or a folder holds no such file.
    """
    objects: list[FoundObject] = []
    remarks: list[Remark] = []
    for path in (path for place in places for path in _files(place)):
        for document in _documents(path, remarks):
            found = [FoundObject(each, str(path)) for each in _flattened(document)]
            objects += [each for each in found if each.kind and each.name and not each.wrong_name]
            remarks += [
                _misnamed(each, *each.wrong_name) for each in found if each.kind and each.name and each.wrong_name
            ]
            if not all(each.kind and each.name for each in found):
                advice = "it has no kind or no name, so it is no object of Kubernetes; it was passed over"
                remarks.append(_about(path, "document", "", advice, standing=Standing.STAYS))
    return FileReading(tuple(objects), tuple(remarks))


def _files(place: Path) -> list[Path]:
    if not place.exists():
        raise InputError(f"{place}: there is no such file or folder.", code="path_not_found", field="files")
    if not place.is_dir():
        return [place]
    found = sorted(path for path in place.rglob("*") if path.suffix in _SUFFIXES and path.is_file())
    if not found:
        message = f"{place}: no file in it ends in {', '.join(sorted(_SUFFIXES))}. Name a folder of manifests."
        raise InputError(message, code="path_not_found", field="files")
    return found


def _documents(path: Path, remarks: list[Remark]) -> Iterator[Any]:
    """Yield the documents of a file; one that cannot be read is told, and those before it count."""
    try:
        if path.stat().st_size > MAX_BYTES:
            remarks.append(_about(path, "size", path.stat().st_size, f"more than {MAX_BYTES} bytes: split it"))
            return
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        remarks.append(_about(path, "file", "", f"it cannot be read: {reason}; see to it, and import again"))
        return
    try:
        yield from (document for document in YAML(typ="safe", pure=True).load_all(text) if document is not None)
    except (YAMLError, RecursionError, ValueError) as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        line = mark.line + 1 if mark is not None else ""
        advice = "from here on it is no YAML that can be read; a template has to be rendered first"
        remarks.append(_about(path, "line", line, advice))


def _flattened(document: Any) -> Iterator[Any]:
    """Yield the objects of a document: its own, or those of a list."""
    fields = mapping(document)
    if str(fields.get("kind", "")).endswith("List") and "items" in fields:
        for item in entries(fields["items"]):
            yield from _flattened(_with_kind(item, str(fields["kind"])))
    else:
        yield fields


def _with_kind(item: Any, list_kind: str) -> Any:
    """Return an item with its kind: those of a typed list may leave it to the list."""
    return item if "kind" in item or list_kind == "List" else {**item, "kind": list_kind.removesuffix("List")}


def _misnamed(found: FoundObject, field: str, name: str) -> Remark:
    advice = f"it is no name of an object, so this one was passed over; render the template, or correct {found.place}"
    return found.remark(Standing.NO_EQUAL, field, name, advice)


def _about(path: Path, field: str, value: object, advice: str, *, standing: Standing = Standing.NO_EQUAL) -> Remark:
    return Remark(standing=standing, subject=str(path), field=field, value=str(value), advice=advice)
