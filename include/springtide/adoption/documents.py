"""Proposed documents as files: their text, and writing them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from springtide.adoption.proposals import ProposedDocument
from springtide.errors import InputError

_ON_ONE_LINE: Final = 100
_MOST_NAMED: Final = 10


class Writing(StrEnum):
    """What became of one file."""

    WRITTEN = "written"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file, and what became of it."""

    path: Path
    writing: Writing


def text_of(document: ProposedDocument, command: str) -> str:
    """Return the document as YAML, with what it is from on top."""
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump(_styled(document.content), text)
    sources = ", ".join(document.sources)
    return f"# Proposed by `springtide {command}` from {sources}.\n{text.getvalue()}"


def _styled(value: Any) -> Any:
    """Return `value` with what is short and plain on one line, as people write policies."""
    styled: Any
    if isinstance(value, Mapping):
        styled = CommentedMap({key: _styled(each) for key, each in value.items()})
        parts: Iterable[Any] = value.values()
    elif isinstance(value, (list, tuple)):
        styled = CommentedSeq([_styled(each) for each in value])
        parts = value
    else:
        return value
    is_plain = not any(isinstance(part, (Mapping, list, tuple)) for part in parts)
    is_list = isinstance(styled, CommentedSeq)
    if is_plain and (is_list or len(str(value)) <= _ON_ONE_LINE):
        styled.fa.set_flow_style()
    return styled


def write(folder: Path, texts: Mapping[str, str], *, replace: bool) -> list[WrittenFile]:
    """Write `texts` by their paths below `folder`; a file that holds something else is replaced only on request.

    Raises:
        InputError: some files hold something else (`file_exists`; nothing was written then), or a file or folder
            cannot be written (`path_not_writable`).
    """
    different = [folder / path for path, text in texts.items() if _holds_another(folder / path, text)]
    if different and not replace:
        raise InputError(
            f"write: {_listed(different)}: there already, with something else in it. Nothing was written: choose "
            "another folder, or pass --replace.",
            code="file_exists",
            field="write",
        )
    return [_write(folder / path, text) for path, text in texts.items()]


def _holds_another(path: Path, text: str) -> bool:
    return path.exists() and _content(path) != text


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None  # whatever it is, it is not this


def _write(path: Path, text: str) -> WrittenFile:
    is_there = path.exists()
    if is_there and _content(path) == text:
        return WrittenFile(path, Writing.UNCHANGED)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"write: {path} cannot be written: {error.strerror}. Choose a folder that is yours."
        raise InputError(message, code="path_not_writable", field="write") from error
    return WrittenFile(path, Writing.REPLACED if is_there else Writing.WRITTEN)


def _listed(paths: Sequence[Path]) -> str:
    rest = len(paths) - _MOST_NAMED
    return ", ".join(map(str, paths[:_MOST_NAMED])) + (f" and {rest} more" if rest > 0 else "")
