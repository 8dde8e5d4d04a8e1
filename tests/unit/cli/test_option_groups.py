"""Options as one value: what a program of ours declares once, people still pass one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from springtide.cli.groups import Offers, grouped


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A group with a required option, one with a default, and one that takes several words."""

    room: Annotated[str, typer.Option(help="Which room.")]
    floor: Annotated[int, typer.Option(min=0, help="Which floor.")] = 1
    shelf: Annotated[list[str] | None, typer.Option("--on", help="Which shelves.")] = None


def called(command: Callable[..., None], *arguments: str) -> tuple[int, str]:
    program = typer.Typer(add_completion=False)
    program.command()(command)
    result = CliRunner().invoke(program, arguments)
    return result.exit_code, result.output


@grouped
def look(book: str, *, where: Where, twice: bool = False) -> None:
    typer.echo(f"{book} {where} {twice}")


@grouped
def look_near(*, where: Annotated[Where, Offers("room")]) -> None:
    typer.echo(str(where))


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["--room", "a"], "b Where(room='a', floor=1, shelf=None) False"),
        (
            ["--floor", "3", "--twice", "--room", "a", "--on", "x", "--on", "y"],
            "b Where(room='a', floor=3, shelf=['x', 'y']) True",
        ),
    ],
    ids=["defaults", "all"],
)
def test_each_field_of_a_group_is_an_option(arguments: list[str], value: str) -> None:
    assert called(look, "b", *arguments) == (0, f"{value}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "--room"), (["--room", "a", "--floor", "-1"], "greater than or equal to 0")],
    ids=["required", "limit"],
)
def test_the_rules_of_its_options_hold(arguments: list[str], message: str) -> None:
    code, output = called(look, "b", *arguments)

    assert code == 2
    assert message in output


def test_a_command_offers_the_fields_that_it_names() -> None:
    assert called(look_near, "--room", "a") == (0, "Where(room='a', floor=1, shelf=None)\n")
    assert called(look_near, "--room", "a", "--floor", "2")[0] == 2
