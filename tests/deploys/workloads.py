"""The workloads that are deployed: one for each cell, in a namespace of its own, under load."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploys.owner import DEPLOYMENT, Owner, Tools
from e2e.command import Springtide
from e2e.manifests import NAME, Web
from e2e.observer import Observer
from e2e.rest import is_at_rest
from e2e.scenario import Scenario
from e2e.stages import Given

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deploys.ways import Way
    from e2e.clusters import Cluster
    from e2e.stages import When

CURRENT = 2
TARGET = 3
RATE = 15
"""Requests a second on fresh and as many on kept connections, to each of the workloads."""

READY_WITHIN = "120s"


@dataclass(frozen=True, slots=True)
class Field:
    """Where the cells are played."""

    cluster: Cluster
    tools: Tools
    folder: Path
    second_image: str

    @contextmanager
    def workload(self, way: Way, *, replicas: int | None = None) -> Iterator[tuple[Owner, When]]:
        """Have a workload deployed in a way, its version 1 after its version 0, and under load until the end."""
        see = Observer(self.cluster.kubeconfig, f"deploys-{way.slug}-{secrets.token_hex(4)}")
        folder = self.folder / see.namespace
        folder.mkdir()
        owner = Owner(
            tools=self.tools,
            namespace=see.namespace,
            folder=folder,
            second_image=self.second_image,
            replicas=replicas,
        )
        see.create_namespace()
        scenario = Scenario(
            self.cluster, see, Springtide(self.cluster.kubeconfig_for(see, folder), folder), Web(see.namespace)
        )
        try:
            put(owner, way, see)
            yield owner, Given(scenario).a_policy(ready_within=READY_WITHIN).under_load(rate=RATE)
        finally:
            scenario.close()
            see.delete_namespace()
            see.close()


def put(owner: Owner, way: Way, see: Observer) -> None:
    """Deploy version 0, then version 1, and wait until two pods of that serve."""
    see.create("configmaps", Web(see.namespace).config_map())
    for version in ("0", "1"):
        said = way.put(owner, version)
        assert not said.is_refused, said
    if owner.replicas is None:
        said = owner.kubectl("scale", DEPLOYMENT, f"--replicas={CURRENT}")
        assert not said.is_refused, said
    see.until("the workload serves", lambda: is_serving(see), seconds=120)


def is_serving(see: Observer) -> bool:
    """Tell whether its two pods are there and nothing moves."""
    return see.get("deployments", NAME)["spec"]["replicas"] == CURRENT and is_at_rest(see)
