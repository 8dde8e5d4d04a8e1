"""The command line: what stands before every command. The commands are in `command_table`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from springtide import __version__
from springtide.cli.lazy import LazyGroup
from springtide.cli.plain_text import accept_every_letter

app = typer.Typer(cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False)


def _print_version(is_asked: bool) -> None:  # noqa: FBT001 -- typer calls it with the option's value
    if is_asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def springtide(
    *,
    verbose: Annotated[bool, typer.Option(help="Log every write, and where an error came from, to stderr.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Scale Kubernetes services safely: calculate, create, prove ready, switch, test, remove."""
    import structlog  # here, for --help and the completion log nothing

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("DEBUG" if verbose else "WARNING"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. SIGTERM is taken as Ctrl-C: what is half done is undone before the process ends."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    accept_every_letter(sys.stdout)
    app(args=arguments)
