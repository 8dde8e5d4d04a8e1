"""What sweeps and events reach the world through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from springtide.clock import Clock
from springtide.errors import InputError
from springtide.events.calendars import Calendars
from springtide.fleet.load_test import Send, send
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.store import OpenStore
from springtide.run.ports import Ports


class Policies(Protocol):
    """The policies that there are, by the names of their services."""

    def names(self) -> Sequence[str]:
        """Return the services that have a policy, readable or not."""
        ...

    def get(self, name: str) -> ScalingPolicy:
        """Return the policy of the service `name`.

        Raises:
            InputError: there is none.
            PolicyError: it has errors.
        """
        ...


def _no_other_cluster(policy: ScalingPolicy) -> AbstractContextManager[Ports]:
    raise InputError(
        f"target.cluster: {policy.spec.target.cluster!r}, the cluster of policy {policy.name}, cannot be reached from "
        "here.",
        code="cluster_unreachable",
        field="target.cluster",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPorts:
    """Everything outside: time, calendars, policies; the ports of a run and the store, opened when they are needed.

    `calendars` returns what is known of all calendars now. `open_ports` opens the default cluster, and `open_cluster`
    the one that a policy names. Both and `open_store` may raise `TemporaryError` when something does not answer, and
    `InputError` when it cannot be used. `send` sends the load of a rehearsal.
    """

    clock: Clock
    calendars: Callable[[], Calendars]
    policies: Policies
    open_ports: Callable[[], AbstractContextManager[Ports]]
    open_store: OpenStore
    open_cluster: Callable[[ScalingPolicy], AbstractContextManager[Ports]] = _no_other_cluster
    send: Send = send

    def ports_of(self, policy: ScalingPolicy) -> AbstractContextManager[Ports]:
        """Open the cluster of `policy`.

        Raises:
            InputError: it cannot be used.
            TemporaryError: the store does not answer.
        """
        return self.open_ports() if policy.spec.target.cluster is None else self.open_cluster(policy)
