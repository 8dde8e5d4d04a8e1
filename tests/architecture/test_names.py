"""Names that say nothing, names that break Airflow, and words that say a thing is not done."""

from __future__ import annotations

import re
import sys

from architecture.sources import ROOT, python_files

EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError|placeholder|for now|simplified)\b", re.IGNORECASE)
MACHINE = re.compile(r"(?<![\w.])/(work|root|home)/\w")


def test_every_name_says_what_is_inside() -> None:
    assert [str(path) for path in python_files() if EMPTY_NAMES & {path.stem, *path.parts}] == []


def test_test_files_have_names_of_their_own() -> None:
    names = [path.name for path in python_files("tests") if path.name.startswith("test_")]

    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_airflow_loads_one_plugin_file_and_no_standard_module_is_shadowed() -> None:
    """Airflow runs every file under plugins/ that .airflowignore does not name, and registers it by its bare stem."""
    plugins = python_files("plugins")
    loose = [path for path in plugins if len(path.parts) == 2]

    assert [path.name for path in loose if not path.name.endswith("_plugin.py")] == []
    assert len(loose) == min(1, len(plugins))
    assert [str(path) for path in plugins if path.stem in sys.stdlib_module_names] == []


def test_airflow_looks_into_no_package_beside_its_plugin_file() -> None:
    packages = {path.parts[1] for path in python_files("plugins") if len(path.parts) > 2}
    ignore = ROOT / "plugins" / ".airflowignore"
    ignored = {line.strip().strip("/") for line in ignore.read_text().splitlines()} if ignore.is_file() else set()

    assert packages - ignored == set()


def test_nothing_calls_itself_unfinished() -> None:
    marked = [
        f"{path}:{number}: {line.strip()}"
        for path in python_files()
        if path.name != "test_names.py"
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1)
        if UNFINISHED.search(line)
    ]

    assert marked == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    named = [str(path) for path in python_files() if MACHINE.search((ROOT / path).read_text())]

    assert named == []
