"""Who is compared: each brings a workload of its own, and one way of changing its replicas."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import yaml

from benchmarks.peers.controller import VERSION, kubectl
from e2e.command import Springtide
from springtide.errors import InputError

if TYPE_CHECKING:
    from e2e.manifests import Json

FOLDER: Final = Path(__file__).resolve().parent
MANIFESTS: Final = FOLDER / "manifests"
LONGEST_SECONDS: Final = 240


@dataclass(frozen=True, slots=True)
class Stage:
    """Where one contender works: a namespace of its own, and a folder for what it writes."""

    kubeconfig: Path
    namespace: str
    folder: Path


class Contender(Protocol):
    """One row of the comparison, twice: for the way up and for the way down."""

    @property
    def who(self) -> str:
        """Its name."""
        ...

    @property
    def settings(self) -> str:
        """What was chosen for it."""
        ...

    @property
    def manifest(self) -> str:
        """The file under `manifests` that its workload is made from."""
        ...

    @property
    def fresh(self) -> bool:
        """Whether the pods that serve afterwards are new ones."""
        ...

    def scale(self, stage: Stage, replicas: int) -> None:
        """Change the replicas, and come back when the tool itself says that it is done.

        Raises:
            InputError: it did not get there; the message says what it said.
        """
        ...


@dataclass(frozen=True, slots=True)
class BySpringtide:
    """`springtide run`, with `blue_green`."""

    settings: str
    who: str = "springtide, blue_green"
    manifest: str = "springtide.yaml"
    fresh: bool = True

    def scale(self, stage: Stage, replicas: int) -> None:
        """See Contender."""
        springtide = Springtide(stage.kubeconfig, stage.folder)
        springtide.write_policy(self.policy(stage.namespace))
        finished = springtide.run("web", replicas=replicas, strategy="blue_green")
        if finished.exit_code != 0:
            raise InputError(f"springtide run: {finished}", code="run_failed")

    def policy(self, namespace: str) -> Json:
        """Return the policy of these settings for one namespace."""
        document: Json = yaml.safe_load((MANIFESTS / f"springtide-policy-{self.settings}.yaml").read_text())
        document["spec"]["target"]["namespace"] = namespace
        return document


@dataclass(frozen=True, slots=True)
class ByArgoRollouts:
    """A Rollout. It makes fresh pods for another template only, so the template gets another annotation, if `fresh`."""

    settings: str
    manifest: str
    fresh: bool = True
    who: str = f"Argo Rollouts {VERSION}, blueGreen"

    def scale(self, stage: Stage, replicas: int) -> None:
        """Write both in one patch, then wait until the controller has seen it and calls the Rollout healthy."""
        patch = json.dumps({"spec": self.change(replicas, datetime.now(UTC))})
        of_ours = ("--namespace", stage.namespace)
        seen = "jsonpath={.metadata.generation}"
        written = kubectl(*of_ours, "patch", "rollout", "web", "--type=merge", f"--patch={patch}", f"--output={seen}")
        for path, value in (("observedGeneration", written.strip()), ("phase", "Healthy")):
            condition = f"--for=jsonpath={{.status.{path}}}={value}"
            kubectl(*of_ours, "wait", "rollout/web", condition, f"--timeout={LONGEST_SECONDS}s", seconds=300)

    def change(self, replicas: int, now: datetime) -> Json:
        """Return what is changed of the Rollout's `spec`."""
        template = {"metadata": {"annotations": {"scaled-at": now.isoformat(timespec="seconds")}}}
        return {"replicas": replicas} | ({"template": template} if self.fresh else {})


@dataclass(frozen=True, slots=True)
class ByScript:
    """`switch.sh`: kubectl, as a careful operator would use it."""

    settings: str
    keep_seconds: int
    who: str = "kubectl script"
    manifest: str = "kubectl.yaml"
    fresh: bool = True

    def scale(self, stage: Stage, replicas: int) -> None:
        """See Contender."""
        command = ["bash", str(FOLDER / "switch.sh"), stage.namespace, str(replicas), str(self.keep_seconds)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
        if done.returncode != 0:
            raise InputError(f"switch.sh: {done.stderr.strip()}", code="script_failed")


CONTENDERS: Final[tuple[Contender, ...]] = (
    BySpringtide("defaults"),
    ByArgoRollouts("defaults", "argo-defaults.yaml"),
    ByScript("30 s", 30),
    BySpringtide("tuned"),
    ByArgoRollouts("tuned", "argo-tuned.yaml"),
    ByScript("tuned, 3 s", 3),
    ByArgoRollouts("spec.replicas alone", "argo-defaults.yaml", fresh=False),
)
