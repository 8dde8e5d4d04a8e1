"""`springtide doctor`: every part has its line and its cure, whatever the others do."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from springtide.cli import doctor_looks
from springtide.cli.looks import Look, LookStatus, good, looked_at
from springtide.cli.main import app
from springtide.clock import SystemClock
from springtide.errors import PermanentError
from support.simulation import Simulation

EXAMPLES = Path(__file__).parents[3] / "examples"
ANN = {"SPRINGTIDE_AIRFLOW_TOKEN": "t"}


def told(*arguments: str | Path, **environment: str) -> tuple[int, dict[str, dict[str, Any]]]:
    command = ["doctor", *map(str, arguments), "-o", "json"]
    done = CliRunner().invoke(app, command, env={"KUBECONFIG": "/nowhere", **environment})
    return done.exit_code, {line["part"]: line for line in json.loads(done.stdout)}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestLooking:
    def test_a_look_that_fails_or_hangs_takes_no_other_with_it(self) -> None:
        hangs = threading.Event()

        def refuse() -> Any:
            raise PermanentError("no right", code="rbac_missing")

        def break_down() -> Any:
            raise ZeroDivisionError

        looks = [
            Look("refused", refuse),
            Look("broken", break_down),
            Look("slow", lambda: good("late") if hangs.wait(60) else good("later")),
            Look("fine", lambda: good("fine")),
        ]
        found = dict(looked_at(looks, SystemClock(), seconds=1))
        hangs.set()

        assert [each.status for each in found.values()] == [LookStatus.BAD] * 3 + [LookStatus.GOOD]
        assert found["refused"].cure == "see rbac_missing in docs/runbook.md"
        assert "own fault" in found["broken"].found
        assert found["slow"].found == "no answer within 1 s"


class TestOnACluster:
    def test_where_all_is_well_it_exits_with_0(self, simulation: Simulation, folder: Path) -> None:
        text = simulation.policy.model_dump_json(exclude_unset=True, by_alias=True)
        (folder / "policies").mkdir()
        (folder / "policies" / "web.yaml").write_text(text)

        code, parts = told("--policies", folder / "policies")

        assert (code, parts["cluster"]["status"], parts["rights"]["status"]) == (0, "good", "good")
        assert "Kubernetes 1." in parts["cluster"]["found"]


class TestWithoutOne:
    def test_a_part_that_is_bad_has_its_cure_and_the_exit_code_is_1(self) -> None:
        code, parts = told("--policies", EXAMPLES / "sandbox")

        assert (code, parts["cluster"]["status"], parts["policies"]["status"]) == (1, "bad", "good")
        assert all(line["cure"] for line in parts.values() if line["status"] != "good")
        assert parts["store"]["status"] == "warning"

    def test_a_broken_policy_names_its_error(self, folder: Path) -> None:
        (folder / "web.yaml").write_text("kind: ScalingPolicy")

        _, parts = told("--policies", folder)

        assert parts["policies"]["status"] == "bad"
        assert parts["policies"]["cure"] == f"springtide validate {folder}"

    def test_a_prometheus_that_policies_need_and_nobody_named(self) -> None:
        _, parts = told("--policies", EXAMPLES / "policies")

        assert parts["Prometheus"]["status"] == "bad"
        assert "SPRINGTIDE_PROMETHEUS" in parts["Prometheus"]["cure"]

    def test_a_halt_is_told(self) -> None:
        _, parts = told(SPRINGTIDE_HALT="ann: the load balancer is down")

        assert "ann: the load balancer is down" in parts["halt"]["found"]


class TestAirflow:
    def answers(self, monkeypatch: pytest.MonkeyPatch, paused: set[str], absent: set[str]) -> None:
        def answer(_client: httpx.Client, _method: str, path: str) -> httpx.Response:
            if path.endswith("health"):
                parts = {"scheduler": {"status": "healthy"}, "triggerer": {"status": "unhealthy"}}
                return httpx.Response(200, json=parts)
            dag = path.rpartition("/")[2]
            if dag in absent:
                return httpx.Response(404, json={})
            return httpx.Response(200, json={"version": "3.3.2", "is_paused": dag in paused})

        monkeypatch.setattr(doctor_looks, "airflow_answer", answer)

    def test_paused_dags_have_the_command_that_turns_them_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers(monkeypatch, {"adjust_capacity"}, set())

        _, parts = told(**ANN)

        assert parts["DAGs"]["status"] == "warning"
        assert parts["DAGs"]["cure"] == "airflow dags unpause adjust_capacity"
        assert "not healthy: triggerer" in parts["Airflow"]["found"]

    def test_a_dag_that_is_not_there_is_bad(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers(monkeypatch, set(), {"scale_service"})

        assert told(**ANN)[1]["DAGs"]["found"] == "Airflow has no DAG scale_service"

    def test_one_that_does_not_answer_is_told(self) -> None:
        _, parts = told("--airflow", "http://127.0.0.1:1", **ANN)

        assert "does not answer" in parts["Airflow"]["found"]


def test_policies_list_shows_what_can_be_read_and_tells_the_rest(folder: Path) -> None:
    (folder / "web.yaml").write_text("kind: ScalingPolicy")
    (folder / "checkout.yaml").write_text((EXAMPLES / "sandbox" / "checkout.yaml").read_text())

    done = CliRunner().invoke(app, ["policies", "list", "--policies", str(folder)])

    assert done.exit_code == 1
    assert "checkout" in done.stdout
    assert "web.yaml" in done.stderr
