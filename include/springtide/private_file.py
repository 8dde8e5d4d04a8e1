"""Files that hold a password, a token or a way in: nobody else can read them, not even while they are written."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all, with mode 0600 from its first byte on.

    What was there before, its mode included, is replaced; a symbolic link too, not what it leads to.

    Raises:
        OSError: the folder is not there or cannot be written to, or the disk is full.
    """
    # A file that is opened in place keeps the mode that it had; one that is changed afterwards was open until then.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600, whatever the umask
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
