"""What importing the library costs and what it may touch; who may import whom is in .importlinter."""

from __future__ import annotations

import subprocess
import sys

from architecture.sources import ROOT, python_files

HEAVY = {
    "airflow",
    "great_expectations",
    "kubernetes",
    "numba",
    "pandas",
    "prometheus_api_client",
    "scipy",
    "statsforecast",
}

LOADED = """
import importlib, pkgutil, sys
import springtide
for module in pkgutil.walk_packages(springtide.__path__, "springtide."):
    if module.name in {compiled!r}:
        continue
    importlib.import_module(module.name)
    heavy = sorted(set({heavy!r}) & set(sys.modules))
    if heavy:
        print(module.name, heavy)
        break
print(len([name for name in sys.modules if name.startswith("springtide.")]), "modules")
"""


def compiled_modules() -> list[str]:
    """Return the modules with machine code in them, which load numba and are imported inside functions only.

    And the one that nobody imports but great-expectations itself.
    """
    paths = [path for path in python_files("include") if "\n@compiled\n" in (ROOT / path).read_text()]
    return [*(".".join(path.with_suffix("").parts[1:]) for path in paths), "springtide.demand.page_views"]


def test_no_module_of_the_library_loads_a_heavy_package() -> None:
    """Every task of a run starts a process and imports the library: seconds, when one import stands at the top."""
    program = [sys.executable, "-c", LOADED.format(heavy=sorted(HEAVY), compiled=compiled_modules())]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 1, lines[0]
    assert int(lines[0].split()[0]) > 20


def test_the_layers_hold() -> None:
    program = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"]
    done = subprocess.run(
        [*program, "--no-cache", "--no-logo"], capture_output=True, text=True, timeout=120, check=False, cwd=ROOT
    )

    assert done.returncode == 0, done.stdout
