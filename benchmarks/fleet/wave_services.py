"""So many small services, their policies, and a calendar whose pace holds none of them back.

Each service has one pod, and a policy by which a run scales it in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from benchmarks.fleet.services import workload

NAMESPACE: Final = "wave"
MOST_AT_ONCE: Final = 100
"""What `spec.pace.runs` of a calendar may be at most."""


def name_of(number: int) -> str:
    """Return a service's name, which is its policy's too."""
    return f"service-{number:03d}"


def objects(services: int, startup: int) -> list[dict[str, Any]]:
    """Return what the cluster begins with; a new pod is ready after `startup` seconds."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    names = [name_of(number) for number in range(services)]
    made = (workload(name, NAMESPACE, replicas=1, probed_every=1, startup=startup) for name in names)
    return [namespace, *(each for objects in made for each in objects)]


def policy(name: str) -> dict[str, Any]:
    """Return the policy of one service: in place, with waits as short as on one machine."""
    return {
        "apiVersion": "springtide/v1",
        "kind": "ScalingPolicy",
        "metadata": {"name": name, "owner": "benchmark"},
        "spec": {
            "target": {"namespace": NAMESPACE, "deployment": name, "service": name},
            "replicas": {"min": 1, "max": 4},
            "capacity": {"models": [{"model": "fixed", "replicas": 1}]},
            "strategy": {"type": "in_place", "deadlines": {"ready": "5m", "switched": "5m", "removed": "5m"}},
        },
    }


def calendar(runs: int, pods_per_minute: int, events: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Return a calendar for its pace, without events unless there are `events`."""
    spec: dict[str, Any] = {"timezone": "UTC", "pace": {"pods_per_minute": pods_per_minute, "runs": runs}}
    return {
        "apiVersion": "springtide/v1",
        "kind": "EventCalendar",
        "metadata": {"name": "pace", "owner": "benchmark"},
        "spec": spec | ({"events": list(events)} if events else {}),
    }


def write(
    folder: Path,
    services: int,
    *,
    runs: int,
    pods_per_minute: int,
    startup: int,
    events: Sequence[dict[str, Any]] = (),
) -> None:
    """Write `objects.yaml` for `springtide sandbox --manifest`, and the folders `policies` and `calendars`."""
    yaml = YAML()
    for name in ("policies", "calendars"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with (folder / "objects.yaml").open("w") as file:
        yaml.dump_all(objects(services, startup), file)
    for number in range(services):
        yaml.dump(policy(name_of(number)), folder / "policies" / f"{name_of(number)}.yaml")
    yaml.dump(calendar(runs, pods_per_minute, events), folder / "calendars" / "pace.yaml")
