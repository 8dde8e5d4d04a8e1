"""The overlay of these tests over the example's: what a machine without a registry and without DNS makes different.

springtide's image cannot be pulled here, and is large. So the CronJobs keep everything but their image: the container
is the test service's, into which this machine's interpreter, its packages and this repository are mounted, read-only.
Mounts of the node are what Pod Security forbids, so springtide's own namespace enforces it no more; a warning is left.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cluster.settings import REPOSITORY
from e2e.manifests import IMAGE, NAME, PROPAGATION

if TYPE_CHECKING:
    from e2e.manifests import Json

SHOP: Final = "shop"
SPRINGTIDE: Final = "springtide"
WANTED: Final = 3
EXAMPLE: Final = REPOSITORY / "deploy" / "overlays" / "example"
_KUSTOMIZATION: Final = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_POD: Final = "/spec/jobTemplate/spec/template/spec"
_NAME, _TAG = IMAGE.split(":")


def write_overlay(folder: Path) -> Path:
    """Write the kustomizations into `folder`, and return the one of everything."""
    _write(
        folder / SHOP, resources=[_to(EXAMPLE / SHOP, folder / SHOP)], images=[_image("web")], patches=[_never_pulled()]
    )
    own = folder / SPRINGTIDE
    settings = {"SPRINGTIDE_POLICIES": "/etc/springtide/policies", "PATH": f"{sys.prefix}/bin:/usr/bin"}
    _write(
        own,
        resources=[_to(EXAMPLE / SPRINGTIDE, own)],
        images=[_image(SPRINGTIDE)],
        configMapGenerator=[
            {"name": "springtide-policies", "behavior": "replace", "files": ["web.yaml"]},
            {"name": "springtide-calendars", "behavior": "replace", "files": ["sales.yaml"]},
            {"name": "springtide-settings", "behavior": "merge", "literals": [f"{k}={v}" for k, v in settings.items()]},
        ],
        patches=[_mounted(), *_scheduled(), _allowed()],
    )
    (own / "web.yaml").write_text(json.dumps(policy()))
    (own / "sales.yaml").write_text(json.dumps(calendar(datetime.now(UTC))))
    return _write(folder, resources=[SHOP, SPRINGTIDE])


def policy() -> Json:
    """Return the example's policy without a Prometheus."""
    return {
        "apiVersion": "springtide/v1",
        "kind": "ScalingPolicy",
        "metadata": {"name": NAME, "owner": "e2e"},
        "spec": {
            "target": {"namespace": SHOP, "deployment": NAME, "service": NAME},
            "replicas": {"min": 1, "max": 10},
            "capacity": {"models": [{"model": "fixed", "replicas": 1}]},
            "strategy": {"type": "floor", "propagation": f"{PROPAGATION.seconds}s"},
            "smoke": [{"http": {"path": "/healthz", "samples": 10}}],
        },
    }


def calendar(now: datetime) -> Json:
    """Return a calendar with one event, which goes on: an autoscaler's minimum is raised for events alone."""
    start = (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    event = {"name": "sale", "start": start, "duration": "6h", "lead": "30m", "services": {NAME: {"replicas": WANTED}}}
    return {
        "apiVersion": "springtide/v1",
        "kind": "EventCalendar",
        "metadata": {"name": "sales", "owner": "e2e"},
        "spec": {"timezone": "UTC", "events": [event]},
    }


def _write(folder: Path, **content: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "kustomization.yaml").write_text(json.dumps(_KUSTOMIZATION | content))
    return folder


def _to(target: Path, start: Path) -> str:
    return os.path.relpath(target.resolve(), start.resolve())  # kustomize takes no absolute one


def _image(name: str) -> Json:
    # The example has given it a name of its own by then.
    return {"name": f"registry.example.com/{name}", "newName": _NAME, "newTag": _TAG}


def _never_pulled() -> Json:
    change = {"op": "add", "path": "/spec/template/spec/containers/0/imagePullPolicy", "value": "Never"}
    return {"target": {"kind": "Deployment"}, "patch": json.dumps([change])}


def _allowed() -> Json:
    change = {"op": "remove", "path": "/metadata/labels/pod-security.kubernetes.io~1enforce"}
    return {"target": {"kind": "Namespace"}, "patch": json.dumps([change])}


def _scheduled() -> list[Json]:
    """Sweep every minute, and have the others wait for a test that starts them."""
    often = {"op": "replace", "path": "/spec/schedule", "value": "* * * * *"}
    waiting = {"op": "add", "path": "/spec/suspend", "value": True}
    changes = {"adjust": often, "prepare": waiting, "reconcile": waiting}
    return [
        {"target": {"kind": "CronJob", "name": f"springtide-{component}"}, "patch": json.dumps([change])}
        for component, change in changes.items()
    ]


def _mounted() -> Json:
    container = f"{_POD}/containers/0"
    changes: list[Json] = [{"op": "add", "path": f"{container}/imagePullPolicy", "value": "Never"}]
    changes += [_added(f"{container}/env/-", {"name": "PYTHONPATH", "value": str(REPOSITORY / "include")})]
    changes += chain.from_iterable(_mount(number, place) for number, place in enumerate(places()))
    return {"target": {"kind": "CronJob"}, "patch": json.dumps(changes)}


def places() -> list[Path]:
    """Return the folders of this machine that a Python process needs."""
    of_system = [Path("/usr"), Path("/lib"), Path("/lib64")]
    packages = dict.fromkeys((Path(sys.prefix), Path(sys.prefix).resolve()))  # its scripts name where it really is
    own = [Path(sys.base_prefix), *packages, REPOSITORY / "include"]
    there = [place for place in (*of_system, *own) if place.is_dir()]
    return [place for place in there if not any(other in place.parents for other in there)]


def _mount(number: int, place: Path) -> list[Json]:
    name = f"machine-{number}"
    mount = {"name": name, "mountPath": str(place), "readOnly": True}
    volume = {"name": name, "hostPath": {"path": str(place.resolve()), "type": "Directory"}}
    return [_added(f"{_POD}/containers/0/volumeMounts/-", mount), _added(f"{_POD}/volumes/-", volume)]


def _added(path: str, value: Json) -> Json:
    return {"op": "add", "path": path, "value": value}
