"""One safety is taken out at a time, and a test of the suite must turn red: one that stays green then proves nothing.

A safety is a row of the list in `safeties`: what is taken out, the test that sees it, and what that test says then.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from safeties import ALL, THEMES
from safeties.safety import Safety
from safeties.table import PAGE, in_page, markdown
from safeties.taking_out import PASSED

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 600

pytestmark = pytest.mark.xdist_group("safeties")


@pytest.fixture(scope="module")
def came_to(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What came of the tests of every safety that is asked for here, played in one process of their own."""
    asking = [each for each in request.session.items if isinstance(each, pytest.Function)]
    asked = [each.callspec.params["safety"] for each in asking if "came_to" in each.fixturenames]
    chosen = [safety.name for safety in asked if isinstance(safety, Safety)]
    file = tmp_path_factory.mktemp("safeties") / "came_to.json"
    code = os.pathsep.join(str(ROOT / each) for each in ("include", "plugins", "tests"))
    program = [sys.executable, "-m", "safeties.taking_out", str(file), *chosen]
    played = subprocess.run(
        program,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": code},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert file.is_file(), played.stdout + played.stderr
    found: dict[str, dict[str, str]] = json.loads(file.read_text())
    assert found.keys() == set(chosen), played.stdout + played.stderr
    return found


@pytest.mark.timeout(SECONDS + 20)
@pytest.mark.parametrize("safety", ALL, ids=lambda safety: safety.name)
def test_what_is_taken_out_is_missed(
    safety: Safety, came_to: dict[str, dict[str, str]], record_property: Callable[[str, object], None]
) -> None:
    record_property("safety", safety.name)
    record_property("seen_by", safety.seen_by)
    played = came_to[safety.name]

    assert played["untouched"] == PASSED
    assert played["taken_out"] != PASSED, f"{safety.seen_by} stays green without it"
    assert safety.because in played["taken_out"], "it is red for another reason"


def test_every_safety_has_a_name_of_its_own() -> None:
    names = [safety.name for safety in ALL]

    assert len(names) > 80
    assert sorted(names) == sorted(set(names))


def test_where_tests_run_side_by_side_one_process_plays_them_all(request: pytest.FixtureRequest) -> None:
    """Each process plays all that it is given at once, so two would do the work twice: xdist says so by the name."""
    runs_beside_others = hasattr(request.config, "workerinput")

    assert request.node.nodeid.endswith("@safeties") is runs_beside_others


def test_the_page_holds_the_list_as_it_is() -> None:
    page = (ROOT / PAGE).read_text()

    assert in_page(page, markdown(THEMES)) == page, "write it anew: PYTHONPATH=include:tests python -m safeties"
