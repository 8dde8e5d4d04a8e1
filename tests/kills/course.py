"""Every scenario of an Airflow under way at once, and with them a few runs whose Airflow is struck."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from e2e.airflow_runs import CASES, SWEPT, write_demand
from e2e.real_airflow import RealAirflow
from e2e.workloads import Site
from kills.airflow import StruckAirflow
from kills.cases import DEFERRED_AFTER, FAULTS, PACE, TRIGGERER, Case, policy_in, strike
from kills.table import Ended as Survived
from springtide.run.state import Phase

if TYPE_CHECKING:
    from concurrent.futures import Future
    from contextlib import ExitStack
    from pathlib import Path

    from e2e.airflow_runs import Ended
    from e2e.clusters import Cluster
    from e2e.workloads import Workload

MET_IN = Phase.ENDPOINTS_SWITCHED
SLICE = (
    *(Case(fault, MET_IN) for fault in FAULTS if fault.slug in {"task", "deleted"}),
    Case(TRIGGERER, MET_IN, after=DEFERRED_AFTER),
)
"""Those that `make test` has time for; the others take over a minute to be noticed, and are for `make kills`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is under way, by service: each scenario and each struck run in a thread of its own, and the sweep last.

    The sweep looks at every service, so the struck ones have no policy any more by then.
    """

    workloads: dict[str, Workload]
    ending: dict[str, Future[Ended]]
    surviving: dict[str, Future[Survived]]

    @classmethod
    def begin(cls, cluster: Cluster, folder: Path, stack: ExitStack) -> Self:
        """Make every workload, start Airflow, and let all of it go."""
        site = Site(cluster, folder, stack)
        workloads = {case.service: site.workload(case.service, case.pace, case.policy_in) for case in (*CASES, SWEPT)}
        workloads |= {case.service: site.workload(case.service, PACE, policy_in) for case in SLICE}
        write_demand(site.policies / "demand.csv")
        airflow = RealAirflow.start(workloads[SWEPT.service].kubeconfig, folder, stack)
        struck = StruckAirflow(airflow)
        pool = stack.enter_context(ThreadPoolExecutor(len(workloads)))

        def survived(case: Case) -> Survived:
            try:
                return Survived.of(strike(case, workloads[case.service], struck))
            finally:
                (site.policies / f"{case.service}.yaml").unlink()

        surviving = {case.service: pool.submit(survived, case) for case in SLICE}
        ending = {case.service: pool.submit(case.play, workloads[case.service], airflow) for case in CASES}
        others: list[Future[Any]] = [*surviving.values(), *ending.values()]

        def swept() -> Ended:
            wait(others)
            return SWEPT.play(workloads[SWEPT.service], airflow)

        ending[SWEPT.service] = pool.submit(swept)
        return cls(workloads=workloads, ending=ending, surviving=surviving)

    def ended(self, service: str) -> Ended:
        """Return what the scenario of a service came to, or raise what it failed with."""
        return self.ending[service].result()

    def survived(self, service: str) -> Survived:
        """Return how the run of a service ended whose Airflow was struck, or raise what was in the way."""
        return self.surviving[service].result()

    def standing(self, service: str) -> int:
        """Return how many endpoints of a service are ready now."""
        return len(self.workloads[service].scenario.see.ready_endpoints())

    def close(self) -> None:
        """Take every workload away."""
        for each in self.workloads.values():
            each.close()
