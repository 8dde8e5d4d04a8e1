"""The project's own Python files."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("include", "plugins", "dags", "tests", "benchmarks", "examples", "scripts")


def python_files(*folders: str) -> list[Path]:
    """Return the files under `folders` (default: all), relative to the repository."""
    found = [path for folder in folders or FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in found if "__pycache__" not in path.parts)
