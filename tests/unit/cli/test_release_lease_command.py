"""`springtide release-lease` and `springtide roll-back`: a person and a run that is held, in virtual time."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from springtide.cli.main import app
from springtide.cli.options import CliContext
from springtide.record.model import RunOutcome
from springtide.run import phases
from springtide.run.lease import read_lease, renew
from springtide.run.ports import RunRef
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan
from support.builders import policy_text
from support.simulation import NAMESPACE, WORKLOAD, Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from springtide.run.ports import Ports
    from springtide.sandbox.history import Call

REF = RunRef(workload=WORKLOAD, run_id="cli-1")


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> Simulation:
    """A workload of two pods, and a run that has made four new ones; the commands' ports are its."""
    made = Simulation.of(2)
    request = made.request(4, REF.run_id)
    phases.create_instances(made.ports(), request, phases.calculate_capacity(made.ports(), request))

    @contextmanager
    def ports(_place: CliContext, _on_wait: Callable[[str], None]) -> Iterator[Ports]:
        yield made.ports("person")

    monkeypatch.setattr(CliContext, "ports", ports)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web.yaml").write_text(policy_text())
    return tmp_path


def command(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [arguments[0], "web", "--policies", str(folder), "-o", "json", *arguments[1:]])


def holder(simulation: Simulation) -> str:
    lease = simulation.world.get("leases", NAMESPACE, WORKLOAD.lease_name)
    assert lease is not None
    return str(lease["spec"].get("holderIdentity") or "")


def lives(simulation: Simulation) -> None:
    """Let the run's owner renew its Lease every 20 seconds, from another process."""
    last = [simulation.world.elapsed]

    def renewed() -> None:
        owner = simulation.ports("owner")
        lease = read_lease(owner.kube, WORKLOAD)
        assert lease is not None
        renew(owner.kube, owner.clock, lease, WORKLOAD)

    def beat(call: Call) -> Fault | None:
        if call.user_agent != "person" or simulation.world.elapsed - last[0] < 20:
            return None
        last[0] = simulation.world.elapsed
        return Fault(FaultKind.PAUSE, meanwhile=renewed)

    simulation.world.faults = beat


class TestReleasing:
    def test_it_says_what_the_run_leaves_and_refuses_until_somebody_has_looked(
        self, simulation: Simulation, folder: Path
    ) -> None:
        phases.report(simulation.ports(), REF)

        refused = command(folder, "release-lease")
        released = command(folder, "release-lease", "--i-have-looked")

        assert refused.exit_code == 1
        assert "look_required" in refused.stderr
        assert "is set aside: 2 replicas" in refused.stderr
        answer = json.loads(released.stdout)
        assert (released.exit_code, answer["run_id"], answer["outcome"]) == (0, "cli-1", "needs_attention")
        assert any("is set aside: 2 replicas" in line for line in answer["left"])
        assert holder(simulation) == ""

    def test_it_refuses_a_run_that_waits_for_nobody_and_one_that_lives(
        self, simulation: Simulation, folder: Path
    ) -> None:
        waits_for_nobody = command(folder, "release-lease", "--i-have-looked")
        lives(simulation)
        alive = command(folder, "release-lease", "--i-have-looked", "--run", "cli-1")
        simulation.world.faults = FaultPlan()

        for refused in (waits_for_nobody, alive):
            assert (refused.exit_code, "run_alive" in refused.stderr) == (1, True)
        assert holder(simulation) == "cli-1"

    def test_where_nothing_is_held_it_says_so(self, simulation: Simulation, folder: Path) -> None:
        phases.roll_back(simulation.ports(), REF)
        phases.report(simulation.ports(), REF)

        result = command(folder, "release-lease", "--i-have-looked")

        assert (result.exit_code, "run_unknown" in result.stderr) == (1, True)


class TestRollingBack:
    def test_where_no_run_owns_it_there_is_nothing_to_do_and_nothing_failed(
        self, simulation: Simulation, folder: Path
    ) -> None:
        phases.roll_back(simulation.ports(), REF)
        phases.report(simulation.ports(), REF)

        result = command(folder, "roll-back")

        answer = json.loads(result.stdout)
        assert (result.exit_code, answer["outcome"], answer["run_id"]) == (0, "nothing_to_do", "")
        assert "there is nothing to undo" in answer["message"]

    def test_it_waits_until_the_lease_has_stood_still(self, simulation: Simulation, folder: Path) -> None:
        begin = simulation.world.elapsed
        calls = len(simulation.world.history.calls)

        result = command(folder, "roll-back")

        assert json.loads(result.stdout)["outcome"] == "rolled_back"
        first = next(call for call in simulation.world.history.calls[calls:] if call.write)
        assert first.time - begin >= 60

    def test_it_does_not_wait_when_it_is_forced(self, simulation: Simulation, folder: Path) -> None:
        lives(simulation)
        begin = simulation.world.elapsed
        calls = len(simulation.world.history.calls)

        result = command(folder, "roll-back", "--force")

        assert json.loads(result.stdout)["outcome"] == "rolled_back"
        first = next(call for call in simulation.world.history.calls[calls:] if call.write)
        assert first.time - begin < 5

    def test_it_undoes_nothing_of_a_run_that_lives(self, simulation: Simulation, folder: Path) -> None:
        lives(simulation)
        calls = len(simulation.world.history.calls)

        result = command(folder, "roll-back")

        simulation.world.faults = FaultPlan()
        assert result.exit_code == 1
        assert "run_alive" in result.stderr
        assert "--force" in result.stderr
        written = {call.user_agent for call in simulation.world.history.calls[calls:] if call.write}
        assert written == {"owner"}
        assert phases.instances_ready(simulation.ports(), REF).is_done

    def test_a_run_that_waits_for_a_person_is_undone_at_once(self, simulation: Simulation, folder: Path) -> None:
        assert phases.report(simulation.ports(), REF) is RunOutcome.NEEDS_ATTENTION
        begin = simulation.world.elapsed
        calls = len(simulation.world.history.calls)

        result = command(folder, "roll-back")

        assert json.loads(result.stdout)["outcome"] == "rolled_back"
        first = next(call for call in simulation.world.history.calls[calls:] if call.write)
        assert first.time - begin < 5
