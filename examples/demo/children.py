"""The processes that the demonstration starts: each logs to a file, and none of them outlives it."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import Self

from examples.demo.guard import Guard
from examples.demo.sessions import GRACE_SECONDS, kill_session


class DemoError(Exception):
    """The demonstration cannot go on; the message says what to look at."""


@dataclass(frozen=True)
class Child:
    """One process, leader of a session of its own, with its output in a file."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def require_alive(self) -> None:
        """Raise `DemoError` with the log's last lines when the process has ended."""
        if self.process.poll() is not None:
            lines = self.log.read_text(errors="replace").splitlines()[-15:]
            raise DemoError(
                f"{self.name} ended with code {self.process.returncode}. {self.log} ends with:\n" + "\n".join(lines)
            )

    def stop(self, first: signal.Signals = signal.SIGTERM) -> int:
        """End the process, gently first, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(first)
            try:
                self.process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        kill_session(self.process.pid)
        return self.process.wait()


@dataclass
class Children:
    """All processes of the demonstration, stopped in the opposite order at the end of the block.

    Whoever is killed in the block has a guard that stops them and removes their folders.
    """

    logs: Path
    _started: list[tuple[Child, signal.Signals]] = field(default_factory=list)
    _folders: list[Path] = field(default_factory=list)
    _guard: Guard | None = None

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stop_with: signal.Signals = signal.SIGTERM,
        runs_as: pwd.struct_passwd | None = None,
    ) -> Child:
        """Start `command` with its output in `logs`/NAME.log, as another user where one is named: only root can."""
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603  our own commands, no shell
                command,
                env=dict(os.environ) | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the demonstration, which stops the others in their order
                user=runs_as.pw_uid if runs_as else None,
                group=runs_as.pw_gid if runs_as else None,
                extra_groups=[] if runs_as else None,
            )
        child = Child(name, process, log)
        self._started.append((child, stop_with))
        if self._guard is not None:
            self._guard.knows_process(process.pid, stop_with)
        return child

    def folder(self, prefix: str) -> Path:
        """Make a folder with a short path, which is removed at the end of the block."""
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
        self._folders.append(folder)
        if self._guard is not None:
            self._guard.knows_folder(folder)
        return folder

    def stop(self, child: Child) -> None:
        """Stop one of them now; `require_alive` asks for it no longer."""
        for each, first in self._started:
            if each is child:
                child.stop(first)
        self._started = [each for each in self._started if each[0] is not child]

    def require_alive(self) -> None:
        """Raise `DemoError` when any of them has ended."""
        for child, _ in self._started:
            child.require_alive()

    def __enter__(self) -> Self:
        self._guard = Guard.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child, first in reversed(self._started):
            child.stop(first)
        for folder in self._folders:
            rmtree(folder, ignore_errors=True)
        if self._guard is not None:
            self._guard.dismiss()
