"""Airflow's connections as the ports of a run."""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from springtide.errors import InputError, SpringtideError
from springtide_airflow.clock import system_clock
from springtide_airflow.folders import calendar_folder
from springtide_airflow.halting import halt_switch
from springtide_airflow.settings import airflow_settings, store_url

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from springtide.demand.access import PrometheusAccess
    from springtide.events.calendars import Calendars
    from springtide.kube.live import LiveKube
    from springtide.policy.scaling.model import ScalingPolicy
    from springtide.record.sql import SqlStore
    from springtide.record.store import RunStore
    from springtide.run.assembly import Metrics
    from springtide.run.moments import Moments
    from springtide.run.ports import Ports
    from springtide.run.watching import SharedClusters

KUBERNETES: Final = "kubernetes_default"
"""The connection of policies that name no cluster."""

_FILES: Final = ("token_file", "ca", "certificate", "key")
"""The extra fields of the Prometheus connection that are paths."""

log = logging.getLogger(__name__)

_loading = threading.Lock()
"""The client loads credentials into a global first: two threads of a triggerer must not do so at once."""


class SpringtideHook(BaseHook):
    """Opens what a run reaches the world through, from connections and `airflow_settings`."""

    def __init__(
        self,
        *,
        kubernetes_conn_id: str = KUBERNETES,
        prometheus_conn_id: str = "prometheus_default",
        policy: str = "",
    ) -> None:
        super().__init__()
        self.kubernetes_conn_id = kubernetes_conn_id
        self.prometheus_conn_id = prometheus_conn_id
        self.policy = policy

    @classmethod
    def of_cluster(cls, cluster: str, policy: str = "") -> SpringtideHook:
        """Return the hook for the cluster that `policy` names, "" for the default one; what it raises names both."""
        return cls(kubernetes_conn_id=cluster, policy=policy) if cluster else cls()

    @classmethod
    def of(cls, policy: ScalingPolicy) -> SpringtideHook:
        """Return the hook for the cluster of `policy`."""
        return cls.of_cluster(policy.spec.target.workload.cluster, policy.name)

    @contextmanager
    def ports(self, on_wait: Callable[[str], None]) -> Iterator[Ports]:
        """Open the cluster, the metrics and the store; the store is closed at the end of the block.

        Raises:
            InputError: a connection or the store's URL cannot be used.
            TemporaryError: the store does not answer.
        """
        from springtide.run.assembly import assemble
        from springtide.run.watching import watching

        with self.store() as store:
            address = self.database_address
            kube = self.kube()
            ports = assemble(kube, store, self.metrics(), on_wait=on_wait, database_address=address)
            with watching(airflow_settings(), kube, ports.clock) as watched:
                yield replace(
                    ports,
                    halt=halt_switch(),
                    calendars=_known_calendars,
                    moments=_moments(),
                    installation=airflow_settings().installation or store.installation(),
                    elsewhere=lambda cluster: SpringtideHook.of_cluster(cluster).kube(),
                    watched=watched,
                )

    def reading_ports(self) -> Ports:
        """Open the cluster for a trigger: it looks, and keeps no record but of what it saw, for people who look.

        All triggers of this process share one client, and one watch of each kind in a namespace, for each cluster.
        """
        from springtide.run.assembly import Metrics, assemble

        kube, watched = _shared_clusters().of(self.kubernetes_conn_id, airflow_settings(), self.kube)
        ports = assemble(kube, _watching_store(), Metrics())
        return replace(ports, moments=_watching_moments(), watched=watched)

    def kept_kube(self) -> LiveKube:
        """Return the client that is kept for this cluster, for a process that reads it again and again.

        Raises:
            InputError: as `kube`.
        """
        kube, _ = _shared_clusters().of(self.kubernetes_conn_id, airflow_settings(), self.kube)
        return kube

    def cluster_ports(self) -> Ports:
        """Open the cluster alone, for whoever reads a Lease and keeps nothing."""
        from springtide.record.memory import MemoryStore
        from springtide.run.assembly import Metrics, assemble

        return assemble(self.kube(), MemoryStore(), Metrics())

    def kube(self) -> LiveKube:
        """Return the client for the cluster of the Kubernetes connection, with springtide's own timeouts.

        Raises:
            InputError: there is no such connection, or it holds no usable credentials.
        """
        from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
        from kubernetes.client import ApiClient
        from kubernetes.config import ConfigException
        from yaml import YAMLError

        from springtide.kube.live import POOL_CONNECTIONS, LiveKube
        from springtide.run.write_limit import writes_a_second

        wanted = f", which policy {self.policy} names in target.cluster" if self.policy else ""
        try:
            with _loading:
                settings = KubernetesHook(conn_id=self.kubernetes_conn_id).get_conn().configuration
        except AirflowNotFoundException as error:
            raise InputError(
                f"connection {self.kubernetes_conn_id!r}{wanted}: Airflow has no such connection. Add one of type "
                "Kubernetes with this id.",
                code="connection_missing",
                field=self.kubernetes_conn_id,
            ) from error
        except (AirflowException, ConfigException, YAMLError, OSError, TypeError, ValueError) as error:
            raise InputError(
                f"connection {self.kubernetes_conn_id!r}{wanted}: no usable cluster configuration "
                f"({type(error).__name__}). Set kube_config_path, kube_config or in_cluster in its extra fields.",
                code="cluster_unreachable",
                field=self.kubernetes_conn_id,
            ) from error
        settings.retries = False  # urllib3 would send some requests again by itself (I-15)
        settings.connection_pool_maxsize = POOL_CONNECTIONS
        return LiveKube(ApiClient(settings), writes_a_second=writes_a_second(airflow_settings()))

    def metrics(self) -> Metrics:
        """Return where demand is read; without the Prometheus connection only files and fixed numbers serve."""
        from springtide.run.assembly import Metrics

        settings = airflow_settings()
        try:
            connection = self.get_connection(self.prometheus_conn_id)
        except AirflowNotFoundException:
            return Metrics(base=settings.policies)
        return Metrics(
            url=_url(connection), base=settings.policies, access=_access(connection), kept=settings.demand_cache
        )

    def database_address(self, connection: str) -> str | None:
        """Return where a policy's database connection leads; None when Airflow has no such connection."""
        try:
            return str(self.get_connection(connection).get_uri())
        except AirflowNotFoundException:
            return None

    def store(self) -> SqlStore:
        """Open the store of runs; with a metrics directory, each run that it keeps is shown there.

        Raises:
            InputError: the connection or the URL cannot be used.
            TemporaryError: the store does not answer.
        """
        from springtide.record.sql import open_store

        return open_store(store_url(), metrics_directory=airflow_settings().metrics_directory)


