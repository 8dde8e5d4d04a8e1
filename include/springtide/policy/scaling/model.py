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

The sections live in files of their own (`demand`, `capacity`, `strategy`, `smoke`); import them from there.
"""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from springtide.policy.language.parts import Contradiction, Part
from springtide.policy.language.units import (
    LABEL_VALUE_LENGTH,
    ClusterName,
    Count,
    Line,
    Name,
    ObjectName,
    refusal,
)
from springtide.policy.scaling.approval import Approval
from springtide.policy.scaling.capacity import CapacitySpec, FixedSpec
from springtide.policy.scaling.databases import DatabaseCheck
from springtide.policy.scaling.demand import DemandSpec, FileDemand, PrometheusDemand
from springtide.policy.scaling.downstream import Downstream
from springtide.policy.scaling.guards import Guards
from springtide.policy.scaling.mode import ADVISE, PolicyMode
from springtide.policy.scaling.notify import Notify
from springtide.policy.scaling.preflight import PreflightSpec
from springtide.policy.scaling.rehearsal import Rehearsal
from springtide.policy.scaling.smoke import SmokeCheck
from springtide.policy.scaling.stability import Stability
from springtide.policy.scaling.strategy import RunSettings, StrategySpec
from springtide.workload import DEFAULT_CLUSTER, Workload, WorkloadKind


class Metadata(Part):
    """What the policy is called, and whose it is."""

    name: Name
    """The policy's name; its file is called the same (`checkout.yaml`). Required."""

    owner: Line
    """The team that is responsible for the service. Required."""


class PolicyMetadata(Metadata):
    """The same, and who may have the service changed by hand."""

    may_scale: Annotated[tuple[Line, ...], Field(strict=False, max_length=50)] = ()
    """Who may have the service scaled, paused and released by hand: names of Airflow's users, and `role:NAME` for all
    who have a role. At most 50. Default none: whoever may run the DAG. Sweeps and events are not asked."""


_LONGEST_OTHER: Final = 229
"""Kubernetes allows names of 253 characters, and the Lease of such a workload has its kind before its name."""


class TargetSpec(Part):
    """What is scaled, in which cluster, and the Service that leads to its pods.

    One of `deployment`, `statefulset` and `rollout` is required.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": [kind.value], "properties": {kind.value: {"type": "string"}}} for kind in WorkloadKind
            ]
        }
    )

    cluster: ClusterName | None = None
    """The cluster: the id of a Kubernetes connection of Airflow, and the context of the same name for the command line.
    At most 250 letters, digits and `_.:/@-`. Default none: `kubernetes_default` in Airflow, and for the command line
    what `--context` says or the kubeconfig's current context. See [several clusters](clusters.md)."""

    namespace: Name
    """The namespace of both. Required."""

    rollout: ObjectName | None = None
    """A Rollout of Argo Rollouts, in the place of `deployment`; `in_place` and `floor` only. At most 229
    characters. Default none."""

    statefulset: ObjectName | None = None
    """A StatefulSet, in the place of `deployment`; `in_place` and `floor` only. At most 229 characters.
    Default none."""

    deployment: ObjectName | None = None
    """The Deployment. Required, where no other kind is named. At most 242 characters; with `blue_green` at most 63, for
    the stable ReplicaSet carries it as a label's value while it is set aside. Default none."""

    service: Name | None = None
    """The Service; often named as the Deployment. Required for `blue_green`, `probe` and smoke checks over HTTP.
    Default none, for pods that nobody calls (workers): their own readiness is the proof then."""

    @field_validator("deployment")
    @classmethod
    def _is_named(cls, deployment: str | None, info: ValidationInfo) -> str | None:
        # What is wrong in itself is not in `data`, and is told already.
        others = [info.data.get(key, "") for key in ("statefulset", "rollout")]
        if deployment is None and others == [None, None]:
            message = "it is required, or statefulset or rollout in its place: what is scaled"
            raise refusal("policy_missing_key", message)
        return deployment

    @property
    def workload(self) -> Workload:
        """The same, for whoever reaches the cluster."""
        kind, name = self._named[0]
        return Workload(
            namespace=self.namespace,
            deployment=name,
            service=self.service,
            kind=kind,
            cluster=self.cluster or DEFAULT_CLUSTER,
        )

    @property
    def _named(self) -> list[tuple[WorkloadKind, str]]:
        names = (self.deployment, self.statefulset, self.rollout)
        return [(kind, name) for kind, name in zip(WorkloadKind, names, strict=True) if name is not None]

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        for kind, _ in self._named[1:]:
            message = f"{self._named[0][0].value} is named as well: one policy for one workload, keep one of the two"
            yield Contradiction((kind.value,), message)
        for kind, name in self._named:
            if kind is not WorkloadKind.DEPLOYMENT and len(name) > _LONGEST_OTHER:
                message = f"the name has {len(name)} characters, at most {_LONGEST_OTHER} leave room for its Lease's"
                yield Contradiction((kind.value,), message, "derived_name_too_long")


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

    mode: PolicyMode | None = None
    """`act`: runs, sweeps and events scale the service. `advise`: they plan and record what they would do, and write
    nothing to the cluster, not even a Lease; `springtide report` compares. Default: as the installation says,
    `SPRINGTIDE_MODE`, else `act`."""

    strategy: StrategySpec
    """How replicas are changed; `type` is `blue_green`, `in_place` or `floor`. Required: it is chosen, never
    inherited."""

    smoke: Annotated[tuple[SmokeCheck, ...], Field(strict=False, max_length=20)] = ()
    """What the new instances are checked with before the stable ones are removed. Default none: readiness and endpoints
    are the proof."""

    guards: Guards = Guards()
    """How much one run may change; see `Guards`."""

    preflight: PreflightSpec = PreflightSpec()
    """Which findings of the preflight only warn; see `PreflightSpec`."""

    downstream: Annotated[tuple[Downstream, ...], Field(strict=False, max_length=20)] = ()
    """What the replicas connect to, with its connection limit; see `Downstream`. Default none."""

    databases: Annotated[tuple[DatabaseCheck, ...], Field(strict=False, max_length=20)] = ()
    """Databases that must be healthy before each change and at the smoke test; see `DatabaseCheck`. Default none."""

    stability: Stability | None = None
    """The smoke test repeated for a while; see `Stability`. Default none."""

    approval: Approval = Approval()
    """When a person must approve a plan; see `Approval`. Default never."""

    notify: Notify = Notify()
    """Who is told about the service, and of what; see `Notify`. Default the owner, of everything but success."""

    rehearsal: Rehearsal | None = None
    """How much load a rehearsal may send; see `Rehearsal`. Default none: a rehearsal scales the service and sends no
    load."""

    after: Annotated[tuple[Name, ...], Field(strict=False, max_length=50)] = ()
    """Policies that must be ready before this one scales up for an event or in a sweep, and that are scaled down after
    it: its databases, proxies and caches. Default none."""

    @property
    def advises(self) -> bool:
        """Whether nothing is written for the service: what would be done is planned and recorded."""
        return self.mode == ADVISE

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        yield from _too_long_for(self.strategy, self.target)
        yield from _its_own_placeholder(self.strategy, self.target)
        if self.target.service is None:
            yield from self._asking_for_a_service()
        yield from between_sections(self.replicas, self.demand, self.capacity)
        if self.rehearsal is not None:
            unit = None if self.demand is None else self.demand.unit
            for contradiction in self.rehearsal.against(
                unit, has_target=any(check.http and check.http.is_plain for check in self.smoke)
            ):
                yield Contradiction(("rehearsal", *contradiction.field), contradiction.message, contradiction.code)

    def _asking_for_a_service(self) -> Iterator[Contradiction]:
        """Yield what goes by a Service where none is named."""
        where: tuple[str | int, ...] = ("target", "service")
        if self.strategy.type == "blue_green":
            needs = "blue_green switches the Service's endpoints"
            yield Contradiction(where, f"{needs}: name the Service, or use in_place or floor", "policy_missing_key")
        if self.strategy.probe is not None:
            yield Contradiction(
                ("strategy", "probe"), "probe asks through the Service: name it in target.service, or remove probe"
            )
        for index, check in enumerate(self.smoke):
            if check.http is not None:
                message = "http asks through the Service: name it in target.service, or use promql"
                yield Contradiction(("smoke", index, "http"), message)
        if self.stability is not None:
            yield Contradiction(
                ("stability",), "stability repeats smoke checks over HTTP: name the Service in target.service"
            )


