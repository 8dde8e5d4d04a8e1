"""The cells of the table: a way to deploy, and the moment of a run in which it is tried."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploys.workloads import CURRENT, TARGET, Field
from e2e.command import finished
from e2e.kills import Journal, begin_up_to
from e2e.live_load import Report
from e2e.rest import Rest, name_of
from springtide.run.state import Phase

if TYPE_CHECKING:
    import subprocess

    from deploys.owner import Owner, Said
    from deploys.ways import Way
    from e2e.command import Finished
    from e2e.observer import Observer
    from e2e.stages import When

PHASES = (
    Phase.CREATE_INSTANCES,
    Phase.INSTANCES_READY,
    Phase.SWITCH_ENDPOINTS,
    Phase.ENDPOINTS_SWITCHED,
    Phase.SMOKE_TEST,
    Phase.REMOVE_OLD_INSTANCES,
    Phase.INSTANCES_REMOVED,
)
AFTER = "after the run"
MOMENTS = (*(phase.value for phase in PHASES), AFTER)

PHASE_SECONDS = 300
LOOK_SECONDS = 0.02
"""Six runs are watched at once; one that is stopped a little later is in its phase all the same."""

STILL_SECONDS = 4
"""A controller that has something to do begins in less."""

ENDS = ("succeeded", "rolled_back")


@dataclass(frozen=True, slots=True)
class Case:
    """One cell before it is played."""

    way: Way
    moment: str

    @property
    def title(self) -> str:
        """What it is called."""
        return f"{self.way.name}, {self.moment}"


@dataclass(slots=True)
class Cell:
    """One cell. `refused` is what the owner was told who could not deploy at that moment; empty where they could."""

    case: Case
    met_in: str = ""
    refused: str = ""
    outcome: str = ""
    error: str = ""
    rest: Rest | None = None
    requests: int = 0
    failed: int = 0
    wrong: list[str] = field(default_factory=list)
    seen: str = ""

    @property
    def is_good(self) -> bool:
        """Whether nobody noticed anything, and everything is as it should be."""
        return not self.wrong and self.failed == 0


def played(case: Case, where: Field) -> Cell:
    """Play a cell; what breaks it is told in it."""
    cell = Cell(case)
    try:
        with where.workload(case.way) as (owner, when):
            try:
                play(cell, owner, when)
            finally:
                count(cell, when)
    except Exception as error:  # noqa: BLE001  (one cell that breaks must not take the others with it)
        cell.wrong.append(f"{type(error).__name__}: {error}")
    return cell


def play(cell: Cell, owner: Owner, when: When) -> None:
    """Run, deploy, and see what is there at the end."""
    see = when.scenario.see
    if cell.case.moment == AFTER:
        run = finished(when.begin(to=TARGET, by="blue_green"))
        cell.wrong += nothing_rolls_out(cell.case.way, owner, when)
        told = cell.case.way.deploy(owner)
    else:
        process, told = deployed_during(cell, owner, when)
        run = finished(process)
    cell.seen = str(run)
    cell.outcome = str(run.record.get("outcome"))
    cell.error = str(run.error.get("code", ""))
    if told.is_refused:
        cell.refused = str(told)
        if not is_for_a_reason(cell):
            cell.wrong.append(f"refused: {told}")
        told = cell.case.way.deploy(owner)
        if told.is_refused:
            cell.wrong.append(f"refused after the run, too: {told}")
    cell.rest = Rest.of(see)
    cell.wrong += faults(cell, run, when)


def deployed_during(cell: Cell, owner: Owner, when: When) -> tuple[subprocess.Popen[str], Said]:
    """Begin a run, deploy in the phase, and return the run's process, which goes on.

    The process stands still while the owner's command works, or a short phase would be over before it is.
    """
    see = when.scenario.see
    phase = Phase(cell.case.moment)
    process = begin_up_to(when, phase, to=TARGET, within=PHASE_SECONDS, look=LOOK_SECONDS)
    process.send_signal(signal.SIGSTOP)
    try:
        journal = Journal.read(see)
        cell.met_in = journal.phase if journal else ""
        told = cell.case.way.deploy(owner)
    except BaseException:
        process.kill()
        raise
    process.send_signal(signal.SIGCONT)
    return process, told


def is_for_a_reason(cell: Cell) -> bool:
    """Tell whether a refusal is one that a run under way explains: paused, or the pinned selector.

    kubectl itself neither restarts nor undoes a paused Deployment. A server-side apply of the Service meets the one
    field of it that the run holds.
    """
    if cell.case.moment == AFTER:
        return False
    is_paused = "paused" in cell.refused
    is_pinned = 'conflict with "springtide"' in cell.refused and cell.refused.count(".spec.") == 1
    return is_paused or (is_pinned and ".spec.selector" in cell.refused)


def nothing_rolls_out(way: Way, owner: Owner, when: When) -> list[str]:
    """Deploy what is there already; return what came of it that should not."""
    if way.same is None:
        return []
    see = when.scenario.see
    before = inventory(see)
    told = way.same(owner)
    load = when.scenario.load
    assert load is not None
    load.watch_on(STILL_SECONDS)
    after = inventory(see)
    changed = [] if before == after else [f"the same again: {sorted(before ^ after)} came or went"]
    return [*changed, *([f"the same again: refused: {told}"] if told.is_refused else [])]


def inventory(see: Observer) -> set[tuple[str, str, str]]:
    """Return every pod and every ReplicaSet with its size."""
    pods = {("pod", name, str(pod["metadata"]["uid"])) for name, pod in see.pods().items()}
    return pods | {("ReplicaSet", name_of(each), str(each["spec"]["replicas"])) for each in see.objects("replicasets")}


def faults(cell: Cell, run: Finished, when: When) -> list[str]:
    """Return what is not as it should be at the end."""
    assert cell.rest is not None
    before = when.before
    replicas = TARGET if cell.outcome == "succeeded" else CURRENT
    found = cell.rest.faults(
        replicas=replicas,
        version=cell.case.way.gets,
        service=before.service,
        uid=before.deployment["metadata"]["uid"],
    )
    if cell.outcome not in ENDS:
        found.append(f"the run ended otherwise: {run}")
    return found


def count(cell: Cell, when: When) -> None:
    """Watch a while longer, stop the load and count."""
    load = when.scenario.load
    assert load is not None
    when.scenario.load = None
    load.watch_on(1)
    reports: list[Report] = load.stop()
    cell.requests = sum(report.requests for report in reports)
    cell.failed = sum(report.failed for report in reports)
    if cell.failed:
        cell.seen += f"\n{[report.raw for report in reports if report.failed]}"
