"""`springtide halt` and `springtide resume`, and the line that every answer shows meanwhile, in virtual time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from springtide.cli.main import app
from springtide.run.halt import CONFIG_MAP
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match
from support.builders import policy_text
from support.simulation import NAMESPACE, Simulation

WHY = "the load balancer is down"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "web.yaml").write_text(policy_text())
    monkeypatch.setenv("SPRINGTIDE_POLICIES", str(tmp_path))
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", f"sqlite:///{tmp_path}/runs.db")
    return tmp_path


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.usefixtures("folder")
def test_it_halts_the_namespaces_of_all_policies_and_resumes_them(simulation: Simulation) -> None:
    halted = command("halt", WHY)
    there = simulation.world.get("configmaps", NAMESPACE, CONFIG_MAP)
    resumed = command("resume")

    assert (halted.exit_code, resumed.exit_code) == (0, 0)
    assert there is not None
    assert there["data"]["why"] == WHY
    assert WHY in resumed.stdout
    assert simulation.world.get("configmaps", NAMESPACE, CONFIG_MAP) is None


@pytest.mark.usefixtures("simulation", "folder")
def test_for_programs_it_says_what_became_of_each_namespace() -> None:
    answer = json.loads(command("resume", "-n", NAMESPACE, "-o", "json").stdout)

    assert answer == {"namespaces": {NAMESPACE: "nobody had halted it"}}


@pytest.mark.usefixtures("folder")
def test_a_namespace_that_fails_keeps_no_other_from_it(simulation: Simulation) -> None:
    result = command("halt", WHY, "-n", "nowhere", "-n", NAMESPACE)

    assert result.exit_code == 1
    assert "nowhere: failed: " in result.stdout
    assert simulation.world.get("configmaps", NAMESPACE, CONFIG_MAP) is not None


@pytest.mark.usefixtures("simulation", "folder")
@pytest.mark.parametrize(
    "shown",
    [("status",), ("events", "list"), ("plan", "web", "--replicas=3"), ("reconcile",), ("run", "web", "--replicas=3")],
)
def test_every_answer_says_who_has_halted_and_why(shown: tuple[str, ...], folder: Path) -> None:
    (folder / "calendars").mkdir()
    command("halt", WHY)
    calendars = ["--calendars", str(folder / "calendars")] if "events" in shown else []

    result = command(*shown, *calendars)

    assert WHY in result.stderr
    assert "HALTED by " in result.stderr


@pytest.mark.usefixtures("simulation", "folder")
def test_the_environment_halts_without_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPRINGTIDE_HALT", f"ann: {WHY}")

    assert f"HALTED by ann: {WHY} (SPRINGTIDE_HALT)" in command("status").stderr
    assert f"ann: {WHY}" in command("resume").stdout


@pytest.mark.usefixtures("folder")
def test_where_nobody_can_say_it_is_told_that_it_is_not_known(simulation: Simulation) -> None:
    simulation.world.faults = FaultPlan().at(Match(path="configmaps"), Fault(FaultKind.STATUS, status=503), times=99)

    result = command("status")

    assert result.exit_code == 0
    assert "whether writes are halted is not known" in result.stderr


@pytest.mark.usefixtures("simulation")
def test_a_halt_without_a_word_is_refused() -> None:
    result = command("halt", "  ", "-n", NAMESPACE)

    assert result.exit_code == 1
    assert "why_missing" in result.stderr
