"""A whole cluster as one object, in virtual time: deterministic from its settings and from what is done with it.

    world = World()
    world.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    world.advance(10)

Time stands still until `advance`, `run_until`, `settle`, an API call or `clock.sleep` moves it, so library code under
test that sleeps or calls moves the cluster on as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final
from urllib.parse import urlsplit

from springtide.sandbox.access import Access
from springtide.sandbox.api import Api
from springtide.sandbox.app import Answer
from springtide.sandbox.controllers.argo import RolloutController
from springtide.sandbox.controllers.autoscaling import HorizontalAutoscaler
from springtide.sandbox.controllers.deployment import DeploymentController
from springtide.sandbox.controllers.endpointslice import EndpointSliceController
from springtide.sandbox.controllers.garbage import GarbageCollector, NamespaceController
from springtide.sandbox.controllers.keda import KedaOperator
from springtide.sandbox.controllers.nodes import add_node, node_names
from springtide.sandbox.controllers.replicaset import ReplicaSetController
from springtide.sandbox.controllers.scheduling import QuotaController, Scheduler
from springtide.sandbox.controllers.statefulset import StatefulSetController
from springtide.sandbox.core import Core, Settings
from springtide.sandbox.dataplane import Dataplane
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan
from springtide.sandbox.history import Call, History
from springtide.sandbox.interference import disturb, refused_instead, strike_after, strike_before
from springtide.sandbox.kinds import BY_KIND, KINDS
from springtide.sandbox.kubelet import Kubelet
from springtide.sandbox.manifests import objects_of
from springtide.sandbox.messages import Request, Response
from springtide.sandbox.network import Network
from springtide.sandbox.objects import Json, Ref, labels_of
from springtide.sandbox.relay import asked
from springtide.sandbox.runtime import Runtime, VirtualRuntime
from springtide.sandbox.store import Change, Store
from springtide.sandbox.timeline import Timeline
from springtide.sandbox.writers import Writer
from springtide.sandbox.writes import Writes

DEFAULT_START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)

# the order in which they see a change; part of what makes a seed repeatable
_CONTROLLERS: Final = (
    NamespaceController,
    GarbageCollector,
    DeploymentController,
    ReplicaSetController,
    StatefulSetController,
    RolloutController,
    Scheduler,
    EndpointSliceController,
    QuotaController,
    KedaOperator,
    HorizontalAutoscaler,
)


class World:
    """The control plane, the node, the faults and the history."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        start: datetime = DEFAULT_START,
        runtime: Callable[[World], Runtime] | None = None,
    ) -> None:
        self.settings = settings or Settings()
        timeline = Timeline()
        store = Store()
        rng = Random(self.settings.seed)  # noqa: S311  repeatable on purpose, and no secret
        network = Network(self.settings.second_octet)
        self.core = Core(
            settings=self.settings,
            start=start,
            timeline=timeline,
            store=store,
            writes=Writes(store, network, now=lambda: start + timedelta(seconds=timeline.elapsed), rng=rng),
            network=network,
            rng=rng,
            images=set(self.settings.images),
        )
        self.store = store
        self.history = History()
        self.faults: FaultPlan | Callable[[Call], Fault | None] = FaultPlan()
        self.access = Access(store)
        self.api = Api(self.core.writes, self.access)
        self.clock = WorldClock(self)
        self.virtual = runtime is None
        self._writes_called = 0
        self.dataplane = Dataplane(self.core, self.history)
        processes = runtime(self) if runtime else VirtualRuntime(timeline, self.dataplane.moved)
        self.kubelet = Kubelet(self.core, processes)
        controllers = [controller(self.core).saw for controller in _CONTROLLERS]
        self._observers = [*controllers, self.kubelet.saw, self.dataplane.saw]
        store.observe(self._saw)
        self._bootstrap()

    def _saw(self, change: Change) -> None:
        self.history.revision_written(self.core.timeline.elapsed, change.revision)
        for observer in self._observers:
            observer(change)

    def _bootstrap(self) -> None:
        """Create what every cluster has."""
        for name in ("default", "kube-system"):
            self.core.writes.create(KINDS["namespaces"], {"metadata": {"name": name}})
        for name in node_names(self.settings.nodes):
            add_node(self.core, name)

    def add_node(self, name: str) -> None:
        """Let a node come, as a node autoscaler does: it takes the pods that wait for room."""
        add_node(self.core, name)

    @property
    def elapsed(self) -> float:
        """Seconds since the sandbox began."""
        return self.core.timeline.elapsed

    def now(self) -> datetime:
        """Return the time of day in the sandbox."""
        return self.core.now()

    def advance(self, seconds: float) -> None:
        """Let time pass and do what is due in it."""
        self.core.timeline.run_until(self.elapsed + seconds)

    def run_until(self, holds: Callable[[], bool], *, limit: float = 600.0) -> bool:
        """Let time pass until a condition holds; return whether it did within `limit` seconds."""
        end = self.elapsed + limit
        while not holds():
            due = self.core.timeline.next_due()
            if due is None or due > end:
                self.core.timeline.run_until(end)
                return holds()
            self.core.timeline.run_until(due)
        return True

    def settle(self, *, quiet: float = 5.0, limit: float = 300.0) -> None:
        """Let time pass until nothing is planned for the next `quiet` seconds, at most `limit` seconds."""
        end = self.elapsed + limit
        while (due := self.core.timeline.next_due()) is not None and due <= min(self.elapsed + quiet, end):
            self.core.timeline.run_until(due)

    def apply(self, *manifests: Json, manager: str = "sandbox") -> list[Json]:
        """Create objects, or replace those that are there, as their owner would; time does not move.

        A `List` stands for its items.

        Raises:
            ApiError: what the API server would answer.
            KeyError: a kind that is not served.
        """
        writer = Writer(manager=manager, replaces=True)
        return [self._apply(obj, writer) for manifest in manifests for obj in objects_of(manifest)]

    def _apply(self, manifest: Json, writer: Writer) -> Json:
        kind = BY_KIND[manifest["apiVersion"], manifest["kind"]]
        namespace = manifest["metadata"].get("namespace", "default") if kind.namespaced else ""
        ref = Ref(kind.plural, namespace, manifest["metadata"]["name"])
        if self.store.get(ref) is None:
            return self.core.writes.create(kind, manifest, namespace, writer)
        return self.core.writes.update(kind, ref, lambda _old: manifest, writer)

    def get(self, resource: str, namespace: str, name: str) -> Json | None:
        """Return an object by its plural resource name, without a call."""
        return self.store.get(Ref(resource, namespace, name))

    def pods(self, namespace: str, labels: Mapping[str, str] | None = None) -> list[Json]:
        """Return the pods of a namespace with all of some labels, without a call."""
        wanted = (labels or {}).items()
        return [pod for pod in self.store.select("pods", namespace) if wanted <= labels_of(pod).items()]

    def call(self, request: Request) -> Response:
        """Answer an API call, with its fault if one is planned for it, and record it.

        Raises:
            Lost: there is no answer.
            Crashed: the caller is dead.
        """
        call = self._begin(request)
        if self.virtual:
            self.advance(self.settings.call)
        look = self.faults.look if isinstance(self.faults, FaultPlan) else self.faults
        fault = look(call)
        if fault is not None:
            call.fault = fault.kind
            strike_before(fault, call)
            # whatever went on meanwhile is not this call's doing
            call.revisions = (self.store.revision, self.store.revision)
        response = self._served(request, fault)
        if self.virtual and response.errand is not None:
            response, work = asked(response.errand, self.kubelet.find, self.elapsed)
            self.advance(work)
        call.revisions = (call.revisions[0], self.store.revision)
        call.status = response.status
        if response.status >= 400:  # noqa: PLR2004  errors carry a reason
            call.reason = response.json.get("reason", "") if response.body.startswith(b"{") else ""
        if fault is not None:
            return strike_after(fault, call, response)
        return response

    def _begin(self, request: Request) -> Call:
        self._writes_called += request.writes
        call = Call(
            number=len(self.history.calls) + 1,
            write=self._writes_called if request.writes else 0,
            time=self.elapsed,
            method=request.method,
            path=request.path,
            query=request.query,
            body=request.body,
            user_agent=request.headers.get("user-agent", ""),
            manager=request.manager,
            revisions=(self.store.revision, self.store.revision),
        )
        self.history.calls.append(call)
        return call

    def _served(self, request: Request, fault: Fault | None) -> Response:
        if fault is None:
            return self.api.serve(request)
        refused = refused_instead(fault)
        if refused is not None:
            return refused
        if fault.kind is FaultKind.STALE:
            request = replace(request, as_of=self._older(fault))
        response = self.api.serve(request)
        if response.watch is not None:
            disturb(response.watch, fault)
        return response

    def _older(self, fault: Fault) -> int:
        if fault.seconds is not None:
            wanted = self.history.revision_at(self.elapsed - fault.seconds)
        else:
            wanted = self.store.revision - fault.behind
        return max(wanted, self.store.compacted)

    def fetch(self, url: str) -> Answer:
        """Send a GET to a Service or pod in virtual time, by the route that a real one would take.

        Raises:
            ConnectionRefusedError: nobody listens there, or the Service has no endpoint.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or 80
        service = self.dataplane.service_at(host)
        target = self.dataplane.pick(service, port) if service else (host, port)
        process = self.kubelet.find(*target) if target else None
        if process is None:
            raise ConnectionRefusedError(f"connect to {host}:{port}: connection refused")
        answer = process.app.answer(parts.path or "/", self.elapsed)
        self.advance(answer.work)
        return answer


class WorldClock:
    """The sandbox's time as springtide's `Clock`: sleeping lets the cluster work."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> datetime:
        """Return the time of day in the sandbox."""
        return self._world.now()

    def monotonic(self) -> float:
        """Return the seconds since the sandbox began."""
        return self._world.elapsed

    def sleep(self, seconds: float) -> None:
        """Let the sandbox's time pass."""
        self._world.advance(seconds)
