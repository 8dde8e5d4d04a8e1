"""The exit codes of every command."""

from __future__ import annotations

from enum import IntEnum

from springtide.errors import SpringtideError, TemporaryError


class ExitCode(IntEnum):
    """How a command ended. The table of docs/cli.md is made from this."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    TRY_AGAIN = 75
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """What it says to whoever called the command."""
        return _MEANINGS[self]

    @classmethod
    def of(cls, error: SpringtideError) -> ExitCode:
        """Return the code of a command that ends with `error`."""
        return cls.TRY_AGAIN if isinstance(error, TemporaryError) else cls.FAILED


_MEANINGS = {
    ExitCode.DONE: "What was asked for is done, or there was nothing to do.",
    ExitCode.FAILED: "It is not done, and would not be on a second try: a refusal, a failure, errors that were found.",
    ExitCode.USAGE: "The command line itself is wrong: no such command or option, or a value that is none.",
    ExitCode.TRY_AGAIN: "Somebody did not answer; nothing was decided. Try again (EX_TEMPFAIL of sysexits).",
    ExitCode.INTERRUPTED: "Ctrl-C or SIGTERM; what was half done has been undone.",
}
