"""The cluster of the demonstration, and the service that is scaled."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from examples.demo.children import Child, Children
from examples.demo.patience import wait_until

NAMESPACE: Final = "shop"
SERVICE: Final = "checkout"
START_SECONDS: Final = 60


@dataclass(frozen=True)
class Shop:
    """A running embedded cluster with one Service."""

    child: Child
    kubeconfig: Path

    @property
    def server(self) -> str:
        """The address of the API server."""
        from ruamel.yaml import YAML

        document = YAML(typ="safe").load(self.kubeconfig)
        return str(document["clusters"][0]["cluster"]["server"])

    @property
    def url(self) -> str:
        """Where the Service is reached."""
        spec = self._get(f"/api/v1/namespaces/{NAMESPACE}/services/{SERVICE}")["spec"]
        return f"http://{spec['clusterIP']}:{spec['ports'][0]['port']}/"

    def ready_replicas(self) -> int:
        """Return how many pods of the namespace are ready, whichever Deployment they are of."""
        deployments = self._get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments")["items"]
        return sum(each["status"].get("readyReplicas", 0) for each in deployments)

    def when_serving(self) -> None:
        """Wait until the Service answers.

        Raises:
            DemoError: the cluster ended, or does not answer in time.
        """
        wait_until(self.kubeconfig.exists, "the cluster is up", self.child.require_alive, START_SECONDS)
        wait_until(self._answers, "the Service answers", self.child.require_alive, START_SECONDS)

    def _answers(self) -> bool:
        try:
            return httpx.get(self.url, timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def _get(self, path: str) -> dict[str, Any]:
        answer = httpx.get(f"{self.server}{path}", timeout=5, trust_env=False)
        answer.raise_for_status()
        return dict(json.loads(answer.content))


def begin_shop(children: Children, home: Path, manifest: Path) -> Shop:
    """Start the cluster with the objects of `manifest`; it is not ready yet: see `when_serving`."""
    kubeconfig = home / "kubeconfig"
    command = [str(Path(sys.executable).with_name("springtide")), "sandbox"]
    command += ["--kubeconfig", str(kubeconfig), "--manifest", str(manifest)]
    return Shop(children.start("cluster", command), kubeconfig)
