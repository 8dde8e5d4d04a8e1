"""The way in as a new user takes it: every command with its output and its seconds, for docs/install.md.

    python -m package.first_dry_run airflow DIR       an Airflow by pip, as somebody may have it already
    python -m package.first_dry_run springtide DIR    springtide into it, a policy, the first dry run

The embedded cluster stands in for the user's. The lock of production stands in for Airflow's constraints file.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from package.installed import ROOT, environment

PROVIDERS: Final = ("apache-airflow-providers-cncf-kubernetes", "apache-airflow-providers-standard")
INSTALLED_WITHIN: Final = 1200
BUNDLES: Final = [
    {"name": "dags-folder", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {}},
    {"name": "springtide", "classpath": "springtide_airflow.bundle.SpringtideDagBundle", "kwargs": {}},
]
OWN_DAG: Final = """from airflow.sdk import DAG

with DAG(dag_id="invoices", schedule=None):
    pass
"""
POLICY: Final = """apiVersion: springtide/v1
kind: ScalingPolicy
metadata: {name: checkout, owner: payments}
spec:
  target: {namespace: shop, deployment: checkout, service: checkout}
  replicas: {min: 3, max: 20}
  capacity:
    models:
      - {model: fixed, replicas: 4}
  strategy: {type: in_place}
"""


@dataclass(frozen=True, slots=True)
class Shell:
    """A user's shell in `folder`, in which Airflow's variables are set; it shows each command and what it took."""

    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """What the shell has set."""
        mine = environment()
        paths = f"{self.folder}/venv/bin{os.pathsep}{mine['PATH']}"
        return mine | {
            "PATH": paths,
            "AIRFLOW_HOME": f"{self.folder}/airflow",
            "KUBECONFIG": f"{self.folder}/.springtide/kubeconfig",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        }

    @staticmethod
    def say(text: str) -> None:
        """Print a line at once: somebody waits for it."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def show(self, *command: str) -> float:
        """Run a command, print it with its output and its seconds, and return these.

        Raises:
            SystemExit: it failed.
        """
        self.say(f"$ {shlex.join(command)}")
        began = time.monotonic()
        done = subprocess.run(
            command, cwd=self.folder, env=self.variables, check=False, text=True, timeout=INSTALLED_WITHIN,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        seconds = time.monotonic() - began
        self.say(f"{done.stdout.rstrip()}\n# {seconds:.1f} s\n")
        if done.returncode:
            raise SystemExit(done.returncode)
        return seconds

    def write(self, name: str, text: str) -> None:
        """Write a file, and print it as a here document."""
        self.say(f"$ cat > {name} <<END\n{text}END\n")
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def constraints() -> str:
    """Return the versions of the lock of production, without their hashes: pip takes none in constraints."""
    lines = (ROOT / "requirements-runtime.txt").read_text().splitlines()
    return "".join(f"{line.removesuffix(chr(92)).rstrip()}\n" for line in lines if line and line[0] not in "# ")


def existing_airflow(shell: Shell) -> float:
    """Make an Airflow with a DAG of its own, and return the seconds."""
    shell.folder.mkdir(parents=True)
    (shell.folder / "constraints.txt").write_text(constraints())
    seconds = shell.show(sys.executable, "-m", "venv", "venv")
    wanted = ("apache-airflow==3.3.2", *PROVIDERS)
    seconds += shell.show("pip", "install", "--quiet", *wanted, "--constraint", "constraints.txt")
    shell.write("airflow/dags/invoices.py", OWN_DAG)
    return seconds + shell.show("airflow", "db", "migrate")


def first_dry_run(shell: Shell) -> float:
    """Install springtide into that Airflow, and return the seconds until its first dry run has ended."""
    wanted = f"springtide[airflow] @ {ROOT.as_uri()}"
    seconds = shell.show("pip", "install", "--quiet", wanted, "--constraint", "constraints.txt")
    seconds += shell.show("springtide", "version")
    shell.write("airflow/springtide/policies/checkout.yaml", POLICY)
    seconds += shell.show("springtide", "validate", "airflow/springtide/policies")
    seconds += shell.show("springtide", "plan", "checkout", "--policies", "airflow/springtide/policies")
    bundles = json.dumps(BUNDLES)
    configured = ("env", f"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST={bundles}")
    seconds += shell.show(*configured, "airflow", "dags", "reserialize")
    seconds += shell.show(*configured, "airflow", "dags", "list", "--columns", "dag_id,bundle_name,is_paused")
    asked = json.dumps({"service": "checkout", "dry_run": True, "reason": "the first"})
    return seconds + shell.show(*configured, "airflow", "dags", "test", "scale_service", "--conf", asked)


def with_a_cluster(shell: Shell) -> float:
    """Do the same beside the embedded cluster; its own start counts for nothing: a user has a cluster."""
    workload = str(ROOT / "examples" / "workloads" / "checkout.yaml")
    command = [str(Path(sys.executable).with_name("springtide")), "sandbox", "-f", workload]
    with (shell.folder / "sandbox.log").open("wb") as log:
        cluster = subprocess.Popen(command, cwd=shell.folder, stdout=log, stderr=log)
    try:
        return first_dry_run(shell)
    finally:
        cluster.send_signal(signal.SIGTERM)
        cluster.wait(30)


def main() -> None:
    """Do what the arguments ask for, and print the sum."""
    part, folder = sys.argv[1:]
    shell = Shell(Path(folder).resolve())
    seconds = {"airflow": existing_airflow, "springtide": with_a_cluster}[part](shell)
    shell.say(f"{part}: {seconds:.0f} s in all")


if __name__ == "__main__":
    main()
