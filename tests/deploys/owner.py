"""Who deploys a workload: its manifests, and the programs that its owner types."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploys.helm import write_chart
from e2e.manifests import IMAGE, NAME, Json, Web

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_SECONDS = 120
DRAIN = "5s"
"""Pods answer for so long after they were told to stop: a busy machine's kube-proxy follows late."""

DEPLOYMENT = f"deployment/{NAME}"


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    text: str

    @property
    def is_refused(self) -> bool:
        """Whether it did not do what it was asked for."""
        return self.code != 0

    def __str__(self) -> str:
        return " ".join(self.text.split())


@dataclass(frozen=True, slots=True)
class Tools:
    """`kubectl` and `helm`, and where they find the cluster."""

    kubeconfig: Path
    helm: Path
    path: str

    def call(self, *command: str, home: Path) -> Said:
        """Run a command to its end; what Helm keeps is kept in `home`."""
        kept = {f"HELM_{what}_HOME": str(home / what.lower()) for what in ("CACHE", "CONFIG", "DATA")}
        environment = os.environ | kept | {"PATH": self.path, "KUBECONFIG": str(self.kubeconfig)}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
        )
        return Said(done.returncode, done.stdout + done.stderr)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The owner of the workload in one namespace; `replicas` are what the manifests say, or do not say."""

    tools: Tools
    namespace: str
    folder: Path
    second_image: str
    replicas: int | None = None

    def kubectl(self, *arguments: str) -> Said:
        """Run kubectl in the namespace."""
        return self.tools.call("kubectl", "--request-timeout=30s", "-n", self.namespace, *arguments, home=self.folder)

    def apply(self, version: str, *options: str) -> Said:
        """Apply the manifest of a version."""
        file = self.folder / f"version-{version}.json"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": self.objects(version)}, indent=1))
        return self.kubectl("apply", *options, "--filename", str(file))

    def upgrade(self, version: str) -> Said:
        """Upgrade the release, which is installed where it is not there."""
        chart = self.folder / "chart"
        write_chart(chart, self.objects("{{ .Values.version }}"))
        values = ["--set-string", f"version={version}"]
        command = [str(self.tools.helm), "upgrade", "--install", NAME, str(chart), "--namespace", self.namespace]
        return self.tools.call(*command, *values, home=self.folder)

    def set_image(self, image: str = IMAGE) -> Said:
        """Have the container made of an image."""
        return self.kubectl("set", "image", DEPLOYMENT, f"{NAME}={image}")

    def restart(self) -> Said:
        """Have every pod made anew."""
        return self.kubectl("rollout", "restart", DEPLOYMENT)

    def undo(self, *options: str) -> Said:
        """Go back to the version before, or to a revision."""
        return self.kubectl("rollout", "undo", DEPLOYMENT, *options)

    def objects(self, version: str) -> list[Json]:
        """Return the Service and the Deployment of a version."""
        web = Web(self.namespace, environment={"VERSION": version, "DRAIN": DRAIN})
        deployment = web.deployment()
        if self.replicas is None:
            del deployment["spec"]["replicas"]
        else:
            deployment["spec"]["replicas"] = self.replicas
        return [web.service(), deployment]
