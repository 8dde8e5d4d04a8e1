"""How a command answers: records for programs, errors in the form that was asked for, exit codes.

With `--output json` or `yaml`, stdout holds the answer; where a command ends without one, it holds `{"error": …}`. The
error stands on stderr in every case.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import structlog
import typer

from springtide.cli.display import show_error, show_own_fault, yaml_of
from springtide.cli.exit_codes import ExitCode
from springtide.cli.options import Output
from springtide.errors import SpringtideError

log = structlog.get_logger(__name__)

OWN_FAULT: Final = "This is springtide's own fault; --verbose shows where."

_has_answered: ContextVar[bool] = ContextVar("has_answered", default=False)


@contextmanager
def answering(output: Output) -> Iterator[None]:
    """Turn errors into an answer in the form that was asked for, and an exit code."""
    before = _has_answered.set(False)
    try:
        yield
    except KeyboardInterrupt as error:
        raise typer.Exit(ExitCode.INTERRUPTED) from error
    except SpringtideError as error:
        if output.is_for_programs:
            _print_error(error.to_record(), output)
        else:
            show_error(error)
        raise typer.Exit(ExitCode.of(error)) from error
    except Exception as error:
        log.debug("internal_error", exc_info=True)
        if output.is_for_programs:
            _print_error({"code": "internal_error", "field": None, "message": f"{error!r}. {OWN_FAULT}"}, output)
        else:
            show_own_fault(error, OWN_FAULT)
        raise typer.Exit(ExitCode.FAILED) from error
    finally:
        _has_answered.reset(before)


def print_record(document: Any, output: Output) -> None:
    """Print `document`, of what JSON knows, as `output` says: YAML, else JSON. A second one is a document behind it."""
    if _has_answered.get() and output is Output.YAML:
        typer.echo("---")
    _has_answered.set(True)
    typer.echo(_written(document, output), nl=False)


def print_json(document: Any) -> None:
    """Print `document` as JSON."""
    print_record(document, Output.JSON)


def _print_error(record: dict[str, str | None], output: Output) -> None:
    document = {"error": record}
    if not _has_answered.get():
        print_record(document, output)
    typer.echo(_written(document, output), nl=False, err=True)


def _written(document: Any, output: Output) -> str:
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return yaml_of(json.loads(text)) if output is Output.YAML else f"{text}\n"
