"""`KubeClient` over the official Kubernetes client."""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from springtide.clock import Clock, SystemClock
from springtide.errors import ClusterRefused, ClusterUnavailable, SpringtideError
from springtide.kube import proxy
from springtide.kube.allowed import AllowedRules
from springtide.kube.client import FIELD_MANAGER, Right, ServerVersion
from springtide.kube.following import WatchExpired, WatchQuestion
from springtide.kube.kubeconfig import ClusterConfig, find_cluster
from springtide.kube.object_events import ObjectEvent
from springtide.kube.objects import Json, Kind, Version
from springtide.kube.proxy import ProxyAnswer, ProxyRequest
from springtide.kube.translate import let_go, translated
from springtide.kube.write_pace import LONGEST_WAIT, pace_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kubernetes.client import ApiClient

CONNECT_SECONDS = 3.0
READ_SECONDS = 15.0
TOLD_SECONDS: Final = 2.0
"""Of each of the two requests that keep an Event: it is told, and nothing waits for it."""
ANSWER_BYTES: Final = 256 * 1024 * 1024
"""Of one answer: a list of some ten thousand pods."""
POOL_CONNECTIONS: Final = 128
"""Of one client that are kept for the next call: each watch takes one, and a hundred runs of one process share it."""
READ_ATTEMPTS: Final = 3
"""A read is tried this often before the caller sees the error; a write only once (invariant I-15)."""

_API: Final[dict[Kind, tuple[str, str]]] = {
    Kind.DEPLOYMENT: ("AppsV1Api", "namespaced_deployment"),
    Kind.REPLICA_SET: ("AppsV1Api", "namespaced_replica_set"),
    Kind.STATEFUL_SET: ("AppsV1Api", "namespaced_stateful_set"),
    Kind.POD: ("CoreV1Api", "namespaced_pod"),
    Kind.SERVICE: ("CoreV1Api", "namespaced_service"),
    Kind.ENDPOINT_SLICE: ("DiscoveryV1Api", "namespaced_endpoint_slice"),
    Kind.LEASE: ("CoordinationV1Api", "namespaced_lease"),
    Kind.AUTOSCALER: ("AutoscalingV2Api", "namespaced_horizontal_pod_autoscaler"),
    Kind.RESOURCE_QUOTA: ("CoreV1Api", "namespaced_resource_quota"),
    Kind.DISRUPTION_BUDGET: ("PolicyV1Api", "namespaced_pod_disruption_budget"),
    Kind.EVENT: ("CoreV1Api", "namespaced_event"),
    Kind.CONFIG_MAP: ("CoreV1Api", "namespaced_config_map"),
}
_CUSTOM: Final[dict[Kind, tuple[str, str, str]]] = {
    Kind.SCALED_OBJECT: ("keda.sh", "v1alpha1", "scaledobjects"),
    Kind.CRON_AUTOSCALER: ("autoscaling.alibabacloud.com", "v1beta1", "cronhorizontalpodautoscalers"),
    Kind.PROMETHEUS_RULE: ("monitoring.coreos.com", "v1", "prometheusrules"),
    Kind.ROLLOUT: ("argoproj.io", "v1alpha1", "rollouts"),
    Kind.CANARY: ("flagger.app", "v1beta1", "canaries"),
    Kind.VERTICAL_AUTOSCALER: ("autoscaling.k8s.io", "v1", "verticalpodautoscalers"),
}
_EVERYWHERE: Final[dict[Kind, str]] = {Kind.NODE: "list_node", Kind.POD: "list_pod_for_all_namespaces"}
_MERGE: Final = "application/merge-patch+json"


