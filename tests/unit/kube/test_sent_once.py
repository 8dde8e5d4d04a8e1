"""How the cluster is asked: a write is sent once, whatever becomes of its answer, and no call waits for ever."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from springtide.clock import ManualClock
from springtide.errors import ClusterUnavailable, UnknownOutcome
from springtide.kube.live import CONNECT_SECONDS, READ_ATTEMPTS, READ_SECONDS, LiveKube, connect
from springtide.kube.objects import Kind, Version
from support.builders import NOW
from support.courses import SUCCEEDING, Course

VERSION = Version("uid-1", "7")
MANIFEST = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "web"}}

WRITES: dict[str, Callable[[LiveKube], object]] = {
    "create": lambda kube: kube.create(Kind.LEASE, "shop", MANIFEST),
    "patch": lambda kube: kube.patch(Kind.SERVICE, "shop", "web", {}, version=VERSION),
    "scale": lambda kube: kube.scale(Kind.DEPLOYMENT, "shop", "web", 3, version=VERSION),
    "delete": lambda kube: kube.delete(Kind.REPLICA_SET, "shop", "web", version=VERSION),
}


@dataclass
class Deaf:
    """An API server that takes every request and hangs up."""

    file: Path
    asked: list[str] = field(default_factory=list)

    @property
    def kube(self) -> LiveKube:
        """A client, by the very way that the program takes."""
        return connect(self.file, clock=ManualClock(NOW))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Deaf]:
    deaf = Deaf(tmp_path / "config")

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            line = self.rfile.readline().decode()
            deaf.asked.append(line.partition(" ")[0])
            self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        deaf.file.write_text(json.dumps(kubeconfig(f"http://127.0.0.1:{running.server_port}")))
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield deaf
        finally:
            running.shutdown()
            thread.join()


def kubeconfig(host: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [{"name": "one", "cluster": {"server": host}}],
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        "users": [{"name": "one", "user": {"token": "a-token"}}],
    }


@pytest.mark.parametrize("write", WRITES)
def test_a_write_whose_answer_does_not_come_is_sent_once(server: Deaf, write: str) -> None:
    with pytest.raises(UnknownOutcome):
        WRITES[write](server.kube)

    assert len(server.asked) == 1


def test_a_read_whose_answer_does_not_come_is_tried_three_times(server: Deaf) -> None:
    with pytest.raises(ClusterUnavailable):
        server.kube.get(Kind.SERVICE, "shop", "web")

    assert server.asked == ["GET"] * READ_ATTEMPTS


@pytest.mark.parametrize("course", [SUCCEEDING[0], SUCCEEDING[2], SUCCEEDING[6]], ids=lambda course: course.name)
def test_every_call_of_a_run_has_a_timeout(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = course.simulation()
    asked: list[tuple[object, object]] = []
    real = urllib3.PoolManager.request

    def listening(self: urllib3.PoolManager, method: str, url: str, **options: Any) -> Any:
        timeout = urllib3.Timeout.from_float(None) if options.get("timeout") is None else options["timeout"]
        asked.append((timeout.connect_timeout, timeout.read_timeout))
        return real(self, method, url, **options)

    monkeypatch.setattr(urllib3.PoolManager, "request", listening)
    simulation.run(course.target)

    usual = {(CONNECT_SECONDS, READ_SECONDS)}
    of_a_smoke_check = {(2.0, 2.0)}  # what is passed on to a pod has the timeout of its policy
    assert usual <= set(asked) <= usual | of_a_smoke_check