def _moments() -> Moments:
    from springtide.run.moment_limit import moments_kept
    from springtide.run.moments import Moments

    return Moments(moments_kept(airflow_settings()))


@cache
def _shared_clusters() -> SharedClusters:
    """Return the clients that all triggers of this process share, or all requests to its pages and REST."""
    from springtide.run.watching import SharedClusters

    return SharedClusters(system_clock())


@cache
def _watching_moments() -> Moments:
    """Return the one that all triggers of this process share, so that a store that is away is left alone by all."""
    return _moments()


_opening = threading.Lock()
_watching: list[SqlStore] = []


def _watching_store() -> RunStore:
    """Return the one store that all triggers of this process share: hundreds of waits, and a few connections.

    One of memory where it does not answer, so that a wait depends on no store.
    """
    from springtide.record.memory import MemoryStore

    with _opening:
        if not _watching:
            try:
                _watching.append(SpringtideHook().store())
            except SpringtideError:
                log.warning("the store does not answer: what this trigger sees is not kept")
                return MemoryStore()
        return _watching[0]


def _known_calendars() -> Calendars:
    """Return the calendars; a broken one counts as it was when it was read last."""
    return calendar_folder().known(system_clock().now()).calendars


def _url(connection: Connection) -> str:
    """Return the address without login and password: those travel in a header, and appear in no message.

    Raises:
        InputError: the connection has no host, or another scheme than http and https.
    """
    scheme, _, rest = (connection.host or "").rpartition("://")
    scheme = scheme or connection.schema or "http"
    host = rest.rpartition("@")[2].rstrip("/")
    if not host or scheme not in {"http", "https"}:
        raise InputError(
            f"connection {connection.conn_id!r}: its host must be a name or an http(s) address of a Prometheus.",
            code="url_scheme",
            field=connection.conn_id,
        )
    name, slash, path = host.partition("/")
    port = f":{connection.port}" if connection.port else ""
    return f"{scheme}://{name}{port}{slash}{path}"


def _access(connection: Connection) -> PrometheusAccess:
    """Return how the connection logs in, from its login and its extra fields.

    Raises:
        InputError: a header is none (`header_invalid`).
    """
    from springtide.demand.access import PrometheusAccess, headers_of

    headers = headers_of(f"{name}: {value}" for name, value in _headers(connection).items())
    extra = connection.extra_dejson
    files = {name: Path(str(extra[name])) for name in _FILES if extra.get(name)}
    return PrometheusAccess(headers=headers, **files)


def _headers(connection: Connection) -> dict[str, str]:
    """Return the headers of the extra field `headers`, and the credentials: basic with a login, else a bearer token."""
    given = connection.extra_dejson.get("headers") or {}
    if not isinstance(given, dict):
        raise InputError(
            f"connection {connection.conn_id!r}: the extra field headers must be an object of names and values.",
            code="header_invalid",
            field=connection.conn_id,
        )
    headers = {str(key): str(value) for key, value in given.items()}
    if connection.login:
        pair = f"{connection.login}:{connection.password or ''}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    elif connection.password:
        headers["Authorization"] = f"Bearer {connection.password}"
    return headers