class LiveKube:
    """Talks to a real API server (or to the embedded one: it cannot tell).

    With `writes_a_second` its writes wait in the queue that all clients of this process for the same server share.
    """

    def __init__(
        self, api_client: ApiClient, *, clock: Clock | None = None, writes_a_second: int | None = None
    ) -> None:
        self._client = api_client
        self._clock = clock or SystemClock()
        self._apis: dict[str, Any] = {}
        self._of_thread = threading.local()
        self._allowed = AllowedRules(self._clock)
        self._pace = pace_of(api_client.configuration.host, writes_a_second) if writes_a_second else None

    @property
    def reads(self) -> int:
        """How many reads this thread has sent through this client, every attempt counted."""
        count: int = getattr(self._of_thread, "reads", 0)
        return count

    def await_turn(self) -> None:
        """Wait for the turn of this thread's next write (see `PacesWrites`)."""
        if not getattr(self._of_thread, "has_turn", False):  # one that was kept back by its guard has left its turn
            self._take_turn("the next write")
        self._of_thread.has_turn = True

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """Return the object (see `KubeReader.get`)."""
        if kind is Kind.NAMESPACE:
            find = self._api("CoreV1Api").read_namespace
            return self._read(f"get {kind.value} {name}", lambda: find(name, **_options()))
        read = self._method("read", kind)
        return self._read(f"get {kind.value} {namespace}/{name}", lambda: read(name, namespace, **_options()))

    def listed(self, question: WatchQuestion) -> tuple[list[Json], str]:
        """Return what a watch begins with (see `WatchesKube.listed`)."""
        find = self._method("list", question.kind)
        options = _options() | _left_by(question)
        answer = self._read(f"list {question}", lambda: find(question.namespace, **options))
        return list(answer.get("items") or ()), str(answer["metadata"].get("resourceVersion") or "")

    def list(self, kind: Kind, namespace: str, *, selector: str = "", fields: str = "") -> list[Json]:
        """Return all that match (see `KubeReader.list`)."""
        options = _options() | ({"label_selector": selector} if selector else {})
        options |= {"field_selector": fields} if fields else {}
        if not namespace:
            read = getattr(self._api("CoreV1Api"), _EVERYWHERE[kind])
            answer = self._read(f"list {kind.value} of the whole cluster", lambda: read(**options))
        else:
            read = self._method("list", kind)
            answer = self._read(f"list {kind.value} in {namespace}", lambda: read(namespace, **options))
        return list(answer.get("items") or ())

    def watch(self, question: WatchQuestion, version: str, seconds: int) -> Iterator[Json]:
        """Open a watch (see `WatchesKube.watch`)."""
        from kubernetes.client.exceptions import ApiException

        options = _left_by(question) | ({"resource_version": version} if version else {})
        options |= {"watch": True, "allow_watch_bookmarks": True, "timeout_seconds": seconds, "_preload_content": False}
        # A watch that says nothing for longer than it was to last is a connection that nobody is at the end of.
        options["_request_timeout"] = (CONNECT_SECONDS, seconds + READ_SECONDS)
        find = self._method("list", question.kind)
        with translated(f"watch {question}", is_write=False):
            try:
                answer = find(question.namespace, **options)
            except ApiException as error:
                if error.status == HTTPStatus.GONE:
                    raise WatchExpired(f"watch {question}: {version} is too old") from error
                raise
        return _events(question, answer)

    def may(self, right: Right, namespace: str) -> bool:
        """Say whether a rule grants it, or ask for this one right (see `KubeReader.may`)."""
        if self._allowed.grant(right, namespace, self._rules_in):
            return True
        resource, _, subresource = right.resource.partition("/")
        attributes = {"verb": right.verb, "group": right.group, "resource": resource, "namespace": namespace}
        attributes |= {key: value for key, value in (("subresource", subresource), ("name", right.name)) if value}
        review = self._api("AuthorizationV1Api").create_self_subject_access_review
        body = _asking("SelfSubjectAccessReview", {"resourceAttributes": attributes})
        answer = self._read(f"ask for the right to {right}", lambda: review(body, **_options()))
        return bool(answer["status"].get("allowed"))

    def _rules_in(self, namespace: str) -> Sequence[Json]:
        review = self._api("AuthorizationV1Api").create_self_subject_rules_review
        body = _asking("SelfSubjectRulesReview", {"namespace": namespace})
        try:
            answer = self._read(f"ask for the rights in {namespace}", lambda: review(body, **_options()))
        except ClusterRefused:
            return []  # then each right is asked for by itself
        rules: Sequence[Json] = answer["status"].get("resourceRules") or []
        return rules

    def server_version(self) -> ServerVersion:
        """Return which Kubernetes answers (see `KubeReader.server_version`)."""
        read = self._api("VersionApi").get_code
        return ServerVersion.parse(self._read("get the server's version", lambda: read(**_options())))

    def ask(self, request: ProxyRequest) -> ProxyAnswer:
        """Have the API server pass one GET on (see `ProxyReader.ask`)."""
        return proxy.ask(self._client, request, self._clock)

    def create(self, kind: Kind, namespace: str, manifest: Json, *, dry_run: bool = False) -> Json:
        """Create the object (see `KubeClient.create`)."""
        options = _written(dry_run=dry_run)
        name = manifest["metadata"]["name"]
        what = f"create {kind.value} {namespace}/{name}"
        self._take_turn(what)
        with translated(what, is_write=True):
            return _body(self._method("create", kind)(namespace, manifest, **options))

    def patch(
        self, kind: Kind, namespace: str, name: str, change: Json, *, version: Version, dry_run: bool = False
    ) -> Json:
        """Merge `change` into the object as it was read (see `KubeClient.patch`)."""
        method = self._method("patch", kind)
        where = (namespace, name)
        return self._patch(f"patch {kind.value}", method, where, _guarded(change, version), dry_run=dry_run)

    def scale(
        self, kind: Kind, namespace: str, name: str, replicas: int, *, version: Version, dry_run: bool = False
    ) -> None:
        """Set replicas (see `KubeClient.scale`)."""
        change = _guarded({"spec": {"replicas": replicas}}, version)
        method = self._method("scale", kind)
        self._patch(f"scale {kind.value}", method, (namespace, name), change, dry_run=dry_run)

    def delete(self, kind: Kind, namespace: str, name: str, *, version: Version) -> None:
        """Delete this very object (see `KubeClient.delete`)."""
        body = {
            "preconditions": {"uid": version.uid, "resourceVersion": version.resource_version},
            "propagationPolicy": "Background",
        }
        what = f"delete {kind.value} {namespace}/{name}"
        self._take_turn(what)
        with translated(what, is_write=True):
            self._method("delete", kind)(name, namespace, body=body, **_options())

    def announce(self, kind: Kind, event: ObjectEvent) -> None:
        """Keep an Event about an object of `kind` (see `AnnouncesEvents`)."""
        # One attempt and seconds: whoever tells something waits for nothing.
        options = {"_request_timeout": (TOLD_SECONDS, TOLD_SECONDS), "_preload_content": False}
        namespace = event.workload.namespace
        with translated(f"get {kind.value} {event.workload}", is_write=False):
            found = _body(self._method("read", kind)(event.workload.deployment, namespace, **options))
        manifest = event.manifest(found["metadata"]["uid"])
        what = f"create event {namespace}/{event.name}"
        self._take_turn(what, longest=TOLD_SECONDS)
        with translated(what, is_write=True):
            self._method("create", Kind.EVENT)(namespace, manifest, field_manager=FIELD_MANAGER, **options)

    def _patch(
        self, verb: str, method: Callable[..., Any], where: tuple[str, str], change: Json, *, dry_run: bool = False
    ) -> Json:
        namespace, name = where
        options = _written(dry_run=dry_run) | {"_content_type": _MERGE}
        what = f"{verb} {namespace}/{name}"
        self._take_turn(what)
        with translated(what, is_write=True):
            return _body(method(name, namespace, change, **options))

    def _take_turn(self, what: str, *, longest: float = LONGEST_WAIT) -> None:
        if getattr(self._of_thread, "has_turn", False):
            self._of_thread.has_turn = False
        elif self._pace is not None:
            self._pace.take(self._clock, what, longest=longest)

    def _read(self, what: str, call: Callable[[], Any]) -> Json:
        # A read that is sent twice harms nobody; a write that is might undo what somebody did between the two.
        retrying = Retrying(
            retry=retry_if_exception_type(ClusterUnavailable),
            stop=stop_after_attempt(READ_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            sleep=self._clock.sleep,
            reraise=True,
        )
        try:
            for attempt in retrying:
                self._of_thread.reads = self.reads + 1
                with attempt, translated(what, is_write=False):
                    return _body(call())
        except SpringtideError as error:
            let_go(error)
            raise
        finally:
            retrying = attempt = None  # type: ignore[assignment]  # as the frames of tenacity that `let_go` empties
        raise AssertionError("tenacity ends by a return or by raising")

    def _method(self, verb: str, kind: Kind) -> Callable[..., Any]:
        if kind in _CUSTOM:
            return self._custom(verb, kind)
        api, suffix = _API[kind]
        called = f"patch_{suffix}_scale" if verb == "scale" else f"{verb}_{suffix}"
        method: Callable[..., Any] = getattr(self._api(api), called)
        return method

    def _custom(self, verb: str, kind: Kind) -> Callable[..., Any]:
        """Return the method for a custom resource, with the arguments of the built-in kinds' methods."""
        api = self._api("CustomObjectsApi")
        group, version, plural = _CUSTOM[kind]

        def read(name: str, namespace: str, **options: Any) -> Any:
            return api.get_namespaced_custom_object(group, version, namespace, plural, name, **options)

        def find(namespace: str, **options: Any) -> Any:
            return api.list_namespaced_custom_object(group, version, namespace, plural, **options)

        def patch(name: str, namespace: str, change: Json, **options: Any) -> Any:
            return api.patch_namespaced_custom_object(group, version, namespace, plural, name, change, **options)

        def scale(name: str, namespace: str, change: Json, **options: Any) -> Any:
            return api.patch_namespaced_custom_object_scale(group, version, namespace, plural, name, change, **options)

        def create(namespace: str, manifest: Json, **options: Any) -> Any:
            return api.create_namespaced_custom_object(group, version, namespace, plural, manifest, **options)

        methods: dict[str, Callable[..., Any]] = {"read": read, "list": find, "patch": patch, "create": create}
        methods["scale"] = scale
        return methods[verb]

    def _api(self, name: str) -> Any:
        from kubernetes import client

        if name not in self._apis:
            self._apis[name] = getattr(client, name)(self._client)
        return self._apis[name]


def connect(kubeconfig: Path | None = None, *, context: str | None = None, clock: Clock | None = None) -> LiveKube:
    """Return a client for the cluster that is meant by kubectl's order (see `kubeconfig`).

    Raises:
        InputError: there is no usable configuration; the message names the places that were searched.
    """
    return connected(find_cluster(kubeconfig, context=context), clock=clock)


def connected(cluster: ClusterConfig, *, clock: Clock | None = None, writes_a_second: int | None = None) -> LiveKube:
    """Return a client for `cluster`, which sends so many writes a second at most; as many as there are without it.

    Raises:
        InputError: its credentials cannot be used.
    """
    from kubernetes.client import ApiClient

    settings = cluster.settings()
    settings.connection_pool_maxsize = POOL_CONNECTIONS
    return LiveKube(ApiClient(settings), clock=clock, writes_a_second=writes_a_second)


def _asking(kind: str, spec: Json) -> Json:
    return {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}


def _options() -> dict[str, Any]:
    # The client waits for ever by default; and its typed models would drop fields that it does not know.
    return {"_request_timeout": (CONNECT_SECONDS, READ_SECONDS), "_preload_content": False}


def _left_by(question: WatchQuestion) -> dict[str, Any]:
    options = {"label_selector": question.selector} if question.selector else {}
    return options | ({"field_selector": question.fields} if question.fields else {})


def _events(question: WatchQuestion, answer: Any) -> Iterator[Json]:
    """Yield the events of a watch, each a line; the connection is given back at the end, and shut before it."""
    with translated(f"watch {question}", is_write=False):
        try:
            rest = b""
            for part in answer.stream(amt=None, decode_content=True):
                *lines, rest = (rest + part).split(b"\n")
                if len(rest) > ANSWER_BYTES:
                    raise ClusterUnavailable(f"watch {question}: an event has no end.", code="cluster_unreachable")
                yield from (json.loads(line) for line in lines if line.strip())
        finally:
            answer.close()


def _written(*, dry_run: bool) -> dict[str, Any]:
    return _options() | {"field_manager": FIELD_MANAGER} | ({"dry_run": "All"} if dry_run else {})


def _body(response: Any) -> Json:
    raw = response.read(ANSWER_BYTES + 1)  # counted unpacked
    if len(raw) > ANSWER_BYTES:
        response.close()
        raise ClusterRefused(
            f"the API server's answer has {len(raw)} bytes or more once unpacked, at most {ANSWER_BYTES} are read.",
            code="answer_too_large",
        )
    document: Json = json.loads(raw)
    return document


def _guarded(change: Json, version: Version) -> Json:
    # The API server answers 409 where the resourceVersion has moved, and 422 where the name is another object's by now.
    metadata = change.get("metadata", {}) | {"uid": version.uid, "resourceVersion": version.resource_version}
    return change | {"metadata": metadata}
