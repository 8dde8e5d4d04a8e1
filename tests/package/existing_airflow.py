"""An Airflow that somebody runs already: its own folder, settings, DAGs, and what it has paused.

Its secret key is set, because Airflow makes a new one in each process where it is not.

Its packages are those of .venv, through links, so that only springtide has to be installed.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import sysconfig
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from package.installed import UV, call, environment

SECONDS = 400
SPRINGTIDE = "springtide"
"""What the names of springtide's own entries in .venv hold: its links there would be those of the clone."""

SETTINGS = """
[api]
secret_key = theirs

[core]
load_examples = False
parallelism = 7
dags_are_paused_at_creation = True

[scheduler]
scheduler_idle_sleep_time = 2
"""
DAG = """from airflow.sdk import DAG

with DAG(dag_id="{name}", schedule=None):
    pass
"""
LOOK = """
import json
from airflow import plugins_manager
from airflow.configuration import conf

plugins, errors = plugins_manager._get_plugins()
settings = conf.as_dict(display_sensitive=True, display_source=False)
named = {plugin.name: str(plugin.source) for plugin in plugins}
print(json.dumps({"settings": settings, "plugins": named, "errors": errors}))
"""


@dataclass(frozen=True, slots=True)
class ExistingAirflow:
    """See the module. Nothing of it runs: its commands are called one by one."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path, *dags: str) -> ExistingAirflow:
        """Make one in `folder`, with DAGs of those names; all are paused when they are first read."""
        made = cls(folder, {"AIRFLOW_HOME": str(folder / "home"), "PYTHONWARNINGS": "ignore"})
        call(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv")
        (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
        for package in Path(sysconfig.get_path("purelib")).iterdir():
            if SPRINGTIDE not in package.name and not (site / package.name).exists():
                (site / package.name).symlink_to(package)
        (folder / "home" / "dags").mkdir(parents=True)
        (folder / "home" / "airflow.cfg").write_text(SETTINGS)
        for name in dags:
            (folder / "home" / "dags" / f"{name}.py").write_text(DAG.format(name=name))
        made.airflow("db", "migrate")
        made.read_dags()
        return made

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "venv" / "bin" / "python"

    def add_settings(self, text: str) -> None:
        """Write `text` below what airflow.cfg says."""
        with (self.folder / "home" / "airflow.cfg").open("a") as file:
            file.write(text)

    def read_dags(self) -> None:
        """Read all DAG files once, as the DAG processor does."""
        self.airflow("dags", "reserialize")

    def airflow(self, *arguments: str, **more: str) -> str:
        """Return what a command of Airflow prints; it must succeed."""
        return self._run("-m", "airflow", *arguments, **more)

    def seen(self, **more: str) -> dict[str, Any]:
        """Return the settings that count, the plugins with where they are from, and what could not be loaded."""
        found: dict[str, Any] = json.loads(self._run("-c", LOOK, **more).splitlines()[-1])
        return found

    def paused(self) -> dict[str, bool]:
        """Return whether each DAG is paused."""
        return {dag: bool(is_paused) for dag, is_paused in self._rows("SELECT dag_id, is_paused FROM dag")}

    def import_errors(self) -> list[Any]:
        """Return what the reading of DAG files has failed with."""
        return self._rows("SELECT filename, stacktrace FROM import_error")

    def _rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "home" / "airflow.db")) as database:
            return database.execute(query).fetchall()

    def _run(self, *arguments: str, **more: str) -> str:
        done = subprocess.run(
            [str(self.python), *arguments],
            cwd=self.folder,
            env=environment() | self.variables | more,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout + done.stderr
