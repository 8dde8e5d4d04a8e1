"""The files of Airflow's settings: what others feel is told, what decides over their DAGs is in a file apart."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from ruamel.yaml import YAML

from package.installed import ROOT

FOLDER = ROOT / "deploy" / "airflow"
BESIDE_OTHERS = "airflow.env"
ALONE = "airflow-of-its-own.env"
HARMLESS = {
    ("core", "lazy_load_plugins"),
    ("scheduler", "scheduler_idle_sleep_time"),
    ("workers", "min_heartbeat_interval"),
    ("scheduler", "orphaned_tasks_check_interval"),
    ("dag_processor", "min_file_process_interval"),
    ("dag_processor", "refresh_interval"),
}
"""How often Airflow looks: no task ends, waits, starts or is paused by it."""


def settings(name: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the value of each setting, by its section and option, with the comment that stands before it."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    comment = ""
    for line in (FOLDER / name).read_text().splitlines():
        if line.startswith("#"):
            comment += f"{line.lstrip('# ')}\n"
        elif line:
            variable, _, value = line.partition("=")
            _, section, option = variable.lower().split("__")
            found[section, option] = (value, comment)
            comment = ""
        else:
            comment = ""
    return found


@cache
def options() -> dict[str, Any]:
    """Return all sections of Airflow's settings, as it describes them."""
    text = (files("airflow") / "config_templates" / "config.yml").read_text()
    return dict(YAML(typ="safe").load(text))


def default_of(section: str, option: str) -> str:
    """Return what Airflow says where nobody says anything; a KeyError where it has no such option."""
    return str(options()[section]["options"][option]["default"])


def test_beside_other_dags_only_how_often_airflow_looks_and_when_it_loads_plugins_is_set() -> None:
    assert settings(BESIDE_OTHERS).keys() == HARMLESS


@pytest.mark.parametrize(("name", "word"), [(BESIDE_OTHERS, "Airflow-wide: "), (ALONE, "Others: ")])
def test_every_setting_says_what_it_is_to_other_dags(name: str, word: str) -> None:
    silent = [option for option, (_, comment) in settings(name).items() if f"\n{word}" not in f"\n{comment}"]

    assert silent == []


@pytest.mark.parametrize("name", [BESIDE_OTHERS, ALONE])
def test_the_defaults_that_are_told_are_those_of_airflow(name: str) -> None:
    told = {
        option: match[1]
        for option, (_, comment) in settings(name).items()
        if (match := re.search(r"\(default ([\w.]+)\)", comment))
    }

    assert len(told) >= 4
    assert {option: number_or(text) for option, text in told.items()} == {
        option: number_or(default_of(*option)) for option in told
    }


def number_or(text: str) -> float | str:
    """Return the number that `text` is; the text where it is none."""
    try:
        return float(text)
    except ValueError:
        return text


def test_every_setting_is_one_of_airflow() -> None:
    named = [*settings(BESIDE_OTHERS), *settings(ALONE)]

    assert len(set(named)) == len(named)
    assert [option for option in named if not default_of(*option)] == []
