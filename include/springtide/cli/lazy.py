"""A group whose commands are imported when they are called; until then a stand-in has their name and summary."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from springtide.cli.command_table import COMMANDS, Entry

if TYPE_CHECKING:
    from typer._click import Command, Context


class LazyGroup(TyperGroup):
    """The commands of the table."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._entries: dict[str, Entry] = {}
        for heading, listed in COMMANDS.items():
            for entry in listed:
                self._entries[entry.name] = entry
                self.add_command(TyperCommand(entry.name, help=entry.summary, rich_help_panel=heading))

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Return the command that is called, imported now."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and name is not None:
            command = loaded(self._entries[name])
        return name, command, rest


def loaded(entry: Entry) -> Command:
    """Import the command of `entry` and return it."""
    module, _, name = entry.place.partition(":")
    found = getattr(import_module(module), name)
    command: Command
    if isinstance(found, typer.Typer):
        command = get_group(found)
    else:
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(entry.name)(found)
        command = get_command(alone)
    command.name = entry.name
    return command
