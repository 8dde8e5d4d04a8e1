"""DAG files are read every few seconds, and plugins by every process: neither may cost or touch anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"great_expectations", "kubernetes", "kubernetes_asyncio", "numba", "numpy", "pandas", "scipy", "statsforecast"}
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))


def fresh(code: str) -> Any:
    """Run `code` in a process of its own and return what it prints, read as JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "plugins")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("dag_file", DAG_FILES, ids=lambda path: path.stem)
def test_parsing_imports_nothing_heavy_and_reads_nothing_but_code(dag_file: Path, policies: Path) -> None:
    seen = fresh(f"""
        import json, runpy, sys
        from airflow.sdk import DAG
        from airflow.triggers import base

        DAG("any", schedule=None)  # what Airflow itself imports for the first DAG of a process
        before, opened, connected = set(sys.modules), [], []

        def watch(event, arguments):
            if event == "open" and isinstance(arguments[0], str):
                opened.append(arguments[0])
            elif event in ("socket.connect", "socket.getaddrinfo", "sqlite3.connect", "subprocess.Popen"):
                connected.append(event)

        sys.addaudithook(watch)
        runpy.run_path({str(dag_file)!r})
        print(json.dumps([sorted(set(sys.modules) - before), opened, connected]))
    """)
    modules, opened, connected = seen

    assert {name.split(".")[0] for name in modules} & HEAVY == set()
    assert connected == []
    assert [path for path in opened if not path.endswith((".py", ".pyc"))] == []
    assert [path for path in opened if path.startswith(str(policies))] == []


def test_dag_files_are_wiring() -> None:
    assert DAG_FILES
    for path in DAG_FILES:
        assert len(path.read_text().splitlines()) < 100


@pytest.mark.parametrize("command", ["scheduler", "api-server"])
def test_plugins_load_without_replacing_a_module_of_the_standard_library(command: str) -> None:
    loaded, wrong, strange = fresh(f"""
        import json, sys
        from airflow import plugins_manager

        sys.argv = ["airflow", {command!r}]
        plugins, errors = plugins_manager._get_plugins()
        ours = {{name for name, m in sys.modules.items() if "/plugins/" in (getattr(m, "__file__", None) or "")}}
        wrong = sorted(ours & sys.stdlib_module_names)
        bare = sorted({{"operators", "sensors", "triggers", "hook"}} & set(sys.modules))
        print(json.dumps([[plugin.name for plugin in plugins], wrong, [*map(str, errors.values()), *bare]]))
    """)

    assert "springtide" in loaded
    assert wrong == []
    assert strange == []  # no import error, and the package's files were not run under their bare names


@pytest.mark.parametrize(
    ("command", "is_late", "is_heavy"),
    [
        ("scheduler", True, True),
        ("worker", False, True),
        ("worker", True, False),  # a task of Celery: its parent has not run the file
        ("api-server", True, False),
        ("triggerer", True, False),
    ],
)
def test_only_processes_that_fork_workers_preload(command: str, *, is_late: bool, is_heavy: bool) -> None:
    heavy = fresh(f"""
        import json, os, sys

        os.environ["AIRFLOW__CORE__LAZY_LOAD_PLUGINS"] = "{is_late}"
        sys.argv = ["airflow", {command!r}]
        import springtide_plugin

        print(json.dumps([name for name in ("great_expectations", "kubernetes.client") if name in sys.modules]))
    """)

    assert bool(heavy) is is_heavy


def test_a_process_that_reads_a_dag_file_finds_all_of_springtide_imported() -> None:
    late = fresh("""
        import importlib, json, pathlib, sys

        sys.argv = ["airflow", "dag-processor"]
        import springtide_plugin

        before = set(sys.modules)
        for file in sorted(pathlib.Path("dags").glob("*.py")):
            sys.path.insert(0, "dags")
            importlib.import_module(file.stem)
        print(json.dumps(sorted(name for name in set(sys.modules) - before if name.startswith("springtide"))))
    """)

    assert late == []


def test_everything_that_is_preloaded_is_there() -> None:
    missing = fresh("""
        import importlib.util, json, sys

        sys.argv = ["airflow", "triggerer"]
        from springtide_plugin import PRELOADED

        print(json.dumps([name for name in PRELOADED if importlib.util.find_spec(name) is None]))
    """)

    assert missing == []


def test_preload_that_cannot_import_is_only_logged() -> None:
    name = fresh("""
        import json, sys

        sys.modules["kubernetes"] = None
        sys.argv = ["airflow", "scheduler"]
        import springtide_plugin

        print(json.dumps(springtide_plugin.SpringtidePlugin.name))
    """)

    assert name == "springtide"
