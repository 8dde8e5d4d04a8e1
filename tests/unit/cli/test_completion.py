"""What the shell offers: commands, and the services of the folder of policies."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from springtide.cli.main import app

POLICIES = Path(__file__).parents[3] / "examples" / "policies"


def offered(shell: str, typed: str, **environment: str) -> str:
    words = typed.split(" ")
    variables = {
        "_SPRINGTIDE_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": typed,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "COMP_WORDS": "\n".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    return CliRunner().invoke(app, [], env=variables | environment, prog_name="springtide").output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_services_of_the_folder_are_offered(shell: str) -> None:
    shown = offered(shell, "springtide plan ch", SPRINGTIDE_POLICIES=str(POLICIES))

    assert "checkout" in shown
    assert "search" not in shown


@pytest.mark.parametrize("command", ["plan", "run", "explain", "release-lease", "backtest", "roll-back"])
def test_every_command_of_a_service_offers_them(command: str) -> None:
    assert "search" in offered("bash", f"springtide {command} ", SPRINGTIDE_POLICIES=str(POLICIES))


def test_the_folder_that_is_typed_goes_first(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").touch()

    shown = offered("bash", f"springtide plan --policies {tmp_path} o", SPRINGTIDE_POLICIES=str(POLICIES))

    assert shown.split() == ["other"]


def test_a_folder_that_is_not_there_offers_nothing(tmp_path: Path) -> None:
    assert offered("bash", "springtide plan ", SPRINGTIDE_POLICIES=str(tmp_path / "none")).split() == []


def test_commands_are_offered() -> None:
    assert offered("bash", "springtide pl").split() == ["plan"]
