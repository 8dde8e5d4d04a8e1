"""So many small services, their policies, and a calendar whose pace holds none of them back.

Each service has one pod, and a policy by which a run scales it in place; fifty share a namespace. Their pods are probed
every second or, where there are hundreds, every five: by then the embedded cluster would do nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from benchmarks.fleet.services import workload

TOGETHER: Final = 50
"""So many services stand in a namespace."""

_SOME: Final = 200
MOST_AT_ONCE: Final = 100
"""What `spec.pace.runs` of a calendar may be at most."""


def name_of(number: int) -> str:
    """Return a service's name, which is its policy's too."""
    return f"service-{number:03d}"


def namespace_of(number: int) -> str:
    """Return where a service stands."""
    return f"wave-{number // TOGETHER}"


def objects(services: int, startup: int) -> list[dict[str, Any]]:
    """Return what the cluster begins with; a new pod is ready after `startup` seconds."""
    spaces = sorted({namespace_of(number) for number in range(services)})
    made = (
        workload(
            name_of(number),
            namespace_of(number),
            replicas=1,
            probed_every=1 if services <= _SOME else 5,
            startup=startup,
        )
        for number in range(services)
    )
    return [*map(_namespace, spaces), *(each for objects in made for each in objects)]


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def policy(number: int) -> dict[str, Any]:
    """Return the policy of one service: in place, with waits as short as on one machine."""
    name = name_of(number)
    return {
        "apiVersion": "springtide/v1",
        "kind": "ScalingPolicy",
        "metadata": {"name": name, "owner": "benchmark"},
        "spec": {
            "target": {"namespace": namespace_of(number), "deployment": name, "service": name},
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
        yaml.dump(policy(number), folder / "policies" / f"{name_of(number)}.yaml")
    yaml.dump(calendar(runs, pods_per_minute, events), folder / "calendars" / "pace.yaml")
