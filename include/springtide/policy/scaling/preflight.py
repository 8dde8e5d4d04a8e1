"""What must hold before anything is written, beyond the workload itself."""

from typing import Annotated, Literal

from pydantic import Field

from springtide.policy.language.parts import Part

PreflightCheck = Literal[
    "quota",
    "nodes",
    "warm_nodes",
    "disruption_budget",
    "autoscaler_maximum",
    "image",
    "grace",
    "deadlines",
    "rights",
    "owner",
    "server_version",
    "gitops",
    "downstream",
    "database",
    "smoke",
    "admission",
    "traffic_policy",
]


class PreflightSpec(Part):
    """Which findings of the preflight only warn."""

    only_warn: Annotated[tuple[PreflightCheck, ...], Field(strict=False)] = ()
    """Checks whose findings are reported but do not stop a run: `quota`, `nodes`, `warm_nodes`, `disruption_budget`,
    `autoscaler_maximum`, `image`, `grace`, `deadlines`, `rights`, `owner`, `server_version`, `gitops`,
    `downstream`, `database`, `smoke`, `admission` or `traffic_policy`. Default none. `nodes` where a cluster
    autoscaler brings more of them; `gitops` and `owner` where the tool is known to leave the field alone."""
