"""`springtide status --watch` follows a run of any process until it ends; `springtide abort` asks one to stop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from springtide.cli import watch as watching
from springtide.cli.main import app
from springtide.cli.options import CliContext
from springtide.errors import SpringtideError
from springtide.record.store import OpenStore
from springtide.run import phases
from springtide.run.aborting import request_abort
from springtide.run.ports import RunRef
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match
from support.simulation import WORKLOAD, Simulation


@pytest.fixture
def policies(simulation: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The simulation's policy in a folder that commands read, and its store as the one that they open."""
    tmp_path.joinpath("web.yaml").write_text(simulation.policy.model_dump_json(exclude_unset=True, by_alias=True))
    monkeypatch.setenv("SPRINGTIDE_POLICIES", str(tmp_path))
    opened: OpenStore = lambda: simulation.store  # noqa: E731  a store is its own context
    monkeypatch.setattr(CliContext, "open_store", lambda _place: opened())
    monkeypatch.setattr(watching, "SystemClock", lambda: simulation.world.clock)
    return tmp_path


def invoked(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def begun(simulation: Simulation) -> RunRef:
    ports = simulation.ports("run-1")
    request = simulation.request(4)
    plan = phases.calculate_capacity(ports, request)
    phases.create_instances(ports, request, plan)
    return RunRef.of_plan(plan, "run-1")


def undone(simulation: Simulation, ref: RunRef) -> None:
    """Let the run notice that it is aborted, and roll back."""
    cause: SpringtideError | None = None
    try:
        phases.instances_ready(simulation.ports("run-1"), ref)
        phases.switch_endpoints(simulation.ports("run-1"), ref)
    except SpringtideError as error:
        cause = error
    phases.roll_back(simulation.ports("run-1"), ref)
    phases.report(simulation.ports("run-1"), ref, cause)


@pytest.mark.usefixtures("policies")
class TestWatching:
    """It ends with the run, and says by its exit code whether that did its work."""

    def test_a_run_that_succeeded_is_shown_as_it_ended(self, simulation: Simulation) -> None:
        simulation.run(4)

        result = invoked("status", "web", "--watch")

        assert result.exit_code == 0, result.output
        assert "web 2 → 4, done after" in result.output
        assert "Removed, succeeded: exactly 4 pods serve" in result.output

    def test_a_run_in_progress_is_followed_until_it_has_rolled_back(self, simulation: Simulation) -> None:
        ref = begun(simulation)
        request_abort(simulation.ports(), WORKLOAD, "web", by="bea", reason="they are slow")
        look = Fault(FaultKind.PAUSE, meanwhile=lambda: undone(simulation, ref))
        simulation.world.faults = FaultPlan().at(Match(method="GET", path="/leases/"), look, skip=1)

        result = invoked("status", "--run", "run-1", "--watch", "-o", "json")

        run = json.loads(result.stdout)
        assert (result.exit_code, run["outcome"]) == (1, "rolled_back")
        assert "aborted by bea: they are slow" in run["headline"]

    def test_without_any_run_it_says_so(self) -> None:
        result = invoked("status", "web", "--watch")

        assert result.exit_code == 1
        assert "there is no run of 'web' to watch" in result.output


@pytest.mark.usefixtures("policies")
class TestAborting:
    """It asks, waits, and ends as the run says."""

    def test_a_run_that_rolls_back_is_told(self, simulation: Simulation) -> None:
        ref = begun(simulation)
        look = Fault(FaultKind.PAUSE, meanwhile=lambda: undone(simulation, ref))
        simulation.world.faults = FaultPlan().at(Match(method="GET", path="/leases/"), look, skip=1)

        result = invoked("abort", "web", "--reason", "they are slow", "-o", "json")

        end = json.loads(result.stdout)
        assert (result.exit_code, end["outcome"], end["run_id"]) == (0, "rolled_back", "run-1")
        assert ": they are slow" in end["message"]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--reason", "it is slow"), "no run owns 'web', so there is nothing to abort"),
            (("--reason", "it is slow", "--run", "run-9"), "run 'run-9' has written nothing here"),
        ],
    )
    def test_where_there_is_nothing_to_abort_it_says_why(self, arguments: tuple[str, ...], words: str) -> None:
        result = invoked("abort", "web", *arguments)

        assert result.exit_code == 1
        assert words in " ".join(result.output.split())

    def test_without_a_reason_it_asks_for_one(self, simulation: Simulation) -> None:
        begun(simulation)

        assert invoked("abort", "web").exit_code == 2
        assert "say why the run is to stop" in invoked("abort", "web", "--reason", " ").output
