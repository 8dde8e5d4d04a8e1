"""The options that commands share, and what they open."""

from __future__ import annotations

import getpass
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from springtide.cli.groups import IS_OPTION, Offers
from springtide.clock import Clock, SystemClock
from springtide.demand.access import PrometheusAccess, headers_of
from springtide.demand.model import DemandSource
from springtide.errors import InputError
from springtide.events.calendars import Calendars
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.demand import DemandSpec, FileDemand
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.memory import MemoryStore
from springtide.record.store import RunStore
from springtide.recovery.rounds import COMMAND_LINE
from springtide.run.assembly import Metrics, assemble
from springtide.run.halt import Halt, HaltSwitch
from springtide.run.moment_limit import moments_kept
from springtide.run.moments import Moments
from springtide.run.ports import Ports
from springtide.run.watching import SharedClusters, client_of
from springtide.run.write_limit import writes_a_second
from springtide.settings import Settings, variable_name
from springtide.workload import DEFAULT_CLUSTER

if TYPE_CHECKING:
    from springtide.kube.kubeconfig import ClusterConfig


class Output(StrEnum):
    """How a command answers."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"

    @property
    def is_for_programs(self) -> bool:
        """Whether the answer is a record, and stdout holds nothing else."""
        return self is not Output.TABLE


def complete_service(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the policies whose names begin with `incomplete`, for the shell; none where the folder cannot be read."""
    folder = PolicyFolder(Path(ctx.params.get("policies") or settings_now().policies))
    return [name for name in folder.names() if name.startswith(incomplete)]


ServiceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SERVICE", help="The policy's name: POLICIES/SERVICE.yaml.", autocompletion=complete_service
    ),
]
PoliciesOption = Annotated[Path, typer.Option(envvar=variable_name("policies"), help="The folder of policy files.")]
KubeconfigOption = Annotated[
    Path | None,
    typer.Option(help="The cluster. Default: the files of KUBECONFIG, ~/.kube/config, then the pod this runs in."),
]
ContextOption = Annotated[
    str | None,
    typer.Option(help="The kubeconfig's context for policies that name no target.cluster. Default: its current one."),
]
PrometheusOption = Annotated[
    str | None,
    typer.Option(
        envvar=variable_name("prometheus_url"), help="The Prometheus that policies with source prometheus ask."
    ),
]
HeaderOption = Annotated[
    list[str] | None,
    typer.Option(
        help="A header for Prometheus, 'NAME: VALUE', such as a tenant's; may be repeated. "
        f"Default: the lines of {variable_name('prometheus_headers')}."
    ),
]
TokenFileOption = Annotated[
    Path | None,
    typer.Option(envvar=variable_name("prometheus_token_file"), help="A file with a bearer token for Prometheus."),
]
AuthorityOption = Annotated[
    Path | None,
    typer.Option(envvar=variable_name("prometheus_ca"), help="The authorities that Prometheus' certificate is of."),
]
CertificateOption = Annotated[
    Path | None,
    typer.Option(envvar=variable_name("prometheus_certificate"), help="The certificate to show to Prometheus."),
]
KeyOption = Annotated[
    Path | None,
    typer.Option(envvar=variable_name("prometheus_key"), help="Its key, where it is not in the same file."),
]
STORE: Final = typer.Option(
    envvar=variable_name("store_url"), help="The store of runs, as an SQLAlchemy URL.", show_default=True
)
StoreOption = Annotated[str, STORE]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="For people, or for programs.")]
ReplicasOption = Annotated[str, typer.Option(help='A number, or "auto": the capacity models decide.')]
StrategyOption = Annotated[str | None, typer.Option(help="blue_green, in_place or floor. Default: the policy's own.")]
OverrideOption = Annotated[
    str, typer.Option(metavar="WHO: WHY", help="Who lifts a calendar's freeze or a pause for this run, and why.")
]
ReasonOption = Annotated[str, typer.Option(help="Why; kept with the run.")]

