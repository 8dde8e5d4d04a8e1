"""The command line: its commands are the lines of `command_table`, and each is imported when it is called."""

from springtide.cli.main import main

__all__ = ["main"]
