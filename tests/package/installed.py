"""The library as a stranger gets it: the built wheel, in an environment with its core dependencies and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")
SECONDS = 240
_PASSED_ON = ("HOME", "LANG", "PATH", "UV_CACHE_DIR", "SSL_CERT_FILE", "HTTPS_PROXY", "UV_DEFAULT_INDEX")


@dataclass(frozen=True, slots=True)
class Installation:
    """A virtual environment with springtide in it, and the folder that its commands work in."""

    python: Path
    folder: Path

    def springtide(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run the installed command; nothing of this repository is on its path."""
        return self._run(self.python.with_name("springtide"), *arguments)

    def distributions(self) -> set[str]:
        """Return the names of what is installed, in lower case."""
        listing = self._run(UV, "pip", "list", "--quiet", "--format", "freeze", "--python", self.python)
        return {line.partition("==")[0].lower() for line in listing.stdout.splitlines()}

    def _run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


def install(folder: Path, wheel: Path) -> Installation:
    """Return a new environment in `folder` with `wheel` and its core dependencies, in the versions of the lock.

    Packages come from uv's cache, source .venv was filled; those that are not there, from the index.
    """
    python = folder / "venv" / "bin" / "python"
    call(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv")
    command = (UV, "pip", "install", "--quiet", "--python", python, "--constraint", ROOT / "requirements.txt", wheel)
    try:
        call(*command, "--offline")
    except subprocess.CalledProcessError:
        call(*command)
    return Installation(python, folder)


def build_wheel(folder: Path) -> Path:
    """Return the wheel of a copy of this repository, built in `folder` by the locked backend; nothing is fetched."""
    source = folder / "source"
    source.mkdir()
    for name in ("LICENSE", "NOTICE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, source)
    for name in ("dags", "include", "plugins"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    options = ("--wheel", "--offline", "--no-build-isolation", "--python", sys.executable)
    call(UV, "build", "--quiet", *options, "--out-dir", folder / "dist", source)
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def call(*command: str | Path) -> None:
    """Run `command` with nothing of this environment's Python."""
    done = subprocess.run(
        [str(part) for part in command],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)


def environment() -> dict[str, str]:
    """Return the variables that a stranger's shell has: no PYTHONPATH, no setting of springtide."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
