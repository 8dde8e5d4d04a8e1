"""What a file of demand is, by its first bytes and not by its name, and its text."""

from __future__ import annotations

import gzip
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Content(StrEnum):
    """What a file holds. What cannot be read says in its own words what to do."""

    TEXT = "text"
    GZIP = "gzip"
    PARQUET = "parquet"
    ZIP = "it is a ZIP archive: take the CSV out of it, or pack it with gzip"
    UTF_16 = 'it is UTF-16, as spreadsheets write "Unicode text": save it as CSV in UTF-8'
    OTHER_PACKING = "it is packed by zstd, xz or bzip2: pack it with gzip"


_BEGINNINGS = {
    b"\x1f\x8b": Content.GZIP,
    b"PAR1": Content.PARQUET,
    b"PK\x03\x04": Content.ZIP,
    b"\xff\xfe": Content.UTF_16,
    b"\xfe\xff": Content.UTF_16,
    b"\x28\xb5\x2f\xfd": Content.OTHER_PACKING,
    b"\xfd7zXZ": Content.OTHER_PACKING,
    b"BZh": Content.OTHER_PACKING,
}


def content_of(path: Path) -> Content:
    """Return what the file holds.

    Raises:
        OSError: it is not there or cannot be read.
    """
    with path.open("rb") as file:
        beginning = file.read(8)
    if path.suffix == ".parquet":  # what is damaged at its beginning is still no text
        return Content.PARQUET
    return next((kind for mark, kind in _BEGINNINGS.items() if beginning.startswith(mark)), Content.TEXT)


@contextmanager
def text_of(path: Path, *, is_packed: bool) -> Iterator[IO[str]]:
    """Open the file as text.

    Raises:
        OSError, EOFError, zlib.error, UnicodeDecodeError: it is damaged, or not UTF-8.
    """
    # utf-8-sig: spreadsheets write a byte order mark
    if is_packed:
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield file
    else:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
