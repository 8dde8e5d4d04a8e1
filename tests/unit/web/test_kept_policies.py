"""A policy is read once for many posts, and nothing else of its folder with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from springtide.errors import InputError, PolicyError
from springtide.policy.reading.folder import PolicyFolder
from springtide.web import kept_policies as kept
from support.builders import policy_text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two policies."""
    for name in ("checkout", "search"):
        tmp_path.joinpath(f"{name}.yaml").write_text(policy_text(name))
    return tmp_path


def _read_afterwards(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files that are parsed from now on, as it grows."""
    read: list[str] = []
    real = PolicyFolder.read

    def noted(self: PolicyFolder, path: Path) -> object:
        read.append(path.name)
        return real(self, path)

    monkeypatch.setattr(PolicyFolder, "read", noted)
    return read


def test_a_policy_is_parsed_once_and_its_folder_is_not_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand files cost a post nothing."""
    read = _read_afterwards(monkeypatch)
    monkeypatch.setattr(PolicyFolder, "_paths", lambda _self: pytest.fail("the folder is listed"))
    policies = kept.kept_policies(lambda: PolicyFolder(folder))

    found = [policies().get("checkout").name for _ in range(3)]

    assert found == ["checkout"] * 3
    assert read == ["checkout.yaml"]


def test_a_file_that_has_changed_is_parsed_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The policy of now is what a post is judged by."""
    read = _read_afterwards(monkeypatch)
    policies = kept.kept_policies(lambda: PolicyFolder(folder))
    policies().get("checkout")

    folder.joinpath("checkout.yaml").write_text(policy_text("checkout") + "\n# longer\n")
    policies().get("checkout")

    assert read == ["checkout.yaml"] * 2


def test_no_more_than_so_many_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory has a bound: the one kept longest makes room, and is read again."""
    monkeypatch.setattr(kept, "MOST", 1)
    read = _read_afterwards(monkeypatch)
    policies = kept.kept_policies(lambda: PolicyFolder(folder))

    for name in ("checkout", "search", "search", "checkout"):
        policies().get(name)

    assert read == ["checkout.yaml", "search.yaml", "checkout.yaml"]


@pytest.mark.parametrize("name", ["../checkout", "/etc/passwd", "Checkout", "", "missing"])
def test_what_is_no_policy_of_the_folder_never_becomes_a_path(folder: Path, name: str) -> None:
    """The folder itself says what there is."""
    policies = kept.kept_policies(lambda: PolicyFolder(folder))

    with pytest.raises(InputError) as refused:
        policies().get(name)

    assert refused.value.code == "service_unknown"


def test_two_files_of_one_name_are_refused_as_ever(folder: Path) -> None:
    """Nobody can say which is meant."""
    policies = kept.kept_policies(lambda: PolicyFolder(folder))
    policies().get("checkout")
    folder.joinpath("checkout.yml").write_text(policy_text("checkout"))

    with pytest.raises(PolicyError):
        policies().get("checkout")
