"""The command line: `springtide plan | run | status | roll-back | sandbox`."""

from springtide.cli.main import main

__all__ = ["main"]
