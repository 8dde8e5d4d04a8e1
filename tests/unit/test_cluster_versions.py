"""`SPRINGTIDE_KUBERNETES` chooses among the versions that the repository can build a cluster of."""

from __future__ import annotations

import re

import pytest

from cluster.settings import DEFAULT_VERSION, KUBERNETES, ClusterError, module_file, version_from_environment

OTHERS = sorted(file.stem for file in KUBERNETES.glob("[0-9]*.mod"))


def test_unset_it_is_the_version_that_everything_is_measured_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPRINGTIDE_KUBERNETES", raising=False)

    assert version_from_environment() == DEFAULT_VERSION
    assert module_file(DEFAULT_VERSION).name == "go.mod"


def test_another_version_has_files_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPRINGTIDE_KUBERNETES", "1.31.14")

    assert module_file(version_from_environment()).name == "1.31.14.mod"


@pytest.mark.parametrize("version", ["1.2.3", "go", "", "../kubernetes/1.31.14"])
def test_an_unknown_one_is_refused_with_those_that_there_are(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setenv("SPRINGTIDE_KUBERNETES", version)

    with pytest.raises(ClusterError, match=r"one of 1\.31\.14, 1\.34\.4 is needed"):
        version_from_environment()


@pytest.mark.parametrize("version", [DEFAULT_VERSION, *OTHERS])
def test_module_files_are_of_the_version_they_are_named_after(version: str) -> None:
    modules = module_file(version)
    required = re.search(r"^\tk8s\.io/kubernetes v(\S+)$", modules.read_text(), re.MULTILINE)

    assert required is not None
    assert required[1] == version
    assert f"k8s.io/kubernetes v{version} h1:" in modules.with_suffix(".sum").read_text()
