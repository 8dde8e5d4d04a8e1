"""`springtide sandbox`: the embedded cluster, until Ctrl-C."""

from __future__ import annotations

import typer


def sandbox() -> None:
    """Start the embedded cluster."""
    raise typer.Exit(2)
