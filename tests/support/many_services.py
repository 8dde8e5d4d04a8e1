"""A folder of policies with a store, a calendar and a cluster that fit together: none, a few or a thousand services."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from springtide.clock import Clock
from springtide.errors import NotFound, SpringtideError
from springtide.events.snapshot import CalendarSnapshot, read_calendars
from springtide.kube.client import Right, ServerVersion
from springtide.kube.objects import Json, Kind
from springtide.kube.proxy import ProxyAnswer, ProxyRequest
from springtide.plan.recent import SweepDecision
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.history import HistoryDay
from springtide.record.looks import approval_asked
from springtide.record.memory import MemoryStore
from springtide.record.model import RunOutcome, ScalingRun, Trigger
from springtide.record.pauses import Pause
from springtide.record.store import RunStore
from springtide.run.ports import Ports
from springtide.settings import Settings
from springtide.web.ports import Surroundings
from springtide.workload import Workload
from support.builders import policy_document
from support.web import FakeAccess, FakeStarts, cluster_through

QUARTER: Final = timedelta(minutes=15)
NAMES: Final = ("checkout", "search", "payments")
EVIL: Final = "</script><script>window.evil=1</script><img src=x onerror=window.evil=1>"
"""What somebody writes into a reason."""


def name_of(number: int) -> str:
    """Return what the service of this number is called."""
    return NAMES[number] if number < len(NAMES) else f"service-{number:04}"


@dataclass
class ListedCluster:
    """A cluster that lists Deployments and autoscalers of its services, and knows nothing else; it may be away."""

    deployments: list[Json] = field(default_factory=list)
    autoscalers: list[Json] = field(default_factory=list)
    away: SpringtideError | None = None
    lists: list[tuple[Kind, str]] = field(default_factory=list)

    def list(self, kind: Kind, namespace: str, *, selector: str = "", fields: str = "") -> list[Json]:
        """Return what there is of the kind."""
        del selector, fields
        self.lists.append((kind, namespace))
        if self.away is not None:
            raise self.away
        if kind is Kind.SCALED_OBJECT:
            raise NotFound("no KEDA", code="object_missing")
        listed = {Kind.DEPLOYMENT: self.deployments, Kind.AUTOSCALER: self.autoscalers}.get(kind, [])
        return [raw for raw in listed if raw["metadata"]["namespace"] == namespace]

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """Return that there is no such object, or that the cluster is away."""
        if self.away is not None:
            raise self.away
        raise NotFound(f"{kind.value} {namespace}/{name} is not there", code="object_missing")

    def may(self, right: Right, namespace: str) -> bool:
        """Say that everything is allowed."""
        del right, namespace
        return True

    def server_version(self) -> ServerVersion:
        """Return a version."""
        return ServerVersion(1, 34)

    def ask(self, request: ProxyRequest) -> ProxyAnswer:
        """Nothing is asked through it."""
        raise AssertionError(request)


def a_deployment(name: str, *, wanted: int, ready: int, namespace: str = "shop") -> Json:
    """Return a Deployment as its controller has seen it."""
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "generation": 1},
        "spec": {"replicas": wanted, "selector": {"matchLabels": {"app": name}}, "template": {"metadata": {}}},
        "status": {"observedGeneration": 1, "replicas": wanted, "readyReplicas": ready},
    }


def document(number: int, **spec: Any) -> Json:
    """Return the policy of the service of this number."""
    name = name_of(number)
    demand = {"source": "prometheus", "query": f"sum(rate(requests{{service={json.dumps(name)}}}[1m]))", "unit": "r/s"}
    model = {"model": "target_utilization", "per_replica": 50, "target": 0.7}
    own: Json = {
        "target": {"namespace": f"team-{number % 5}", "deployment": name, "service": name},
        "replicas": {"min": 3, "max": 60},
        "demand": demand,
        "capacity": {"models": [model]},
    }
    said = {key: value for key, value in (own | spec).items() if value is not None}
    made = policy_document(name, **said)
    return made | {"metadata": {"name": name, "owner": f"team-{number % 5}"}}


@dataclass
class ManyServices:
    """The services `0` to `count`, as they are at `clock`'s now."""

    count: int
    folder: Path
    clock: Clock
    store: RunStore = field(default_factory=MemoryStore)
    cluster: ListedCluster = field(default_factory=ListedCluster)
    access: FakeAccess = field(default_factory=FakeAccess)
    starts: FakeStarts = field(default_factory=FakeStarts)

    def __post_init__(self) -> None:
        self.now = self.clock.now()
        (self.folder / "policies").mkdir(parents=True)
        (self.folder / "calendars").mkdir()
        for number in range(self.count):
            self.policy(number)
        self.store.save_decisions([each for number in range(self.count) for each in self._day(number)], now=self.now)
        if self.count:
            self._calendar()
            self._remarkable()

    def policy(self, number: int, **spec: Any) -> None:
        """Write a policy, and its Deployment."""
        name = name_of(number)
        (self.folder / "policies" / f"{name}.yaml").write_text(json.dumps(document(number, **spec)))
        planned = self.pods(number, self.now - timedelta(minutes=1))
        ready = planned - (number % 97 == 1)
        self.cluster.deployments.append(a_deployment(name, wanted=planned, ready=ready, namespace=f"team-{number % 5}"))

    def pods(self, number: int, at: datetime) -> int:
        """Return what demand asks of a service at a time: a day's course."""
        hour = at.hour + at.minute / 60
        height = 6 + number % 11
        return 4 + round(height * (1 + math.sin((hour - 9 - number % 3) / 24 * 2 * math.pi)))

    def surroundings(self) -> Surroundings:
        """Return what the application is made with."""
        return Surroundings(
            clock=self.clock,
            access=self.access,
            starts=self.starts,
            open_store=self._open_store,
            policies=lambda: PolicyFolder(self.folder / "policies", self.folder / "calendars"),
            calendars=self._snapshot,
            ports=self._ports,
            cluster=partial(cluster_through, self._ports),
            settings=Settings.from_environment({}, home=self.folder),
        )

    def _open_store(self) -> AbstractContextManager[RunStore]:
        return nullcontext(self.store)

    def _snapshot(self) -> CalendarSnapshot:
        return read_calendars(self.folder / "calendars", {}, now=self.clock.now())

    @contextmanager
    def _ports(self, policy: ScalingPolicy) -> Iterator[Ports]:
        del policy
        yield Ports(
            kube=self.cluster,  # type: ignore[arg-type]  # it only reads
            clock=self.clock,
            route=None,  # type: ignore[arg-type]  # nothing is asked by a route
            store=self.store,
            demand=lambda _policy: None,
        )

    def _day(self, number: int) -> Iterator[SweepDecision]:
        days = 7 if number < len(NAMES) else 1
        for back in range(days * 96, 0, -1):
            at = self.now - back * QUARTER + timedelta(minutes=14)
            answer = self.pods(number, at)
            held = 18 if number == 0 and timedelta(hours=2) < self.now - at < timedelta(hours=6) else 0
            yield SweepDecision(
                policy=name_of(number),
                at=at,
                before=self.pods(number, at - QUARTER),
                planned=max(answer, held),
                answer=answer,
                observed=max(answer, held),
                ready=max(answer, held) - (back % 40 == 0),
                is_floor=bool(held),
                reason=f"{answer} replicas are needed (target_utilization: peak {answer * 35} r/s of the last 5m)",
            )

    def _calendar(self) -> None:
        start = self.now + timedelta(hours=5, minutes=20)
        past = self.now - timedelta(hours=6)
        events = [_event("singles-day", start, hours=12, multiply="3.2x"), _event("flash", past, hours=4, replicas=18)]
        cap = {"cost_per_hour": 100, "cost_per_pod_hour": 0.12}
        text = {
            "apiVersion": "springtide/v1",
            "kind": "EventCalendar",
            "metadata": {"name": "sales", "owner": "commerce"},
            "spec": {"timezone": "UTC", "lead": "45m", "cap": cap, "events": events},
        }
        (self.folder / "calendars" / "sales.yaml").write_text(json.dumps(text))

    def _remarkable(self) -> None:
        ago = self.now - timedelta(minutes=12)
        self.store.save(a_run(0, ago, RunOutcome.SUCCEEDED, "auto: demand rises"))
        for day in range(8):
            self.store.save_day(self._kept(0, self.now - timedelta(days=day)))
        if self.count > 1:
            for back, outcome in ((3, RunOutcome.FAILED), (1, RunOutcome.ROLLED_BACK)):
                error = {"code": "pods_failed", "field": None, "message": f"2 of 9 pods crash. {EVIL}"}
                self.store.save(a_run(1, self.now - back * QUARTER, outcome, EVIL, error=error))
        if self.count > 2:
            self.store.pause(
                Pause(
                    service="payments", at=ago, by="ann", reason="the load balancer is moved", until=self.now + QUARTER
                )
            )
            self.store.measure(approval_asked("payments", now=ago, within=timedelta(minutes=30)))

    def _kept(self, number: int, at: datetime) -> HistoryDay:
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        profile = [self.pods(number, midnight + slot * timedelta(minutes=5)) * 48.0 for slot in range(288)]
        return HistoryDay(policy=name_of(number), day=at.date(), unit="r/s", profile=tuple(profile))


def _event(name: str, start: datetime, *, hours: int, **ask: Any) -> Json:
    end = start + timedelta(hours=hours)
    return {
        "name": name,
        "start": f"{start:%Y-%m-%dT%H:%M}",
        "end": f"{end:%Y-%m-%dT%H:%M}",
        "services": {"checkout": ask},
    }


def a_run(number: int, at: datetime, outcome: RunOutcome, reason: str, **values: Any) -> ScalingRun:
    """Return a run that has ended after 41 seconds."""
    name = name_of(number)
    run = ScalingRun(
        run_id=f"{name}__{at:%Y%m%dT%H%M%S}",
        policy=name,
        target=Workload(namespace="shop", deployment=name, service=name),
        strategy="blue_green",
        requested_by="ann",
        reason=reason,
        started_at=at,
        trigger=Trigger.MANUAL,
        plan={"current": 6, "replicas": 18},
        **values,
    )
    return run.with_outcome(outcome, at=at + timedelta(seconds=41), error=values.get("error"))
