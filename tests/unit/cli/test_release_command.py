"""`springtide release`: one floor by name, or every one whose time is over; one that cannot go keeps no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from springtide.cli.main import app
from springtide.cli.options import CliContext
from springtide.run.ports import Ports
from support.courses import autoscaler
from support.simulation import NAMESPACE, Simulation


@pytest.fixture
def floored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    """A workload whose minimum a run has raised from 2 to 4, for an hour."""
    simulation = Simulation.of(2, strategy="floor", expires="1h")
    simulation.world.apply(autoscaler(2))
    simulation.world.settle()
    simulation.run(4)
    (tmp_path / "web.yaml").write_text(json.dumps(simulation.policy.model_dump(mode="json")))

    @contextmanager
    def ports(_place: CliContext, _on_wait: Callable[[str], None]) -> Iterator[Ports]:
        yield simulation.ports()

    monkeypatch.setattr(CliContext, "ports", ports)
    return simulation


def release(folder: Path, *arguments: str, code: int = 0) -> list[Any]:
    """Return what the command printed, a document each."""
    result = CliRunner().invoke(app, ["release", *arguments, "--policies", str(folder), "--output", "json"])
    assert result.exit_code == code, result.output
    text = result.stdout.strip()
    documents = []
    decoder = json.JSONDecoder()
    while text:
        document, end = decoder.raw_decode(text)
        documents.append(document)
        text = text[end:].strip()
    return documents


def minimum(simulation: Simulation) -> int:
    hpa = simulation.world.get("horizontalpodautoscalers", NAMESPACE, "web")
    assert hpa is not None
    return int(hpa["spec"]["minReplicas"])


def test_a_floor_is_given_back_by_name(floored: Simulation, tmp_path: Path) -> None:
    (answer,) = release(tmp_path, "web")

    assert (answer["service"], answer["outcome"]) == ("web", "succeeded")
    assert minimum(floored) == 2


def test_only_what_is_over_expires(floored: Simulation, tmp_path: Path) -> None:
    assert release(tmp_path, "--expired") == []
    assert minimum(floored) == 4

    floored.world.advance(3700)
    (answer,) = release(tmp_path, "--expired")
    assert (answer["outcome"], minimum(floored)) == ("succeeded", 2)
    assert release(tmp_path, "--expired") == []


@pytest.mark.parametrize("arguments", [(), ("web", "--expired")], ids=["neither", "both"])
def test_it_wants_a_name_or_all_that_are_over(floored: Simulation, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    release(tmp_path, *arguments, code=1)

    assert minimum(floored) == 4
