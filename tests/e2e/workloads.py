"""Workloads that an Airflow scales, each in a namespace of its own: made under load, known to Airflow by a policy."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2e.command import Springtide
from e2e.manifests import Json, Web
from e2e.observer import Observer
from e2e.scenario import Scenario
from e2e.stages import Given

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

    from e2e.clusters import Cluster
    from e2e.stages import When


@dataclass(frozen=True, slots=True)
class Pace:
    """How long pods start, drain, and the switch is left to spread: what takes over 5 s leaves the worker."""

    seconds: int

    @property
    def environment(self) -> dict[str, str]:
        """The pods' environment."""
        return {"STARTUP": f"{self.seconds}s", "DRAIN": f"{self.seconds}s"}


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload that is to be made, and the name of the policy that Airflow knows it by."""

    service: str
    scenario: Scenario

    @property
    def kubeconfig(self) -> Path:
        """What reaches it, and every other workload of its site: by the shipped Role where there is RBAC."""
        return self.scenario.springtide.kubeconfig

    @property
    def given(self) -> Given:
        """The beginning of its scenario."""
        return Given(self.scenario)

    def under_load(self, *, replicas: int, rate: int) -> When:
        """Make it, and let the load begin: `rate` requests a second on fresh and as many on kept connections."""
        return self.given.web(replicas=replicas).under_load(rate=rate)

    def close(self) -> None:
        """Take it away, for others to have the node for themselves."""
        self.scenario.close()
        self.scenario.see.delete_namespace()


@dataclass(frozen=True, slots=True)
class Site:
    """Where workloads are made: the cluster, the folder of what Airflow reads, and what is closed at the end."""

    cluster: Cluster
    folder: Path
    stack: ExitStack

    @property
    def policies(self) -> Path:
        """The folder of policies; it is made where it is missing."""
        folder = self.folder / "policies"
        folder.mkdir(exist_ok=True)
        return folder

    def workload(self, service: str, pace: Pace, policy_in: Callable[[str], Json]) -> Workload:
        """Make its namespace, and its policy: what `policy_in` says for that namespace, under the service's name."""
        see = Observer(self.cluster.kubeconfig, f"air-{secrets.token_hex(4)}")
        own = self.folder / see.namespace
        own.mkdir()
        see.create_namespace()
        self.stack.callback(see.close)
        kubeconfig = self.cluster.kubeconfig_for(see, own)
        scenario = Scenario(
            self.cluster, see, Springtide(kubeconfig, own), Web(see.namespace, environment=pace.environment)
        )
        self.stack.callback(scenario.close)
        written = policy_in(see.namespace)
        written["metadata"]["name"] = service
        (self.policies / f"{service}.yaml").write_text(json.dumps(written))
        return Workload(service, scenario)
