"""scripts/compose-secrets: random, nobody else's, and never written over."""

from __future__ import annotations

import base64
import json
import stat
import subprocess
from pathlib import Path

from ruamel.yaml import YAML

from architecture.sources import ROOT


def written(folder: Path) -> dict[str, str]:
    """Run the script and return what the files hold."""
    command = [str(ROOT / "scripts" / "compose-secrets"), str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_it_writes_what_the_compose_file_wants_and_nothing_else(tmp_path: Path) -> None:
    wanted = YAML(typ="safe").load(ROOT / "docker-compose.yaml")["secrets"]

    assert written(tmp_path / "secrets").keys() == wanted.keys()


def test_nobody_else_may_read_them(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    written(folder)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}

    assert (stat.S_IMODE(folder.stat().st_mode), modes) == (0o700, {0o600})


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    first = written(tmp_path)

    assert written(tmp_path) == first


def test_a_file_of_one_s_own_is_kept_and_used(tmp_path: Path) -> None:
    (tmp_path / "database_password").write_text("of-mine")

    made = written(tmp_path)

    assert made["database_password"] == "of-mine"
    assert made["airflow_database_url"] == "postgresql+psycopg://airflow:of-mine@postgres/airflow"
    assert json.loads(made["airflow_connections"])["springtide_store"]["password"] == "of-mine"


def test_two_machines_share_none(tmp_path: Path) -> None:
    one = written(tmp_path / "one")
    other = written(tmp_path / "other")

    assert [name for name in one if one[name] == other[name]] == []


def test_each_is_of_the_form_that_its_reader_takes(tmp_path: Path) -> None:
    made = written(tmp_path)

    assert len(base64.urlsafe_b64decode(made["airflow_fernet_key"])) == 32
    assert list(json.loads(made["airflow_passwords"])) == ["admin"]
    assert json.loads(made["airflow_connections"]).keys() == {
        "springtide_store",
        "kubernetes_default",
        "prometheus_default",
        "springtide_notify",
    }
    assert len(made["metrics_token"]) == 64
    assert not any(text.endswith("\n") for text in made.values())


def test_it_prints_no_secret(tmp_path: Path) -> None:
    command = [str(ROOT / "scripts" / "compose-secrets"), str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)

    assert [path.name for path in tmp_path.iterdir() if path.read_text() in done.stdout + done.stderr] == []
