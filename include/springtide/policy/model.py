"""A service's scaling policy: one file of an operator as frozen, typed values.

>>> policy = ScalingPolicy.model_validate(
...     {
...         "apiVersion": "springtide/v1",
...         "kind": "ScalingPolicy",
...         "metadata": {"name": "checkout", "owner": "payments"},
...         "spec": {
...             "target": {"namespace": "shop", "deployment": "checkout", "service": "checkout"},
...             "replicas": {"min": 3, "max": 120},
...             "capacity": {"models": [{"model": "fixed", "replicas": 6}]},
...             "strategy": {"type": "blue_green"},
...         },
...     }
... )
>>> policy.name, str(policy.spec.strategy.propagation)
('checkout', '30s')
>>> ScalingPolicy.model_validate(policy.model_dump(mode="json")) == policy
True

The sections live in files of their own (`demand`, `capacity`, `strategy`, `smoke`) and are importable from here.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from springtide import labels
from springtide.policy.capacity import (
    AutoSpec,
    CapacitySpec,
    ConformalSpec,
    EventSpec,
    FixedSpec,
    ForecastSpec,
    Hpa,
    KnownEvent,
    Measured,
    ModelSpec,
    PercentileSpec,
    QueueingSpec,
    SeasonalSpec,
    SqrtHeadroomSpec,
    TargetUtilizationSpec,
    UslSpec,
    WeightedDemandSpec,
)
from springtide.policy.demand import DemandSpec, FileDemand, History, PrometheusDemand, Quality
from springtide.policy.part import Contradiction, Part
from springtide.policy.preflight import Approval, Downstream, Preflight
from springtide.policy.rehearsal import Rehearsal
from springtide.policy.smoke import HttpCheck, PromqlCheck, SmokeCheck
from springtide.policy.strategy import BlueGreen, Deadlines, Floor, InPlace, Probe, Settings, StrategySpec
from springtide.policy.units import MAX_REPLICAS, Count, Factor, Line, Name, Percent, refusal
from springtide.policy.verification import DatabaseCheck, Stability
from springtide.workload import Workload

__all__ = [
    "Approval",
    "AutoSpec",
    "BlueGreen",
    "CapacitySpec",
    "ConformalSpec",
    "DatabaseCheck",
    "Deadlines",
    "DemandSpec",
    "Downstream",
    "EventSpec",
    "FileDemand",
    "FixedSpec",
    "Floor",
    "ForecastSpec",
    "Guards",
    "History",
    "Hpa",
    "HttpCheck",
    "InPlace",
    "KnownEvent",
    "Measured",
    "Metadata",
    "ModelSpec",
    "PercentileSpec",
    "Preflight",
    "Probe",
    "PrometheusDemand",
    "PromqlCheck",
    "Quality",
    "QueueingSpec",
    "Rehearsal",
    "Replicas",
    "ScalingPolicy",
    "SeasonalSpec",
    "Settings",
    "SmokeCheck",
    "Spec",
    "SqrtHeadroomSpec",
    "Stability",
    "StrategySpec",
    "TargetSpec",
    "TargetUtilizationSpec",
    "UslSpec",
    "WeightedDemandSpec",
]

_LONGEST_NAME = 63


class Metadata(Part):
    """What the policy is called, and whose it is."""

    name: Name
    """The policy's name; its file is called the same (`checkout.yaml`). Required."""

    owner: Line
    """The team that answers for the service: shown in every record and page. Required."""


class TargetSpec(Part):
    """What is scaled: a Deployment, and the Service whose endpoints are switched. The cluster comes from outside."""

    namespace: Name
    """The namespace of both. Required."""

    deployment: Name
    """The Deployment. Required. At most 59 characters, so that `-alt` fits behind it: with `blue_green` the two sets
    take turns under these two names."""

    service: Name
    """The Service. Required; often named as the Deployment."""

    @property
    def workload(self) -> Workload:
        """The same, for whoever reaches the cluster."""
        return Workload(self.namespace, self.deployment, self.service)

    @property
    def alternate(self) -> str:
        """The name of the other set."""
        return self.workload.set_names[1]

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        if len(self.alternate) > _LONGEST_NAME:
            yield Contradiction(
                ("deployment",),
                f"the derived name {self.alternate} has {len(self.alternate)} characters: Kubernetes allows "
                f"{_LONGEST_NAME}, so a Deployment's name has at most {_LONGEST_NAME - len(labels.ALTERNATE) - 1}",
                "derived_name_too_long",
            )


class Replicas(Part):
    """The bounds that every plan keeps, whoever asked."""

    min: Count
    """The fewest replicas, at least 1. Required. 0 is refused: an empty Service fails every request."""

    max: Count
    """The most replicas, at most 10000. Required. Keep it within the namespace's quota and what the nodes can hold."""

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        if self.min > self.max:
            yield Contradiction(("min",), f"min {self.min} is above max {self.max}")


