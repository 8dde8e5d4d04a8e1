"""How new instances are brought in and the stable ones leave."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from springtide.policy.language.parts import Contradiction, Part
from springtide.policy.language.units import Duration, Percent, Pods, UrlPath, between, refusal, shown
from springtide.policy.scaling.patience import Patience
from springtide.policy.scaling.warm_nodes import WarmNodes

_HEADER = "header:"
_IDENTITY = r"body|none|header:[A-Za-z0-9][A-Za-z0-9-]{0,63}"


def _identity(text: str) -> str:
    if re.fullmatch(_IDENTITY, text) is None:
        raise refusal("policy_type", f"expected body, none or header:NAME, got {shown(text)}")
    return text


Identity = Annotated[
    str, AfterValidator(_identity), WithJsonSchema({"type": "string", "pattern": f"^(?:{_IDENTITY})$"})
]


class Probe(Part):
    """Asks through the Service which pods answer, in addition to reading its EndpointSlices."""

    path: UrlPath
    """The path that is requested, such as `/whoami`. Required."""

    identity: Identity
    """Where an answer holds the name of the pod that gave it: `body`, `header:NAME`, or `none`, when the service does
    not say and only its answering is checked. Required: a wrong guess would prove nothing."""

    times: Annotated[int, Field(ge=1, le=1000)] = 20
    """How many answers in a row must come from the new set alone. Default 20: with half of the endpoints still old, a
    false proof has a chance of one in a million."""

    @property
    def header(self) -> str | None:
        """The header that names the pod; None when another place does."""
        return self.identity.removeprefix(_HEADER) if self.identity.startswith(_HEADER) else None


class Deadlines(Part):
    """How long a phase may wait. A phase that is not done by then fails, and the run rolls back."""

    ready: Annotated[Duration, between("1s", "1d")] = Duration("10m")
    """For the new instances to be ready. Default 10m: Kubernetes' own progressDeadlineSeconds. Failures that pods
    report themselves end the wait earlier; see `Patience`."""

    switched: Annotated[Duration, between("1s", "1d")] = Duration("5m")
    """For the endpoints to show the new set alone, propagation included. Default 5m: ten times the default
    propagation."""

    smoke: Annotated[Duration, between("1s", "1h")] = Duration("5m")
    """For all new pods to answer the smoke checks that are asked before the switch. Default 5m: that of `switched`, to
    which it is added where there are such checks."""

    removed: Annotated[Duration, between("1s", "1d")] = Duration("15m")
    """For the stable set to be drained and removed, all steps together. Default 15m: drain, then four steps with pods
    that take minutes to end. Old pods that are still on their way out then are told, and cost the run nothing."""


class StrategyPart(Part):
    """What every strategy waits for."""

    propagation: Annotated[Duration, between("0s", "1h")] = Duration("30s")
    """How long every consumer of the endpoints (kube-proxy, ingress, mesh) may take to learn of a change. Default 30s:
    Argo Rollouts' scaleDownDelay, and about the median that Kubernetes measured on 5,000 nodes. Less only where it is
    known; `0s` disables the wait."""

    drain: Annotated[Duration, between("0s", "1d")] = Duration("60s")
    """How long pods that get no new connections are kept, counted from the proof that the endpoints moved, so after
    `propagation`. At least the longest request plus the idle time of keep-alive connections. Default 60s: what proxies
    and load balancers commonly keep an idle connection (nginx upstreams, AWS ALB). `0s` disables it."""

    remove_step: Pods = Pods("25%")
    """How many pods are removed at once, a number or a share of the set. Default 25%: Kubernetes' own maxUnavailable;
    four steps, with the floor of ready endpoints checked between them. `100%` disables the steps."""

    probe: Probe | None = None
    """Asks through the Service which pods answer; see `Probe`. Default none: the EndpointSlices alone are read."""

    deadlines: Deadlines = Deadlines()
    """How long each phase may wait; see `Deadlines`."""

    patience: Patience = Patience()
    """How long new pods may report what often mends itself; see `Patience`."""

    warm_nodes: WarmNodes | None = None
    """Has nodes stand before pods are added, by placeholders; see `WarmNodes`. Default none: the pods themselves
    wait for nodes."""

    min_ready: Percent = Percent("100%")
    """The share of the pods of a run that must be ready for it to go on; the rest may be bad. Default 100%. Never fewer
    than were ready before the run, nor than one, so it only counts among pods that a run adds."""

    on_inconclusive: Literal["fail", "hold"] = "fail"
    """What a smoke test without a verdict (no answer from Prometheus, too few samples) does. Default `fail`: roll back.
    `hold`: keep both sets up and end the run as failed, for a person to decide."""

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        # A deadline that is no longer than the wait inside of it would fail every run.
        for field, wait in (("switched", self.propagation), ("removed", self.drain)):
            deadline = getattr(self.deadlines, field)
            if deadline <= wait:
                name = "propagation" if field == "switched" else "drain"
                yield Contradiction(
                    ("deadlines", field), f"deadlines.{field} {deadline} must be longer than {name} {wait}"
                )


class BlueGreen(StrategyPart):
    """A second ReplicaSet beside the stable one; the Service's selector is switched, the stable set removed."""

    type: Literal["blue_green"] = "blue_green"
    """Which strategy this is."""

    overlap: Literal["full", "batched"] = "full"
    """How much of the new set runs beside the stable one. Default `full`: all of it, and one switch; the peak is twice
    the pods. `batched`: one `batch` more than the larger set, exchanged batch by batch while both sets serve; for
    clusters without room for two sets."""

    batch: Pods = Pods("25%")
    """How many pods are exchanged at once when `overlap` is `batched`, a number or a share of the set. Default 25%:
    Kubernetes' own maxSurge."""


class InPlace(StrategyPart):
    """The same Deployment, through its `scale` subresource: growth is proven at the endpoints, shrink goes in steps."""

    type: Literal["in_place"] = "in_place"
    """Which strategy this is."""


class Floor(StrategyPart):
    """An autoscaler owns the replicas: its minimum is raised, held, and restored.

    `propagation`, `drain` and `remove_step` are up to the autoscaler then.
    """

    type: Literal["floor"] = "floor"
    """Which strategy this is."""

    raise_max: bool = False
    """Whether a maximum that is too low for the floor is raised with it, and restored with it. Default false: the
    maximum is somebody's limit, and such a run is refused."""

    expires: Annotated[Duration, between("1m", "30d")] = Duration("1d")
    """How long a raised minimum may stand; then `springtide release --expired` restores it, if nobody did before.
    Default 1d: longer than most events. Each run that keeps the floor raised starts it again."""


RunSettings = BlueGreen | InPlace | Floor
"""The settings of any strategy."""

StrategySpec = Annotated[RunSettings, Field(discriminator="type")]
