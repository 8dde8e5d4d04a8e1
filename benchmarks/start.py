"""What it costs to begin: the library's import, the command line's answer, the DAG file's parse."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.table import Table, spread

ROOT = Path(__file__).resolve().parents[1]
TIMES = 7

PARSE = """
import sys, time
import airflow.sdk
sys.path[:0] = ["plugins", "dags"]
start = time.perf_counter()
import scale_service
seconds = time.perf_counter() - start
heavy = {"pandas", "great_expectations", "kubernetes"} & set(sys.modules)
assert not heavy, heavy
print(seconds)
"""
CASES = (
    ("`import springtide`, a new process", "0.3", "import springtide"),
    ("`import springtide.run.pipeline`, all that a run needs", "-", "import springtide.run.pipeline"),
    ("`springtide version`, a new process", "-", "from springtide.cli import main; main(['version'])"),
    ("`springtide --help`, a new process", "0.5", "from springtide.cli import main; main(['--help'])"),
)


def measure() -> Table:
    """Return the seconds of each case, an empty Python's own start left out."""
    empty = min(_process("pass") for _ in range(TIMES))
    rows = [[name, limit, *spread([_process(code) - empty for _ in range(TIMES)])] for name, limit, code in CASES]
    parsed = [_parse() for _ in range(TIMES)]
    rows.append(["`dags/scale_service.py`, parsed where Airflow is imported", "1", *spread(parsed)])
    return Table("Starting", ("what", "limit, s", "median, s", "least", "most"), rows)


def _process(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _parse() -> float:
    with TemporaryDirectory() as home:
        settings = {"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        done = subprocess.run(
            [sys.executable, "-c", PARSE],
            check=True,
            cwd=ROOT,
            env=os.environ | settings,
            capture_output=True,
            text=True,
        )
    return float(done.stdout.splitlines()[-1])
