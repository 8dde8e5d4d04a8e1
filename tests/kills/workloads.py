"""The workloads that are scaled meanwhile: one for each case, in a namespace of its own, under load."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2e.command import Springtide
from e2e.manifests import Web, policy
from e2e.observer import Observer
from e2e.scenario import Scenario
from e2e.stages import Given

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from e2e.clusters import Cluster
    from e2e.stages import When
    from kills.cases import Case

CURRENT = 2
WAIT = "12s"
"""How long pods start, drain, and the switch is left to spread: each of these waits leaves the worker."""

SLOW = {"STARTUP": WAIT, "DRAIN": WAIT}

RATE = 15
"""Requests a second on fresh and as many on kept connections, to each of the workloads."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload that is to be made, and the policy that Airflow knows it by."""

    service: str
    scenario: Scenario

    def under_load(self) -> When:
        """Make it, and let the load begin."""
        return Given(self.scenario).web(replicas=CURRENT).under_load(rate=RATE)

    def close(self) -> None:
        """Take it away, for the next ones to have the node for themselves."""
        self.scenario.close()
        self.scenario.see.delete_namespace()


def workload(cluster: Cluster, folder: Path, case: Case, stack: ExitStack) -> Workload:
    """Make its namespace, and its policy in `folder`/policies: Airflow reads those when it starts."""
    see = Observer(cluster.kubeconfig, f"kills-{secrets.token_hex(4)}")
    own = folder / see.namespace
    own.mkdir()
    scenario = Scenario(cluster, see, Springtide(cluster.kubeconfig, own), Web(see.namespace, environment=SLOW))
    see.create_namespace()
    stack.callback(see.close)
    stack.callback(scenario.close)
    written = policy(see.namespace, smoke_path="/healthz", ready_within="120s")
    written["metadata"]["name"] = case.service
    written["spec"]["strategy"] |= {"propagation": WAIT}
    (folder / "policies" / f"{case.service}.yaml").write_text(json.dumps(written))
    return Workload(case.service, scenario)
