"""`scale(name, replicas)`: a Deployment to a number, directly on Kubernetes, and back when its pods are ready.

It knows no policy, no event and no run of springtide: no smoke test, no switch, no way back. For what customers use,
ask for a run instead: `Springtide.scale`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from springtide.sdk.errors import (
    Conflict,
    Invalid,
    Misconfigured,
    NotAllowed,
    NotFound,
    ServerFault,
    SpringtideError,
    StillRunning,
    TemporaryError,
    Unavailable,
)
from springtide.sdk.problems import BY_STATUS
from springtide.sdk.readiness import Readiness, readiness_of, words_of

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

T = TypeVar("T")
CALL_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 1.0
HIGHEST: Final = 100_000
_CODES: Final[Mapping[type[SpringtideError], str]] = {
    Conflict: "conflict",
    NotAllowed: "rbac_missing",
    NotFound: "not_found",
    Unavailable: "cluster_unreachable",
}


def scale(
    name: str,
    replicas: int,
    *,
    cluster: str | ApiClient | None = None,
    namespace: str = "default",
    timeout: float = 300.0,
    on_progress: Callable[[Readiness], None] | None = None,
) -> Readiness:
    """Give Deployment `name` so many replicas, and return once exactly these are ready; `timeout` is in seconds.

    `cluster` is a context of the kubeconfig, or a client of your own. By default it is the kubeconfig's current
    context, else the cluster that this process runs in. Asking for what is there already only waits.

    Raises:
        Invalid: a value is refused.
        Misconfigured: the Kubernetes client is missing (`extra_missing`), or no cluster is configured.
        NotLoggedIn, NotAllowed, NotFound: as the cluster says.
        Conflict: an autoscaler would take it back (`autoscaler_conflict`), or somebody else scales it meanwhile.
        NotReady: the pods will not become ready.
        StillRunning: they are not ready after `timeout`; what was asked for stands.
        Unavailable, TooManyRequests: the cluster does not answer.
    """
    if isinstance(replicas, bool) or not isinstance(replicas, int) or not 0 <= replicas <= HIGHEST:
        raise Invalid(
            f"replicas: {replicas!r} is no whole number from 0 to {HIGHEST}.", code="replicas_invalid", field="replicas"
        )
    there = _Deployment(name, namespace, cluster)
    ends = time.monotonic() + timeout
    _patiently(there.require_no_autoscaler, ends)
    _patiently(lambda: there.ask_for(replicas), ends)
    told: Readiness | None = None
    while True:
        seen = _patiently(lambda: there.look(replicas), ends)
        if seen != told and on_progress is not None:
            on_progress(seen)
        told = seen
        if seen.is_settled:
            return seen
        if time.monotonic() >= ends:
            message = f"{seen}, after {timeout:g} s. What was asked for stands."
            raise StillRunning(message, code="still_running", field="replicas")
        time.sleep(LOOK_SECONDS)


class _Deployment:
    """One Deployment, through the official client."""

    def __init__(self, name: str, namespace: str, cluster: str | ApiClient | None) -> None:
        try:
            from kubernetes import client
        except ModuleNotFoundError as error:
            raise Misconfigured(
                "kubernetes: its client is not installed: pip install 'springtide-sdk[kubernetes]'.",
                code="extra_missing",
                field="kubernetes",
            ) from error
        self._name = name
        self._namespace = namespace
        connection = _connection(cluster) if cluster is None or isinstance(cluster, str) else cluster
        self._apps = client.AppsV1Api(connection)
        self._core = client.CoreV1Api(connection)
        self._autoscaling = client.AutoscalingV2Api(connection)

    def ask_for(self, replicas: int) -> None:
        """Write the number. Writing it twice is the same as once."""
        body = {"spec": {"replicas": replicas}}
        with _translated(f"Deployment {self._namespace}/{self._name}"):
            self._apps.patch_namespaced_deployment_scale(
                self._name, self._namespace, body, _request_timeout=CALL_SECONDS
            )

    def look(self, wanted: int) -> Readiness:
        """Return how it stands; what its pods say is looked at while they are not ready."""
        with _translated(f"Deployment {self._namespace}/{self._name}"):
            found = self._apps.read_namespaced_deployment(self._name, self._namespace, _request_timeout=CALL_SECONDS)
        seen = readiness_of(found, wanted)
        if seen.is_settled or not found.spec.selector.match_labels:
            return seen
        return readiness_of(found, wanted, self._words(found.spec.selector.match_labels))

    def require_no_autoscaler(self) -> None:
        """Refuse where an HPA would take the number back; who may not list them is let through."""
        try:
            with _translated(f"HorizontalPodAutoscalers of {self._namespace}"):
                # as JSON: the client's own values refuse an autoscaler that has no status yet
                answer = self._autoscaling.list_namespaced_horizontal_pod_autoscaler(
                    self._namespace, _preload_content=False, _request_timeout=CALL_SECONDS
                )
        except NotAllowed:
            return
        for each in json.loads(answer.data)["items"]:
            target = each["spec"]["scaleTargetRef"]
            if (target["kind"], target["name"]) == ("Deployment", self._name):
                raise Conflict(
                    f"HorizontalPodAutoscaler {each['metadata']['name']} scales {self._name} and would take it back: "
                    "change its minReplicas, or ask for a run of springtide with the strategy floor.",
                    code="autoscaler_conflict",
                    field="replicas",
                )

    def _words(self, labels: dict[str, str]) -> tuple[str, ...]:
        selector = ",".join(f"{label}={value}" for label, value in labels.items())
        try:
            with _translated(f"Pods of {self._namespace}"):
                pods = self._core.list_namespaced_pod(
                    self._namespace, label_selector=selector, _request_timeout=CALL_SECONDS
                )
        except NotAllowed:
            return ()
        return words_of(pods.items)


def _connection(context: str | None) -> Any:
    from kubernetes import client, config

    try:
        return config.new_client_from_config(context=context)
    except config.ConfigException as error:
        if context is None:
            try:
                config.load_incluster_config(inside := client.Configuration())
            except config.ConfigException:
                pass
            else:
                return client.ApiClient(inside)
        message = f"cluster: no usable configuration of a cluster: {error}. Set KUBECONFIG, or name a context of it."
        raise Misconfigured(message, code="cluster_unreachable", field="cluster") from error


def _patiently(do: Callable[[], T], ends: float) -> T:
    """Do it again while the cluster does not answer, until `ends`."""
    while True:
        try:
            return do()
        except TemporaryError:
            if time.monotonic() >= ends:
                raise
            time.sleep(LOOK_SECONDS)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as error:
        raise _error_of(error, what) from error
    except HTTPError as error:
        raise Unavailable(f"{what}: the cluster does not answer: {error}", code="cluster_unreachable") from error


def _error_of(error: Any, what: str) -> SpringtideError:
    try:
        said = str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        said = str(error.reason)
    kind = BY_STATUS.get(error.status or 0, Unavailable)
    kind = Unavailable if kind is ServerFault else kind  # an API server's own fault is worth another try
    return kind(f"{what}: {said}", code=_CODES.get(kind, "cluster_refused"))
