"""The process of a run is killed, frozen, or loses its API server, in each phase: nobody notices, and all ends well.

All runs are struck first and then ended by one `springtide reconcile`: it takes a minute of silence, whatever their
number.
"""

from __future__ import annotations

import secrets
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from e2e.command import Springtide, finished
from e2e.kills import RATE_OF_EACH, Struck, begin_up_to, strike
from e2e.manifests import NAME, Web
from e2e.observer import Observer
from e2e.scenario import Scenario
from e2e.stages import Given
from springtide.run.state import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.clusters import Cluster
    from e2e.command import Finished
    from e2e.manifests import Json
    from e2e.real_cluster import RealCluster

pytestmark = pytest.mark.timeout(900)  # the first test waits for all of them to be struck and reconciled

CURRENT = 2
TARGET = 3
REFUSED = ("run_finished", "service_busy", "leftover_set")
"""How one that wakes is told: by the Lease, or by the pods of the run after it, whichever it sees first."""

FROZEN_IN = Phase.ENDPOINTS_SWITCHED
PHASES = (
    Phase.CREATE_INSTANCES,
    Phase.INSTANCES_READY,
    Phase.SWITCH_ENDPOINTS,
    Phase.ENDPOINTS_SWITCHED,
    Phase.SMOKE_TEST,
    Phase.REMOVE_OLD_INSTANCES,
    Phase.INSTANCES_REMOVED,
)


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What `springtide reconcile` came to, once every run had been struck."""

    killed: dict[Phase, Struck]
    frozen: Struck
    woken: Finished
    second: Finished
    exit_code: int
    ended: dict[str, Json]
    errors: str


@pytest.fixture(scope="module")
def workloads(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Given]]:
    """As many workloads as there are runs to strike, each in a namespace of its own."""
    scenarios = [scenario(cluster, tmp_path_factory.mktemp("kills")) for _ in range(len(PHASES) + 1)]
    yield [Given(each) for each in scenarios]
    for each in scenarios:
        each.close()
        each.see.delete_namespace()
        each.see.close()


@pytest.fixture(scope="module")
def aftermath(workloads: list[Given]) -> Aftermath:
    """Strike a run in each phase, freeze one, reconcile them all, and wake the frozen one when it has a successor."""
    under_load = [given.web(replicas=CURRENT).under_load(rate=RATE_OF_EACH) for given in workloads]
    frozen = strike(under_load.pop(), FROZEN_IN, to=TARGET, with_signal=signal.SIGSTOP)
    killed = {phase: strike(when, phase, to=TARGET) for phase, when in zip(PHASES, under_load, strict=True)}
    springtide = frozen.scenario.springtide
    namespaces = [struck.scenario.see.namespace for struck in (frozen, *killed.values())]
    exit_code, runs, errors = springtide.reconcile_in(*namespaces)
    second = springtide.run(NAME, replicas=TARGET, strategy="blue_green")
    frozen.process.send_signal(signal.SIGCONT)
    woken = finished(frozen.process)
    return Aftermath(killed, frozen, woken, second, exit_code, {run["namespace"]: run for run in runs}, errors)


def scenario(cluster: Cluster, folder: Path) -> Scenario:
    see = Observer(cluster.kubeconfig, f"kill-{secrets.token_hex(4)}")
    see.create_namespace()
    return Scenario(cluster, see, Springtide(cluster.kubeconfig_for(see, folder), folder), Web(see.namespace))


@pytest.mark.real_cluster
def test_every_run_has_come_to_an_end(aftermath: Aftermath) -> None:
    assert aftermath.exit_code == 0, aftermath.errors
    assert [run["status"] for run in aftermath.ended.values()] == ["ended"] * (len(PHASES) + 1)


@pytest.mark.real_cluster
@pytest.mark.parametrize("phase", PHASES)
def test_a_run_that_is_killed_is_finished_or_undone(aftermath: Aftermath, phase: Phase) -> None:
    struck = aftermath.killed[phase]
    expected = "succeeded" if struck.journal.is_proven else "rolled_back"

    record = aftermath.ended[struck.scenario.see.namespace]
    ending = struck.when.then(aftermath.woken)

    assert record["outcome"] == expected, (struck.journal, record)
    ending.exactly(TARGET if struck.journal.is_proven else CURRENT)
    ending.the_service_as_before().nothing_left_behind().no_request_failed()


@pytest.mark.real_cluster
def test_a_run_that_wakes_after_another_has_taken_its_place_is_fenced(aftermath: Aftermath) -> None:
    frozen = aftermath.frozen
    ending = frozen.when.then(aftermath.woken)

    assert aftermath.ended[frozen.scenario.see.namespace]["outcome"] == "rolled_back"
    assert (aftermath.second.exit_code, aftermath.second.record["outcome"]) == (0, "succeeded"), aftermath.second
    assert (aftermath.woken.exit_code, aftermath.woken.record["outcome"]) == (1, "rolled_back"), aftermath.woken
    assert any(code in aftermath.woken.errors for code in REFUSED), aftermath.woken
    ending.exactly(TARGET).the_service_as_before().nothing_left_behind().no_request_failed()


@pytest.mark.own_cluster
@pytest.mark.parametrize("phase", [Phase.INSTANCES_READY, Phase.REMOVE_OLD_INSTANCES])
def test_a_run_outlives_its_api_server(given: Given, own_cluster: RealCluster, phase: Phase) -> None:
    when = given.web(replicas=CURRENT).under_load()
    process = begin_up_to(when, phase, to=TARGET)

    own_cluster.kill_api_server()
    ending = when.then(finished(process))

    ending.it_succeeded().exactly(TARGET).only_new_pods().the_service_as_before()
    ending.nothing_left_behind().no_request_failed()
