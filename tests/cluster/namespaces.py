"""Entering a network namespace from Python."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_NETWORK = 0x40000000  # CLONE_NEWNET; os.setns exists from Python 3.12 on


def enter_network(namespace: Path) -> None:
    """Move the calling thread, and every thread and process that it starts from now on, into a network namespace.

    Raises:
        OSError: the kernel refused.
    """
    with namespace.open() as file:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(file.fileno(), _NETWORK) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), "setns")
