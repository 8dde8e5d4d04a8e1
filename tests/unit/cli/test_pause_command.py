"""`springtide pause` and `springtide resume SERVICE`: one service, and never the halt switch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from springtide.cli.main import app
from springtide.run.halt import CONFIG_MAP
from support.builders import policy_text
from support.simulation import NAMESPACE, Simulation


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "web.yaml").write_text(policy_text())
    monkeypatch.setenv("SPRINGTIDE_POLICIES", str(tmp_path))
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", f"sqlite:///{tmp_path}/runs.db")
    return tmp_path


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_it_pauses_without_a_cluster_and_every_list_of_runs_says_so() -> None:
    paused = command("pause", "web", "--reason", "the cache is cold", "--until", "2h")
    status = command("status")

    assert (paused.exit_code, status.exit_code) == (0, 0)
    for told in (paused.stdout, status.stderr):
        words = " ".join(told.split())
        assert "web is paused by " in words
        assert "UTC: the cache is cold" in words
    assert "springtide resume web" in " ".join(status.stderr.split())


def test_for_programs_it_answers_with_the_pause_until_when_by_whom_and_why() -> None:
    answer = json.loads(command("pause", "web", "--reason", "the cache is cold", "-o", "json").stdout)

    assert answer["action"] == "pause"
    assert (answer["pause"]["service"], answer["pause"]["reason"]) == ("web", "the cache is cold")
    assert (answer["pause"]["until"], answer["pause"]["namespace"]) == (None, "shop")


def test_a_second_pause_says_which_one_it_ended() -> None:
    command("pause", "web", "--reason", "the cache is cold")

    again = " ".join(command("pause", "web", "--reason", "the database is moved").stdout.split())

    assert "the database is moved; in the place of: web is paused by" in again


def test_resume_with_a_service_ends_its_pause_and_no_halt(simulation: Simulation) -> None:
    command("halt", "the load balancer is down")
    command("pause", "web", "--reason", "the cache is cold")

    resumed = command("resume", "web", "--reason", "it is warm")

    assert resumed.exit_code == 0
    assert "web is resumed by" in resumed.stdout
    assert "it is warm" in resumed.stdout
    assert simulation.world.get("configmaps", NAMESPACE, CONFIG_MAP) is not None


def test_resume_with_a_service_says_so_where_the_environment_halts_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    command("pause", "web", "--reason", "the cache is cold")
    monkeypatch.setenv("SPRINGTIDE_HALT", "ann: the load balancer is down")

    resumed = " ".join(command("resume", "web").stdout.split())

    assert "this command does not change that" in resumed


def test_resume_without_a_service_ends_the_halt_and_says_what_stays_paused(simulation: Simulation) -> None:
    command("halt", "the load balancer is down")
    command("pause", "web", "--reason", "the cache is cold")

    resumed = command("resume")

    assert simulation.world.get("configmaps", NAMESPACE, CONFIG_MAP) is None
    assert "`springtide resume web` ends that" in " ".join(resumed.stderr.split())
    assert "web is paused by" in " ".join(command("status").stderr.split())


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("resume", "web"), "not_paused"),
        (("resume", "web", "--namespace", "shop"), "resume_ambiguous"),
        (("resume", "web", "--reason", " "), "reason_invalid"),
        (("pause", "web", "--reason", ""), "reason_invalid"),
        (("pause", "web", "--reason", "why", "--until", "soon"), "until_invalid"),
        (("pause", "web", "--reason", "why", "--until", "0s"), "until_invalid"),
        (("pause", "web", "--reason", "why", "--until", "999999d"), "until_invalid"),
        (("pause", "wed", "--reason", "why"), "service_unknown"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(arguments: tuple[str, ...], code: str) -> None:
    result = command(*arguments, "-o", "json")

    assert result.exit_code != 0
    assert code in result.output
    assert "is paused by" not in command("status").stderr


def test_a_pause_takes_a_reason() -> None:
    assert command("pause", "web").exit_code == 2


def test_a_service_whose_policy_is_gone_can_be_resumed(folder: Path) -> None:
    command("pause", "web", "--reason", "the cache is cold")
    (folder / "web.yaml").unlink()

    assert command("resume", "web").exit_code == 0