def _grows(factor: Factor) -> Factor:
    if not 1 < factor <= MAX_REPLICAS:
        raise refusal("policy_range", f"{factor} is out of range: more than 1x, at most {MAX_REPLICAS}x")
    return factor


class Guards(Part):
    """What keeps a wrong number small. A model's answer is clamped to it; a person's number is refused beyond it."""

    step_up: Annotated[Factor, AfterValidator(_grows)] = Factor("3x")
    """The most that one run grows: `3x` the replicas of now, and always at least one more. Default 3x: a
    larger jump is more often a wrong metric than real demand. `10000x` disables it."""

    step_down: Percent = Percent("50%")
    """The most that one run removes, of the replicas of now, and always at least one. Default 50%: what is left can
    still serve half of yesterday. `100%` disables it; `0%` means that runs never shrink the service."""

    tolerance: Percent = Percent("10%")
    """How far a model's answer may be from the replicas of now without a run. Default 10%, the tolerance of the
    HorizontalPodAutoscaler: a switch for one pod in twenty costs more than it gives. `0%` disables it."""


class Spec(Part):
    """Everything about one service."""

    target: TargetSpec
    """What is scaled; see `TargetSpec`. Required."""

    replicas: Replicas
    """The bounds; see `Replicas`. Required."""

    demand: DemandSpec | None = None
    """Where demand is read; `source` is `prometheus` or `file`. Required unless every model is `fixed`."""

    capacity: CapacitySpec
    """How demand becomes replicas; see `CapacitySpec`. Required."""

    strategy: StrategySpec
    """How replicas are changed; `type` is `blue_green`, `in_place` or `floor`. Required: it is chosen, never
    inherited."""

    smoke: Annotated[tuple[SmokeCheck, ...], Field(strict=False, max_length=20)] = ()
    """What is tried on the new instances before the stable ones go. Default none: readiness and endpoints are the
    proof."""

    guards: Guards = Guards()
    """What keeps a wrong number small; see `Guards`."""

    preflight: Preflight = Preflight()
    """How the findings before a run are taken; see `Preflight`."""

    downstream: Annotated[tuple[Downstream, ...], Field(strict=False, max_length=20)] = ()
    """What the replicas connect to, with its limit of connections; see `Downstream`. Default none."""

    databases: Annotated[tuple[DatabaseCheck, ...], Field(strict=False, max_length=20)] = ()
    """Databases that must be fit before each change and at the smoke test; see `DatabaseCheck`. Default none."""

    stability: Stability | None = None
    """The smoke test repeated for a while; see `Stability`. Default none."""

    approval: Approval = Approval()
    """When a person must approve a plan; see `Approval`. Default never."""

    rehearsal: Rehearsal | None = None
    """How hard a rehearsal may press the service; see `Rehearsal`. Default none: a rehearsal scales it and sends
    nothing."""

    after: Annotated[tuple[Name, ...], Field(strict=False, max_length=50)] = ()
    """Policies that have to stand before this one grows for an event or in a sweep, and that are made smaller after
    it: its databases, proxies and caches. Default none."""

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        yield from between_sections(self.replicas, self.demand, self.capacity)
        if self.rehearsal is not None:
            unit = None if self.demand is None else self.demand.unit
            for one in self.rehearsal.against(unit, has_target=any(check.http for check in self.smoke)):
                yield Contradiction(("rehearsal", *one.field), one.message, one.code)


def between_sections(
    replicas: Replicas, demand: PrometheusDemand | FileDemand | None, capacity: CapacitySpec
) -> Iterator[Contradiction]:
    """Yield what sections that are valid by themselves contradict each other in; `field` counts from `spec`."""
    if demand is None and capacity.needs_demand:
        yield Contradiction(("demand",), "demand is required: only `fixed` models do without", "policy_missing_key")
    for index, model in enumerate(capacity.models):
        at: tuple[str | int, ...] = ("capacity", "models", index)
        if isinstance(model, FixedSpec):
            if model.replicas > replicas.max:
                yield Contradiction(
                    (*at, "replicas"), f"fixed replicas {model.replicas} is above replicas.max {replicas.max}"
                )
        elif demand is not None:
            for one in model.against(demand):
                yield Contradiction((*at, *one.field), one.message, one.code)


class ScalingPolicy(Part):
    """One service's policy, complete."""

    api_version: Annotated[Literal["springtide/v1"], Field(alias="apiVersion")]
    """The version of this language: `springtide/v1`. Required."""

    kind: Literal["ScalingPolicy"]
    """What the file holds: `ScalingPolicy`. Required."""

    metadata: Metadata
    """Name and owner; see `Metadata`. Required."""

    spec: Spec
    """Everything about the service; see `Spec`. Required."""

    @property
    def name(self) -> str:
        """The policy's name."""
        return self.metadata.name
