"""What the Dockerfile promises: locked packages alone, no compiler, no root, nothing that it does not name."""

from __future__ import annotations

import re
from typing import Final

from architecture.sources import ROOT

DOCKERFILE: Final = (ROOT / "Dockerfile").read_text()
LAST_STAGE: Final = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
PINNED: Final = re.compile(r"^([a-z0-9.-]+)(?:\[[^]]*\])?==(\S+)", re.MULTILINE)


def copied() -> set[str]:
    lines = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    return {word for line in lines for word in line.split()}


def names(lock: str) -> set[str]:
    return {match[1] for match in PINNED.finditer((ROOT / lock).read_text())}


def test_every_install_is_of_locked_packages_or_of_the_wheel_that_was_just_made() -> None:
    installs = re.findall(r"pip install (.*)", DOCKERFILE)

    assert len(installs) == 3
    assert all("--require-hashes" in each or "--no-index --no-deps wheels/" in each for each in installs)
    assert "apt-get" not in DOCKERFILE


def test_the_lock_of_the_image_adds_and_repeats_nothing() -> None:
    added = names("deploy/airflow/requirements-image.txt")

    assert {"apache-airflow-providers-celery", "jsonpatch"} <= added
    assert added & names("requirements-runtime.txt") == set()


def test_each_package_of_that_lock_has_hashes() -> None:
    text = (ROOT / "deploy" / "airflow" / "requirements-image.txt").read_text()
    packages = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)

    assert [each.splitlines()[0] for each in packages if "==" in each and "--hash=sha256:" not in each] == []


def test_what_builds_the_wheel_is_locked_too() -> None:
    told = re.search(r"sed -nE '/\^\(([a-z|-]+)\)==/", DOCKERFILE)
    assert told is not None

    assert "hatchling" in told[1]
    assert set(told[1].split("|")) <= names("requirements.txt")


def test_the_image_runs_as_a_user_with_a_health_check() -> None:
    assert re.search(r"^USER 50000:0$", LAST_STAGE, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .* CMD \[", LAST_STAGE, re.MULTILINE)


def test_only_what_is_named_reaches_the_builder() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}

    assert rules[0] == "*"
    assert {
        path for path in copied() if not any(path == each or path.startswith(f"{each}/") for each in allowed)
    } == set()
    assert not {"secrets", ".env", ".git", ".venv"} & allowed


def test_every_file_that_is_copied_there_is() -> None:
    assert {path for path in copied() if not (ROOT / path).exists()} == set()


def test_celery_is_one_that_its_provider_can_import() -> None:
    """Celery 5.7 took `retry` from `celery.backends.database`; the provider 3.26.0 allows 5.7 and imports it."""
    text = (ROOT / "deploy" / "airflow" / "requirements-image.txt").read_text()
    versions = dict(PINNED.findall(text))

    assert versions["apache-airflow-providers-celery"] == "3.26.0"
    assert versions["celery"].startswith(("5.5.", "5.6."))