def _its_own_placeholder(strategy: RunSettings, target: TargetSpec) -> Iterator[Contradiction]:
    """Yield that the placeholders are the workload itself."""
    warm = strategy.warm_nodes
    if warm is not None and target.deployment == warm.deployment:
        message = f"{warm.deployment} is what is scaled: name a Deployment of placeholders beside it"
        yield Contradiction(("strategy", "warm_nodes", "deployment"), message)


def _too_long_for(strategy: RunSettings, target: TargetSpec) -> Iterator[Contradiction]:
    workload = target.workload
    length = len(workload.deployment)
    if strategy.type == "blue_green" and workload.kind is not WorkloadKind.DEPLOYMENT:
        yield Contradiction(
            ("target", workload.kind.value),
            f"blue_green sets a ReplicaSet aside, which is owned by a Deployment; of a {workload.kind.noun} only the "
            "number can be changed: use in_place, or floor",
        )
    elif strategy.type == "blue_green" and length > LABEL_VALUE_LENGTH:
        yield Contradiction(
            ("target", "deployment"),
            f"the name has {length} characters. blue_green sets the stable ReplicaSet aside under a label with that "
            f"name, and a label's value has at most {LABEL_VALUE_LENGTH}: use in_place, or floor",
            "derived_name_too_long",
        )


def between_sections(
    replicas: Replicas, demand: PrometheusDemand | FileDemand | None, capacity: CapacitySpec
) -> Iterator[Contradiction]:
    """Yield what sections that are valid by themselves contradict each other in; `field` counts from `spec`."""
    if demand is None and capacity.needs_demand:
        yield Contradiction(
            ("demand",), "demand is required: only `fixed` models work without it", "policy_missing_key"
        )
    for index, model in enumerate(capacity.models):
        at: tuple[str | int, ...] = ("capacity", "models", index)
        if isinstance(model, FixedSpec):
            if model.replicas > replicas.max:
                yield Contradiction(
                    (*at, "replicas"), f"fixed replicas {model.replicas} is above replicas.max {replicas.max}"
                )
        elif demand is not None:  # a model of demand without any demand was told above, once for all of them
            for contradiction in model.against(demand):
                yield Contradiction((*at, *contradiction.field), contradiction.message, contradiction.code)


class ScalingPolicy(Part):
    """One service's policy, complete."""

    api_version: Annotated[Literal["springtide/v1"], Field(alias="apiVersion")]
    """The version of this language: `springtide/v1`. Required."""

    kind: Literal["ScalingPolicy"]
    """What the file holds: `ScalingPolicy`. Required."""

    metadata: PolicyMetadata
    """Name and owner; see `PolicyMetadata`. Required."""

    spec: Spec
    """Everything about the service; see `Spec`. Required."""

    @property
    def name(self) -> str:
        """The policy's name."""
        return self.metadata.name
