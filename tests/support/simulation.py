"""A whole cluster in virtual time with one workload, and runs against it: what every simulation starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from springtide.clock import Clock
from springtide.errors import InputError
from springtide.kube.live import LiveKube
from springtide.kube.object_events import AnnouncesEvents, KeptObjectEvents
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.memory import MemoryStore
from springtide.record.model import RunOutcome
from springtide.record.store import RunStore
from springtide.run import pipeline
from springtide.run.ports import Ports, RunRequest
from springtide.sandbox import transport
from springtide.sandbox.core import Settings
from springtide.sandbox.objects import Json
from springtide.sandbox.world import World
from springtide.verify.route import Answer, Route
from springtide.verify.smoke import Instant
from springtide.workload import Workload
from support.builders import policy

NAMESPACE = "shop"
WORKLOAD = Workload(namespace=NAMESPACE, deployment="web", service="web")
WAITS = {
    "propagation": "2s",
    "drain": "1s",
    "deadlines": {"ready": "60s", "switched": "60s", "removed": "5m"},
    "patience": {"refused": "2s", "crash": "2s"},
}
"""Short waits and deadlines: virtual seconds cost nothing, but every look that they hold costs a little."""

SMOKE: tuple[Json, ...] = ({"http": {"path": "/healthz", "samples": 3}},)


class WorldRoute:
    """Requests by the route that a real one would take, in virtual time."""

    def __init__(self, world: World) -> None:
        self._world = world

    def get(self, url: str, *, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> Answer:
        """Send one GET."""
        del timeout_seconds, headers
        try:
            answer = self._world.fetch(url)
        except ConnectionRefusedError as error:
            return Answer(status=0, body="", headers={}, error=str(error))
        return Answer(status=answer.status, body=answer.body, headers={})


def web(replicas: int, **env: str) -> list[Json]:
    """Return the namespace, the Deployment `web` and its Service."""
    container = {
        "name": "web",
        "image": "localhost/web:1",
        "imagePullPolicy": "Never",
        "env": [{"name": name, "value": value} for name, value in ({"STARTUP": "1s", "DRAIN": "2s"} | env).items()],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/readiness", "port": 8080}, "periodSeconds": 1},
    }
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": NAMESPACE},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": NAMESPACE},
            "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
        },
    ]


def others(pods: int) -> Json:
    """Return another team's Deployment, whose pods take places on the one node."""
    deployment = web(pods)[1]
    labelled = {"app": "other"}
    template = deployment["spec"]["template"] | {"metadata": {"labels": labelled}}
    spec = deployment["spec"] | {"selector": {"matchLabels": labelled}, "template": template}
    return deployment | {"metadata": {"name": "other", "namespace": "default"}, "spec": spec}


@dataclass
class Simulation:
    """One workload in one world; with a `token` every process is that user, else the administrator."""

    world: World
    store: RunStore
    policy: ScalingPolicy
    clock: Clock | None = None
    route: Route | None = None
    instant: Instant | None = None
    token: str = ""

    @classmethod
    def of(
        cls,
        replicas: int,
        *,
        seed: int = 1,
        node_pods: int = 500,
        strategy: str = "blue_green",
        smoke: Sequence[Json] = SMOKE,
        only_warn: Sequence[str] = (),
        **settings: Any,
    ) -> Simulation:
        """Return a settled world with `replicas` pods, and the policy to scale them by `strategy`."""
        world = World(Settings(seed=seed, node_pods=node_pods))
        world.apply(*web(replicas))
        world.settle()
        chosen = policy(
            strategy=WAITS | {"type": strategy} | settings, smoke=list(smoke), preflight={"only_warn": list(only_warn)}
        )
        return cls(world, MemoryStore(), chosen)

    def ports(self, agent: str = "springtide") -> Ports:
        """Return the ports of a new process: its own client, nothing remembered; the record knows it as `agent`."""
        from kubernetes.client import ApiClient, Configuration

        settings = Configuration(host="http://sandbox.invalid")
        settings.retries = False
        if self.token:
            settings.api_key = {"BearerToken": f"Bearer {self.token}"}
        client = ApiClient(settings)
        client.user_agent = agent
        transport.install(client, self.world)
        kube = LiveKube(client, clock=self.world.clock)
        clock = self.clock or self.world.clock
        route = self.route or WorldRoute(self.world)
        return Ports(
            kube=kube,
            clock=clock,
            route=route,
            store=self.store,
            demand=lambda _policy: None,
            instant=self.instant,
            policy_of=self.policy_of,
        )

    def policy_of(self, name: str) -> ScalingPolicy:
        """Return the policy of `name` as it is now."""
        if name != self.policy.name:
            raise InputError(f"service: there is no policy {name!r}.", code="service_unknown", field="service")
        return self.policy

    def telling_ports(self, agent: str = "springtide") -> Ports:
        """Return the same, whose run tells on the workload what it does, as Kubernetes Events."""
        ports = self.ports(agent)
        assert isinstance(ports.kube, AnnouncesEvents)
        return replace(ports, object_events=KeptObjectEvents(ports.kube))

    def request(self, replicas: int, run_id: str = "run-1") -> RunRequest:
        """Return the request to go to `replicas`."""
        return RunRequest(
            run_id=run_id,
            policy=self.policy,
            replicas=replicas,
            strategy=None,
            requested_by="simulation",
            reason="a test",
        )

    def run(self, replicas: int, run_id: str = "run-1") -> RunOutcome:
        """Do a whole run."""
        return pipeline.run(self.ports(), self.request(replicas, run_id))

    def deployment(self, name: str) -> Json | None:
        """Return a Deployment as it stands."""
        return self.world.get("deployments", NAMESPACE, name)

    @property
    def selector(self) -> dict[str, str]:
        """The Service's selector."""
        service = self.world.get("services", NAMESPACE, "web")
        assert service is not None
        return dict(service["spec"]["selector"])
