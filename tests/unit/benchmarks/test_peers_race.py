"""The comparison keeps to clusters of its own, and one contender's failure is that contender's alone."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from benchmarks.peers.contenders import Stage
from benchmarks.peers.race import measure, scale
from benchmarks.peers.samples import Move

from springtide.errors import InputError

PLACE = Stage(Path("kubeconfig"), "peers-1", Path())


@dataclass(frozen=True)
class Failing:
    """A contender that does not get there."""

    error: Exception
    who: str = "web"
    settings: str = "tuned"
    manifest: str = "springtide.yaml"
    fresh: bool = True

    def scale(self, stage: Stage, replicas: int) -> None:
        assert (stage, replicas) == (PLACE, 6)
        raise self.error


@pytest.mark.parametrize("given", ["production.yaml", None])
def test_no_cluster_is_touched_but_one_of_tests_cluster(monkeypatch: pytest.MonkeyPatch, given: str | None) -> None:
    monkeypatch.setenv("SPRINGTIDE_CLUSTER", "never-started")
    if given is None:
        monkeypatch.delenv("KUBECONFIG", raising=False)
    else:
        monkeypatch.setenv("KUBECONFIG", given)

    with pytest.raises(InputError, match="on a cluster of tests/cluster only"):
        measure(1)


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (InputError("switch.sh: no such Service", code="script_failed"), "switch.sh: no such Service"),
        (subprocess.TimeoutExpired("bash", 240), "not done after 240 s"),
    ],
)
def test_what_went_wrong_is_kept_and_the_others_go_on(error: Exception, problem: str) -> None:
    assert scale(Failing(error), Move(3, 6), PLACE) == problem


def test_an_error_of_the_benchmark_itself_ends_it() -> None:
    with pytest.raises(KeyError):
        scale(Failing(KeyError("metadata")), Move(3, 6), PLACE)
