"""`python -m benchmarks.fleet`: which parts there are, and that one which fails takes no other with it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from benchmarks.fleet import __main__ as fleet
from benchmarks.fleet.__main__ import PARTS, FleetPart, main


def a_part(name: str, module: str, *arguments: str) -> FleetPart:
    return FleetPart(name=name, module=module, arguments=arguments, result=f"{name}.md", about="a part of a test")


GOOD = a_part("good", "calendar", "2026")
BAD = a_part("bad", "calendar", "no-year")


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_each_part_is_a_program_that_names_the_file_it_leaves(part: FleetPart) -> None:
    spec = find_spec(part.module)
    assert spec is not None
    assert spec.origin is not None

    said = " ".join([Path(spec.origin).read_text(), *part.arguments])

    assert part.result.removesuffix(".md") in said


def test_no_two_parts_leave_the_same_file() -> None:
    assert len({part.result for part in PARTS}) == len({part.name for part in PARTS}) == len(PARTS)


def test_what_fails_takes_nothing_with_it_and_the_exit_code_says_so(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fleet, "PARTS", (BAD, GOOD))

    assert main([]) == 1

    told = capfd.readouterr().out
    assert "bad: failed with code 2" in told
    assert "good: written to benchmarks/results/good.md" in told
    assert told.rstrip().endswith("failed: bad")


def test_only_what_is_named_is_taken(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(fleet, "BY_NAME", {part.name: part for part in (BAD, GOOD)})

    assert main(["good"]) == 0
    assert "bad" not in capfd.readouterr().out


def test_the_list_names_every_part_with_its_file_and_takes_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [part.name for part in PARTS]
    assert all(f"benchmarks/results/{part.result}" in line for part, line in zip(PARTS, lines, strict=True))
