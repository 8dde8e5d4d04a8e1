"""The processes that the demonstration starts: each logs to a file, and none of them outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

GRACE_SECONDS: Final = 15
"""How long a process may take to stop by itself; then it, and whatever it started, is killed."""


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
                self._kill_all()
        self._kill_all()
        return self.process.wait()

    def _kill_all(self) -> None:
        """Kill what is left of the session: its leader's process group."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


@dataclass
class Children:
    """All processes of the demonstration, stopped in the opposite order at the end of the block."""

    logs: Path
    _started: list[tuple[Child, signal.Signals]] = field(default_factory=list)

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stop_with: signal.Signals = signal.SIGTERM,
    ) -> Child:
        """Start `command` with its output in `logs`/NAME.log."""
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
            )
        child = Child(name, process, log)
        self._started.append((child, stop_with))
        return child

    def require_alive(self) -> None:
        """Raise `DemoError` when any of them has ended."""
        for child, _ in self._started:
            child.require_alive()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child, first in reversed(self._started):
            child.stop(first)
