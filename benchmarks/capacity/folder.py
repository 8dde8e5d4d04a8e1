"""Where benchmarks of capacity find traces, and where their results are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser

RESULTS = Path(__file__).parent / "results"
FOLDERS = (Path("../shared/traces"), Path("examples/traces"))
"""Looked for in this order, from the root of the repository: a fresh clone has the second."""


def add_traces_option(parser: ArgumentParser) -> None:
    """Let `parser` take `--traces DIR`, by default the first of `FOLDERS` that is there."""
    default = next((folder for folder in FOLDERS if folder.is_dir()), None)
    parser.add_argument("--traces", type=Path, default=default, required=default is None, help="folder with the traces")
