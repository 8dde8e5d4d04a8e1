"""What a run asks with springtide's credentials: always what its policy says now, never what its Lease says.

A Lease is written by whoever may write Leases in its namespace, and whoever ends a run asks with other rights than
theirs: Prometheus, databases, pods by way of the API server. So the Lease says only *that* there was something to ask.
Where the policy is gone, or is another workload's by now, none of it is asked: it is told, nothing counts as passed,
and the run goes no further.
"""

from __future__ import annotations

from dataclasses import dataclass

from springtide.errors import PermanentError
from springtide.policy.scaling.databases import DatabaseCheck
from springtide.policy.scaling.model import ScalingPolicy
from springtide.policy.scaling.smoke import SmokeCheck
from springtide.policy.scaling.stability import Stability
from springtide.policy.scaling.strategy import Probe
from springtide.run.ports import Ports
from springtide.run.state import RunState
from springtide.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What may be asked for a run. `gone` says why it is nothing, where its policy cannot be had."""

    smoke: tuple[SmokeCheck, ...] = ()
    databases: tuple[DatabaseCheck, ...] = ()
    stability: Stability | None = None
    probe: Probe | None = None
    gone: str | None = None

    def unasked(self, what: str, stored: object) -> str | None:
        """Return that `what` is not asked, though the run began with it (`stored`); None where nothing is left out."""
        if self.gone is None or not stored:
            return None
        return f"{what}: not asked, because {self.gone}"


def questions_of(ports: Ports, state: RunState) -> Questions:
    """Return what may be asked for the run now.

    Raises:
        TemporaryError: where policies are read does not answer.
    """
    name = state.plan.policy
    try:
        policy = ports.policy_of(name)
    except PermanentError as error:
        return Questions(gone=f"its policy cannot be had: {error.message} Put {name!r} back as it was.")
    target = policy.spec.target.workload
    own = state.plan.target
    if target != own:
        return Questions(gone=f"policy {name!r} is for {_named(target)} now, and the run is of {_named(own)}.")
    return _of(policy)


def _named(target: Workload) -> str:
    return f"{target} with Service {target.service}" if target.service else str(target)


def _of(policy: ScalingPolicy) -> Questions:
    spec = policy.spec
    return Questions(smoke=spec.smoke, databases=spec.databases, stability=spec.stability, probe=spec.strategy.probe)
