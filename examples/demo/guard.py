"""Cleans up after a demonstration that was killed: `python -m examples.demo.guard`, which `Children` starts.

It reads what was started, a line of JSON each, until the other end closes. When the last word was not that everything
is over, whoever wrote is dead, and the guard stops the processes and removes the folders in its place.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any, Final, Self

import psutil
from examples.demo.sessions import GRACE_SECONDS, stop_stranger

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Guard:
    """The running guard, as the demonstration speaks to it. It ends when the demonstration does, however that ends."""

    process: subprocess.Popen[bytes]

    @classmethod
    def begin(cls) -> Self:
        """Start the guard in a session of its own, which Ctrl-C and a closed terminal do not reach."""
        process = subprocess.Popen(  # noqa: S603  our own module, no shell
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return cls(process)

    def knows_process(self, pid: int, first: signal.Signals) -> None:
        """Say that a process was started, and which signal asks it to stop."""
        try:
            created = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            return
        self._say({"pid": pid, "created": created, "signal": int(first)})

    def knows_folder(self, folder: Path) -> None:
        """Say that a folder was made."""
        self._say({"folder": str(folder)})

    def dismiss(self) -> None:
        """Say that everything is stopped and removed."""
        self._say({"over": True})
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait(GRACE_SECONDS)

    def _say(self, what: dict[str, Any]) -> None:
        if self.process.stdin is None or self.process.poll() is not None:
            return  # somebody killed it; the demonstration goes on, and cleans up by itself
        try:
            self.process.stdin.write(json.dumps(what).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return


def clean_up(told: Iterable[str]) -> None:
    """Read to the end what was started, and end it unless everything is over."""
    begun = [json.loads(line) for line in told]
    if any(each.get("over") for each in begun):
        return
    for each in reversed(begun):
        if "pid" in each:
            stop_stranger(each["pid"], each["created"], signal.Signals(each["signal"]))
    for each in begun:
        if "folder" in each:
            rmtree(each["folder"], ignore_errors=True)


if __name__ == "__main__":
    clean_up(sys.stdin)
