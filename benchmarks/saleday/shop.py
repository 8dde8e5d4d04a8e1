"""The shop on the embedded cluster: two services, their autoscalers, their policies and the calendar of the day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.saleday.day import RUN_IN, SHARES, WINDOW, Day
from springtide.capacity.minutes import MINUTE
from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnusable
from springtide.sandbox.core import Settings
from springtide.sandbox.world import World
from springtide.verify.route import Answer

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path

NAMESPACE: Final = "shop"
MOST: Final = 250
FEWEST: Final = 2

POLICY: Final = """\
apiVersion: springtide/v1
kind: ScalingPolicy
metadata: {{name: {name}, owner: shop}}
spec:
  target: {{namespace: shop, deployment: {name}, service: {name}}}
  replicas: {{min: {fewest}, max: {most}}}
  demand:
    source: prometheus
    query: sum(rate(http_requests_total{{service="{name}"}}[2m]))
    unit: requests/s
    lookback: 21d
  capacity:
    models:
      - {{model: auto, per_replica: {per_replica:.4f}, autoscaler: tuned, objective: budget}}
  strategy: {{type: floor}}
  smoke:
    - http: {{path: /healthz, samples: 3}}
  after: {after}
"""

CALENDAR: Final = """\
apiVersion: springtide/v1
kind: EventCalendar
metadata: {{name: sales, owner: commerce}}
spec:
  timezone: UTC
  events:
{events}"""

EVENT: Final = """\
    - name: {name}
      kind: flash
      shape: {shape}
      start: {start:%Y-%m-%dT%H:%M}
      duration: {minutes}m
      services: {{checkout: {{multiply: {multiply:g}x}}, orders: {{multiply: {multiply:g}x}}}}
"""


def write_policies(folder: Path, day: Day) -> None:
    """Write the policy of each service: `checkout` comes after `orders`."""
    for name in SHARES:
        after = json.dumps(["orders"] if name == "checkout" else [])
        text = POLICY.format(name=name, fewest=FEWEST, most=MOST, per_replica=day.per_replica, after=after)
        (folder / f"{name}.yaml").write_text(text)


def write_calendar(folder: Path, day: Day, *, shape: str) -> None:
    """Write the calendar with the sales of the day, and those before it: what a shape is learned from."""
    past = [(f"past-flash-{number}", minute - day.midnight) for number, minute in enumerate(day.past, 1)]
    named = [*past, *zip(("morning-flash", "evening-flash"), day.sales, strict=False)]
    events = [
        EVENT.format(name=name, shape=shape, start=day.at(minute), minutes=WINDOW, multiply=day.multiply)
        for name, minute in named
    ]
    (folder / "sales.yaml").write_text(CALENDAR.format(events="".join(events)))


def shop(day: Day, startup: int, begin_with: dict[str, int]) -> World:
    """Return the world of the evening before: both services stand with so many replicas, each under an HPA."""
    world = World(Settings(seed=day.seed), start=day.at(-RUN_IN - 10))
    world.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for name, replicas in begin_with.items():
        world.apply(*_manifests(name, replicas, startup))
    world.advance(10 * MINUTE + 0.5)  # half a second past the tick: the metrics are there when the autoscaler looks
    for name in begin_with:
        world.apply(_autoscaler(name))
    return world


def _manifests(name: str, replicas: int, startup: int) -> list[dict[str, Any]]:
    container = {
        "name": name,
        "image": "localhost/web:1",
        "imagePullPolicy": "Never",
        "env": [{"name": "STARTUP", "value": f"{startup}s"}, {"name": "DRAIN", "value": "2s"}],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/readiness", "port": 8080}, "periodSeconds": 1},
    }
    metadata = {"name": name, "namespace": NAMESPACE}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    ports = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": ports},
    ]


def _autoscaler(name: str) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"minReplicas": FEWEST, "maxReplicas": MOST, "scaleTargetRef": target},
    }


@dataclass(frozen=True, slots=True)
class Recorded:
    """The demand of one service as its metrics have it: a minute is known once it is over."""

    day: Day
    service: str

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        """Return the minutes that began at `start` or later and were over at `end`."""
        del step  # a minute, as the policy's default
        demand = self.day.demand[self.service]
        first = self.day.start
        low = max(0, int(np.ceil((start.timestamp() - first) / MINUTE)))
        high = min(len(demand), int((end.timestamp() - first) // MINUTE))
        if high <= low:
            raise DemandUnusable("no minute is over yet.", code="demand_empty", field="demand")
        times = first + MINUTE * np.arange(low, high, dtype=np.float64)
        return DemandSeries(
            times=times, values=demand[low:high], unit="requests/s", source=f"the recorded day of {self.service}"
        )


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
