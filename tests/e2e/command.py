"""The run itself, by the command that a user types."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from e2e.manifests import Json

SPRINGTIDE = Path(sys.executable).with_name("springtide")
LONGEST_SECONDS = 240


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended."""

    exit_code: int
    record: Json
    errors: str

    @property
    def error(self) -> Json:
        """The error that the record keeps; empty when there is none."""
        return dict(self.record.get("error") or {})

    def __str__(self) -> str:
        phases = [f"  {each['phase']} {each['status']}: {each['message']}" for each in self.record.get("phases") or ()]
        return "\n".join([f"exit code {self.exit_code}, {self.record.get('outcome')}", *phases, self.errors])


@dataclass(frozen=True, slots=True)
class Springtide:
    """The command line, pointed at one cluster, one folder of policies and a store of its own."""

    kubeconfig: Path
    folder: Path

    def write_policy(self, policy: Json) -> None:
        """Write a policy file; JSON is YAML."""
        policies = self.folder / "policies"
        policies.mkdir(exist_ok=True)
        (policies / f"{policy['metadata']['name']}.yaml").write_text(json.dumps(policy, indent=1))

    def run(self, service: str, *, replicas: int, strategy: str) -> Finished:
        """Run `springtide run` to its end."""
        return self._finish("run", service, "--replicas", str(replicas), "--strategy", strategy)

    def start(self, service: str, *, replicas: int, strategy: str) -> subprocess.Popen[bytes]:
        """Start `springtide run`, for a test that kills it."""
        command = self._command("run", service, "--replicas", str(replicas), "--strategy", strategy)
        return subprocess.Popen(
            command, cwd=self.folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def release(self, service: str) -> Finished:
        """Run `springtide release` to its end."""
        return self._finish("release", service)

    def reconcile(self) -> Finished:
        """Run `springtide reconcile` to its end."""
        return self._finish("reconcile")

    def autoscaler(self, service: str, *options: str) -> Finished:
        """Run `springtide autoscaler --apply` to its end."""
        return self._finish("autoscaler", service, "--apply", *options)

    def _command(self, *arguments: str) -> list[str]:
        command = [str(SPRINGTIDE), *arguments]
        command += ["--policies", str(self.folder / "policies"), "--kubeconfig", str(self.kubeconfig)]
        return [*command, "--store", f"sqlite:///{self.folder}/runs.db", "--output", "json"]

    def _finish(self, *arguments: str) -> Finished:
        done = subprocess.run(
            self._command(*arguments),
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        record = json.loads(done.stdout) if done.stdout.strip() else {}
        return Finished(done.returncode, record, done.stderr)

    def begin(self, service: str, *, replicas: int, strategy: str) -> subprocess.Popen[str]:
        """Begin `springtide run`, whose answer is wanted; `finished` waits for its end."""
        command = self._command("run", service, "--replicas", str(replicas), "--strategy", strategy)
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, env=environment(), stdout=pipe, stderr=pipe, text=True)

    def reconcile_in(self, *namespaces: str) -> tuple[int, list[Json], str]:
        """Run `springtide reconcile` there; return its exit code, what became of each run, and its errors."""
        done = self._finish("reconcile", *(f"--namespace={namespace}" for namespace in namespaces))
        runs: Any = done.record
        return done.exit_code, list(runs), done.errors


def finished(process: subprocess.Popen[str]) -> Finished:
    """Wait for the end of `springtide run`; one that takes too long is killed."""
    try:
        out, errors = process.communicate(timeout=LONGEST_SECONDS)
    finally:
        process.kill()
    return Finished(process.returncode, json.loads(out) if out.strip() else {}, errors)


def environment() -> dict[str, str]:
    """Return this process's environment without what would point the command at another cluster or store."""
    return {name: value for name, value in os.environ.items() if name != "KUBECONFIG" and "SPRINGTIDE" not in name}
