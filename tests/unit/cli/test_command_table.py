"""The table of commands: each is what its line says, and none is imported before it is called."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from typer.testing import CliRunner, Result

from springtide import __version__
from springtide.cli.command_table import Entry, entries
from springtide.cli.lazy import loaded
from springtide.cli.main import app

ENTRIES = tuple(entries())
NOT_FOR_HELP = {"aiohttp", "httpx", "kubernetes", "numba", "numpy", "pandas", "pydantic", "sqlalchemy"}
LOADED = """
import sys
from springtide.cli import main
try:
    main({arguments!r})
except SystemExit:
    print()
    print(sorted({heavy!r} & set(sys.modules)))
    print(sorted(name for name in sys.modules if name.startswith("springtide.") and "cli" not in name))
"""


def springtide(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_line_of_the_table_is_the_first_line_of_its_command(entry: Entry) -> None:
    command = loaded(entry)
    summary = (command.help or "").partition("\n")[0]

    assert (command.name, summary) == (entry.name, entry.summary)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_each_command_has_a_help_of_its_own(entry: Entry) -> None:
    done = springtide(entry.name, "--help")

    assert done.exit_code == 0
    assert f" {entry.name} " in done.output


def test_no_name_is_used_twice() -> None:
    names = [entry.name for entry in entries()]

    assert [name for name, times in Counter(names).items() if times > 1] == []


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]], ids=" ".join)
def test_help_and_version_load_nothing_that_is_heavy(arguments: list[str]) -> None:
    program = LOADED.format(arguments=arguments, heavy=NOT_FOR_HELP)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    *_, heavy, of_ours = done.stdout.splitlines()
    assert (heavy, of_ours) == ("[]", "[]")


def test_the_version_is_an_option_too() -> None:
    assert springtide("--version").stdout == f"{__version__}\n"


def test_a_wrong_command_names_one_that_is_like_it() -> None:
    done = springtide("stauts")

    assert done.exit_code == 2
    assert "Did you mean 'status'?" in done.stderr
