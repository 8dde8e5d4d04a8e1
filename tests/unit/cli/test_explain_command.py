"""`springtide explain` on the recorded match day: inputs, answers and guards, without a cluster."""

import json
from pathlib import Path

from typer.testing import CliRunner

from springtide.cli.main import app

POLICIES = str(Path(__file__).parents[3] / "examples" / "policies")


def run(place: Path, *arguments: str) -> str:
    """Return what the command prints."""
    where = ["--policies", POLICIES, "--store", f"sqlite:///{place}/runs.db"]
    result = CliRunner().invoke(app, ["explain", "world-cup", *arguments, *where])
    assert result.exit_code == 0, result.output
    return result.output


def test_programs_get_every_input_and_every_guard(tmp_path: Path) -> None:
    explained = json.loads(run(tmp_path, "--current", "4", "-o", "json"))

    answer = explained["estimate"]["answers"][0]
    assert answer["model"] == "target_utilization"
    assert answer["inputs"]["per_replica"] == 100
    guards = {line["guard"]: line for line in explained["guards"]}
    assert list(guards) == [
        "replicas.min", "replicas.max", "guards.stabilization.down", "guards.stabilization.error_over",
        "guards.cooldown", "guards.cooldown_up", "guards.tolerance", "guards.step_up", "guards.step_down",
    ]  # fmt: skip
    assert guards["guards.step_up"]["effect"].startswith(f"{explained['estimate']['replicas']} → 12: ")
    assert guards["guards.step_down"] == {
        "guard": "guards.step_down",
        "setting": "50%",
        "allows": "at least 2 from 4",
        "effect": "did not bind",
    }
    assert explained["replicas"] == 12


def test_people_get_tables_and_a_plot(tmp_path: Path) -> None:
    printed = run(tmp_path, "--current", "20", "--plot", str(tmp_path / "why.html"))
    page = (tmp_path / "why.html").read_text()

    assert "did not bind" in printed
    assert "per_replica" in printed
    assert "<h1>Why world-cup needs 20</h1>" in page  # 19 are needed, which is within the tolerance of 20
    assert "model target_utilization" in page
