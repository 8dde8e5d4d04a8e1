"""Many services in one world in virtual time, and runs of them that go on side by side, as Airflow's would."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from springtide.demand.model import DemandSource
from springtide.errors import InputError, SpringtideError
from springtide.events.calendars import Calendars
from springtide.events.waves import ChildRunState
from springtide.fleet.child_runs import ChildRun, asked_one_by_one
from springtide.fleet.ports import FleetPorts, Policies
from springtide.kube.live import LiveKube
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.memory import MemoryStore
from springtide.record.model import RunOutcome, ScalingRun
from springtide.run import phases
from springtide.run.engine import Progress
from springtide.run.ports import Ports, RunRef, RunRequest
from springtide.sandbox import transport
from springtide.sandbox.controllers.autoscaling import WANTED
from springtide.sandbox.core import Settings
from springtide.sandbox.objects import Json
from springtide.sandbox.world import World
from support.simulation import NAMESPACE, WAITS, WorldRoute, web

AT_ONCE = timedelta(0)
START = 2
"""Replicas of every service before the event."""


def policy_document(name: str, after: tuple[str, ...], strategy: str = "in_place") -> Json:
    """Return the policy of one service: usually two replicas, by what its demand asks for."""
    return {
        "apiVersion": "springtide/v1",
        "kind": "ScalingPolicy",
        "metadata": {"name": name, "owner": "shop"},
        "spec": {
            "target": {"namespace": NAMESPACE, "deployment": name, "service": name},
            "replicas": {"min": 1, "max": 50},
            "capacity": {"models": [{"model": "fixed", "replicas": START}]},
            "strategy": WAITS | {"type": strategy},
            "after": list(after),
        },
    }


def manifests(name: str) -> list[Json]:
    """Return the Deployment and the Service `name`."""
    documents: list[Json] = json.loads(json.dumps(web(START)[1:]).replace('"web"', f'"{name}"'))
    documents[0]["spec"]["template"]["spec"]["containers"][0]["name"] = "web"
    return documents


def autoscaler(name: str) -> Json:
    """Return an HPA over the Deployment `name`, whose metrics ask for what it has usually."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": {WANTED: str(START)}},
        "spec": {
            "minReplicas": START,
            "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    }


@dataclass
class SteppedRun:
    """One run, phase after phase: each `tick` goes as far as it can without waiting."""

    ports: Ports
    request: RunRequest
    state: ChildRunState = ChildRunState.GOING
    message: str = ""
    _left: list[Callable[[], Progress]] = field(default_factory=list)

    def begin(self) -> None:
        """Plan, and act for the first time."""
        self._guarded(self._begin)

    def tick(self) -> None:
        """Go on."""
        if self.state is ChildRunState.GOING:
            self._guarded(self._go_on)

    def _begin(self) -> None:
        plan = phases.calculate_capacity(self.ports, self.request)
        ref = RunRef(workload=plan.target, run_id=self.request.run_id)
        self._ref = ref
        phases.create_instances(self.ports, self.request, plan)
        self._left = [
            lambda: phases.instances_ready(self.ports, ref, patience=AT_ONCE),
            lambda: phases.switch_endpoints(self.ports, ref),
            lambda: phases.endpoints_switched(self.ports, ref, patience=AT_ONCE),
            lambda: phases.remove_old_instances(self.ports, ref),
            lambda: phases.instances_removed(self.ports, ref, patience=AT_ONCE),
        ]

    def _go_on(self) -> None:
        while self._left:
            if not self._left[0]().is_done:
                return
            if len(self._left) == 3:  # after endpoints_switched
                phases.smoke_test(self.ports, self._ref)
            self._left.pop(0)
        phases.report(self.ports, self._ref)
        self.state = ChildRunState.SUCCEEDED

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except SpringtideError as error:
            self.state = ChildRunState.FAILED
            self.message = error.message
            if hasattr(self, "_ref"):
                phases.roll_back(self.ports, self._ref)
                phases.report(self.ports, self._ref, error)


@dataclass(frozen=True)
class FleetPolicies:
    """The policies of a fleet, as a conductor asks for them."""

    fleet: Fleet

    def names(self) -> list[str]:
        """Return the services."""
        return sorted(self.fleet.policies)

    def get(self, name: str) -> ScalingPolicy:
        """Return the policy of one."""
        if name not in self.fleet.policies:
            raise InputError(f"policy {name!r}: there is none.", code="service_unknown", field="service")
        return self.fleet.policies[name]


@dataclass(frozen=True)
class FleetRuns:
    """`ChildRuns` in the fleet's world: they go on with each tick."""

    fleet: Fleet

    def start(self, run: ChildRun) -> None:
        """Start a run unless it is there."""
        if run.run_id not in self.fleet.runs:
            request = run.request(self.fleet.policies[run.service], requested_by="fleet")
            self.fleet.runs[run.run_id] = SteppedRun(self.fleet.ports(), request)
            self.fleet.runs[run.run_id].begin()

    def state(self, run_id: str) -> ChildRunState:
        """Return what has become of the run."""
        return self.fleet.runs[run_id].state

    def ended(self, run_ids: Sequence[str]) -> dict[str, ChildRunState]:
        """Return what has become of those that have ended."""
        return asked_one_by_one(self.state, run_ids)

    def failure(self, run_id: str) -> str:
        """Return why it failed."""
        return f"run {run_id} failed: {self.fleet.runs[run_id].message}"


@dataclass
class Fleet:
    """The services by name, each with those that it comes after; the `autoscaled` ones have an HPA, and a floor."""

    after: dict[str, tuple[str, ...]]
    failing: frozenset[str] = frozenset()
    autoscaled: frozenset[str] = frozenset()
    world: World = field(default_factory=lambda: World(Settings(seed=1)))
    store: MemoryStore = field(default_factory=MemoryStore)
    runs: dict[str, SteppedRun] = field(default_factory=dict)
    demand: Callable[[ScalingPolicy], DemandSource | None] = lambda _policy: None
    almanac: Calendars = field(default_factory=Calendars)

    def __post_init__(self) -> None:
        """Let every service come up; then take away the image of those that are to fail."""
        self.policies = {name: ScalingPolicy.model_validate(self.document(name)) for name in self.after}
        self.world.apply(web(START)[0])
        for name in self.after:
            documents = manifests(name)
            if name in self.failing:
                documents[0]["spec"]["template"]["spec"]["containers"][0]["image"] = f"localhost/{name}:1"
                self.world.core.images.add(f"localhost/{name}:1")
            self.world.apply(*documents, *([autoscaler(name)] if name in self.autoscaled else []))
        self.world.settle()
        for name in self.failing:
            self.world.core.images.discard(f"localhost/{name}:1")
        self.since = self.world.elapsed

    def document(self, name: str) -> Json:
        """Return the policy of one service."""
        return policy_document(name, self.after[name], "floor" if name in self.autoscaled else "in_place")

    def ports(self) -> Ports:
        """Return the ports of a new process."""
        from kubernetes.client import ApiClient, Configuration

        settings = Configuration(host="http://sandbox.invalid")
        settings.retries = False
        client = ApiClient(settings)
        transport.install(client, self.world)
        kube = LiveKube(client, clock=self.world.clock)
        return Ports(
            kube=kube,
            clock=self.world.clock,
            route=WorldRoute(self.world),
            store=self.store,
            demand=self.demand,
            policy_of=lambda name: self.policies[name],
        )

    def fleet_ports(self, policies: Policies | None = None) -> FleetPorts:
        """Return what a conductor of this fleet reaches the world through."""
        return FleetPorts(
            clock=self.world.clock,
            calendars=lambda: self.almanac,
            policies=policies or FleetPolicies(self),
            open_ports=lambda: nullcontext(self.ports()),
            open_store=lambda: nullcontext(self.store),
        )

    def start(self, run_id: str, service: str, replicas: int) -> None:
        """Start a run by hand."""
        run = ChildRun(run_id=run_id, service=service, before=START, replicas=replicas, reason="a test")
        FleetRuns(self).start(run)

    def took(self, service: str, seconds: float) -> None:
        """Have a run of `service` in the store that took so long."""
        target = self.policies[service].spec.target.workload
        ended = self.now - timedelta(hours=1)
        run = ScalingRun(
            run_id=f"measured-{service}",
            policy=service,
            target=target,
            strategy="in_place",
            requested_by="fleet",
            reason="",
            started_at=ended - timedelta(seconds=seconds),
            plan={"current": START, "replicas": START},
        )
        self.store.save(run.with_outcome(RunOutcome.SUCCEEDED, at=ended))

    def tick(self, seconds: float = 1.0) -> None:
        """Let time pass and every run go on."""
        self.world.advance(seconds)
        for run in self.runs.values():
            run.tick()

    @property
    def now(self) -> datetime:
        """The world's time."""
        return self.world.clock.now()

    def replicas(self) -> dict[str, int]:
        """Return the desired replicas of every service."""
        deployments = {name: self.world.get("deployments", NAMESPACE, name) for name in self.after}
        return {name: each["spec"]["replicas"] for name, each in deployments.items() if each is not None}

    def grown(self) -> list[tuple[float, str, int]]:
        """Return from the API's own record when each service was told to grow, and by how many pods."""
        growths = []
        for call in self.world.history.calls:
            if call.write and call.time >= self.since and (call.status or 500) < 300 and call.path.endswith("/scale"):
                name = call.path.split("/")[-2]
                replicas = json.loads(call.body)["spec"]["replicas"]
                growths.append((call.time - self.since, name, replicas))
        return growths

    def whole_at(self) -> dict[str, float]:
        """Return from the record of endpoints when each service first had more ready pods than before."""
        most_ready: dict[str, tuple[float, int]] = {}
        for entry in self.world.history.written:
            if entry.time > self.since and len(entry.ready) > most_ready.get(entry.service, (0.0, START))[1]:
                most_ready[entry.service] = (entry.time - self.since, len(entry.ready))
        return {name: at for name, (at, _) in most_ready.items()}


def forty() -> dict[str, tuple[str, ...]]:
    """Return forty services in five layers: databases, proxies, back ends, front ends, and one gateway for all."""
    after: dict[str, tuple[str, ...]] = {f"db-{n}": () for n in range(5)}
    after |= {f"proxy-{n}": (f"db-{n % 5}",) for n in range(7)}
    after |= {f"back-{n:02d}": (f"proxy-{n % 7}",) for n in range(15)}
    after |= {f"front-{n:02d}": (f"back-{n:02d}", f"back-{n + 3:02d}") for n in range(12)}
    return after | {"gateway": tuple(f"front-{n:02d}" for n in range(12))}
