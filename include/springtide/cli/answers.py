"""How a command answers: JSON for programs, errors in the form that was asked for, exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog
import typer

from springtide.cli.display import show_error, show_own_fault
from springtide.cli.options import Output
from springtide.errors import SpringtideError, TemporaryError

log = structlog.get_logger(__name__)

FAILED: Final = 1
"""Exit code: what was asked for did not happen, and would not on a second try."""

TRY_AGAIN: Final = 75
"""Exit code: sysexits' EX_TEMPFAIL, for schedulers that know when to try again."""

INTERRUPTED: Final = 130
"""Exit code: the shell's own for Ctrl-C."""

OWN_FAULT: Final = "This is springtide's own fault; --verbose shows where."


@contextmanager
def answering(output: Output) -> Iterator[None]:
    """Turn errors into an answer in the form that was asked for, and an exit code."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise typer.Exit(INTERRUPTED) from error
    except SpringtideError as error:
        if output is Output.JSON:
            print_json({"error": error.to_record()}, to_stderr=True)
        else:
            show_error(error)
        raise typer.Exit(TRY_AGAIN if isinstance(error, TemporaryError) else FAILED) from error
    except Exception as error:
        log.debug("internal_error", exc_info=True)
        show_own_fault(error, OWN_FAULT)
        raise typer.Exit(FAILED) from error


def print_json(document: Any, *, to_stderr: bool = False) -> None:
    """Print `document` as JSON."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False), err=to_stderr)
