"""The policies that may name a word: those that cannot are not parsed, and none that does is missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from springtide.policy.reading import parse
from springtide.policy.reading.folder import PolicyFolder
from support.builders import policy_text

if TYPE_CHECKING:
    from pathlib import Path

    from springtide.policy.scaling.model import ScalingPolicy


def target(deployment: str) -> dict[str, str]:
    return {"namespace": "shop", "deployment": deployment, "service": deployment}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("api", "checkout", "search"):
        (tmp_path / f"{name}.yaml").write_text(policy_text(name, target=target(name)))
    return tmp_path


def names(folder: Path, *words: str) -> list[str]:
    return [policy.name for policy in PolicyFolder(folder).readable(words)[0]]


def test_a_policy_whose_text_has_the_word_is_among_them(folder: Path) -> None:
    (folder / "another.yaml").write_text(policy_text("another", target=target("checkout")))

    assert names(folder, "checkout") == ["another", "checkout"]
    assert names(folder, "checkout", "search") == ["another", "checkout", "search"]
    assert names(folder) == ["another", "api", "checkout", "search"]


def test_a_word_behind_an_escape_is_found_too(folder: Path) -> None:
    text = policy_text("another", target=target("checkout"))
    (folder / "another.yaml").write_text(text.replace('"checkout"', r'"\x63heckout"'))

    assert names(folder, "checkout") == ["another", "checkout"]


def test_what_cannot_have_it_is_not_parsed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    load = parse.load_policy

    def noted(path: Path) -> ScalingPolicy:
        parsed.append(path.stem)
        return load(path)

    monkeypatch.setattr(parse, "load_policy", noted)

    assert names(folder, "checkout") == ["checkout"]
    assert parsed == ["checkout"]


def test_of_two_files_of_one_name_none_is_taken_here_either(folder: Path) -> None:
    (folder / "checkout.yml").write_text(policy_text("checkout", target=target("checkout")))

    policies, violations = PolicyFolder(folder).readable(["checkout"])

    assert policies == ()
    assert {violation.code for violation in violations} == {"policy_duplicate_name"}