DEFAULTS = Settings.from_environment({})
DEFAULT_POLICIES = DEFAULTS.policies
DEFAULT_STORE = DEFAULTS.store_url


def settings_now() -> Settings:
    """Return what the environment says: the one place where the command line reads it."""
    return Settings.from_environment(os.environ)


def halt_by_environment() -> Halt | None:
    """Return who has halted this installation; None where nobody has."""
    return Halt.of_words(settings_now().halt, variable_name("halt"))


def known_calendars() -> Calendars:
    """Return the calendars of the folder that the environment names; none where there is no such folder.

    Raises:
        PolicyError: one of them has errors.
    """
    from springtide.events.snapshot import read_calendars

    folder = settings_now().calendars
    if folder == DEFAULTS.calendars and not folder.exists():
        return Calendars()
    snapshot = read_calendars(folder, {}, now=SystemClock().now())
    snapshot.raise_if_broken()
    return snapshot.calendars


@dataclass(frozen=True, slots=True, kw_only=True)
class CliContext:
    """Where a command works: which policies, which cluster, which metrics, which store (None: no record is kept).

    Its fields are options: `cli/groups.py`. `policy_there` is none: the policy whose `target.cluster` goes before
    `context`; None where the default cluster is meant.
    """

    policies: PoliciesOption = DEFAULT_POLICIES
    kubeconfig: KubeconfigOption = None
    context: ContextOption = None
    prometheus: PrometheusOption = None
    prometheus_header: HeaderOption = None
    prometheus_token_file: TokenFileOption = None
    prometheus_ca: AuthorityOption = None
    prometheus_certificate: CertificateOption = None
    prometheus_key: KeyOption = None
    store: Annotated[str | None, STORE] = DEFAULT_STORE
    policy_there: ScalingPolicy | None = field(default=None, metadata={IS_OPTION: False})

    def at(self, policy: ScalingPolicy) -> CliContext:
        """Return the same, in the cluster of `policy`."""
        return replace(self, policy_there=policy)

    def only_at(self, policy: ScalingPolicy) -> CliContext:
        """Return the same, in the cluster of the one policy that a command is about.

        Raises:
            InputError: `--context` names another cluster (`context_conflict`).
        """
        cluster = policy.spec.target.workload.cluster
        if cluster and self.context not in (None, cluster):
            raise InputError(
                f"context: --context is {self.context}, and target.cluster of policy {policy.name} is {cluster}. Leave "
                "--context out, or change the policy.",
                code="context_conflict",
                field="context",
            )
        return self.at(policy)

    @property
    def folder(self) -> PolicyFolder:
        """The folder of policies."""
        settings = settings_now()
        calendars = None if settings.calendars == DEFAULTS.calendars else settings.calendars
        return PolicyFolder(self.policies, calendars, settings.mode)

    @property
    def access(self) -> PrometheusAccess:
        """How Prometheus is logged in to.

        Raises:
            InputError: a header is none (`header_invalid`).
        """
        lines = self.prometheus_header or (settings_now().prometheus_headers or "").splitlines()
        return PrometheusAccess(
            headers=headers_of(line for line in lines if line.strip()),
            token_file=self.prometheus_token_file,
            ca=self.prometheus_ca,
            certificate=self.prometheus_certificate,
            key=self.prometheus_key,
        )

    @property
    def metrics(self) -> Metrics:
        """Where demand and conditions are read."""
        return Metrics(url=self.prometheus, base=self.policies, access=self.access)

    def policy(self, service: str) -> ScalingPolicy:
        """Return the policy of `service`.

        Raises:
            InputError: there is none, or `service` is no name of a policy.
            PolicyError: its file has errors.
        """
        return self.folder.get(service)

    def demand(self, policy: ScalingPolicy) -> DemandSource:
        """Return where the policy's demand of now is read.

        Raises:
            InputError: it has none, or Prometheus is needed and no address was given.
        """
        from springtide.demand.registry import demand_source

        if policy.spec.demand is None:
            raise InputError(
                f"demand: policy {policy.name} has none. Give it one: `demand: {{source: prometheus, ...}}`.",
                code="demand_required",
                field="demand",
            )
        return demand_source(policy.spec.demand, prometheus_url=self.prometheus, base=self.policies, access=self.access)

    def recorded(self, spec: DemandSpec) -> DemandSource:
        """Return where the policy's demand is recorded; a file's times are taken as they are, whatever its `as_of`.

        Raises:
            InputError: Prometheus is needed and no address was given.
        """
        from springtide.demand.registry import demand_source

        if isinstance(spec, FileDemand):
            spec = spec.model_copy(update={"as_of": None})
        return demand_source(spec, prometheus_url=self.prometheus, base=self.policies, access=self.access)

    @contextmanager
    def ports(
        self,
        on_wait: Callable[[str], None],
        *,
        store: RunStore | None = None,
        clusters: SharedClusters | None = None,
    ) -> Iterator[Ports]:
        """Open the cluster and the store; a `store` and `clusters` that are open already stay open.

        Raises:
            InputError: there is no usable configuration of a cluster, or the store's URL cannot be used.
        """
        from springtide.kube.live import connected

        clock: Clock = SystemClock()
        metrics = self.metrics
        # Runs of one process side by side share them: a hundred would be a hundred connections to the store.
        with self.open_store() if store is None else nullcontext(store) as opened:
            cluster = self._found(self._cluster)
            writes = writes_a_second(settings_now())
            connect = partial(connected, cluster, clock=clock, writes_a_second=writes)
            address = settings_now().database_url
            with client_of(self._cluster, settings_now(), clock, connect, shared=clusters) as (kube, watched):
                ports = assemble(kube, opened, metrics, on_wait=on_wait, database_address=address)
                yield replace(
                    ports,
                    halt=HaltSwitch(halt_by_environment),
                    calendars=known_calendars,
                    moments=Moments(moments_kept(settings_now())),
                    cluster_address=cluster.address,
                    elsewhere=lambda name: connected(self._found(name), clock=clock, writes_a_second=writes),
                    watched=watched,
                )

    @property
    def _cluster(self) -> str:
        return DEFAULT_CLUSTER if self.policy_there is None else self.policy_there.spec.target.workload.cluster

    def _found(self, cluster: str) -> ClusterConfig:
        from springtide.kube.kubeconfig import find_cluster

        try:
            return find_cluster(self.kubeconfig, context=cluster or self.context, environment=os.environ)
        except InputError as error:
            if self.policy_there is None or not cluster:
                raise
            message = f"target.cluster of policy {self.policy_there.name} is {cluster}: {error.message}"
            raise InputError(message, code=error.code, field="target.cluster") from error

    def open_store(self) -> RunStore:
        """Open the store of runs; without one, runs are forgotten with this process."""
        if self.store is None:
            return MemoryStore()
        from springtide.record.sql import open_store

        return open_store(self.store, metrics_directory=settings_now().metrics_directory)


METRICS: Final = (
    "prometheus",
    "prometheus_header",
    "prometheus_token_file",
    "prometheus_ca",
    "prometheus_certificate",
    "prometheus_key",
)
"""The options of whoever asks Prometheus."""

Policies = Annotated[CliContext, Offers("policies", "store")]
"""Commands that read policies and records, and no cluster."""

Demand = Annotated[CliContext, Offers("policies", *METRICS)]
"""Commands that read demand, and no cluster."""

Planning = Annotated[CliContext, Offers("policies", "kubeconfig", "context", *METRICS)]
"""Commands that plan and record nothing."""

Ending = Annotated[CliContext, Offers("policies", "kubeconfig", "context", "store")]
"""Commands that change a cluster, and need no demand for it."""


def new_run_id(clock: Clock) -> str:
    """Return a run id that sorts by time and that two runs of one second do not share."""
    return f"{COMMAND_LINE}{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def current_user() -> str:
    """Return who runs this command, for the record: a person who became root by sudo stays themselves."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "unknown"
