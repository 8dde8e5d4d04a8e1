"""The tables of metrics.md, runbook.md and cli.md in docs: made from the source, current, and nothing is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from springtide.cli.error_codes import LEFT_OUT, SOURCES, error_codes
from springtide.cli.reference_pages import refreshed
from springtide.record.metrics import METRICS

ROOT = Path(__file__).parents[3]
PAGES = ("docs/metrics.md", "docs/runbook.md", "docs/cli.md")


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_current(page: str) -> None:
    """`python -m springtide.cli.reference_pages docs/metrics.md docs/runbook.md docs/cli.md` brings them up to date."""
    text = (ROOT / page).read_text()

    assert refreshed(text) == text


def test_every_metric_has_its_line() -> None:
    text = (ROOT / "docs/metrics.md").read_text()

    assert [metric.name for metric in METRICS if f"| `{metric.name}` | {metric.kind} |" not in text] == []


def test_no_code_that_stands_in_a_source_is_missing() -> None:
    """Found in another way than the table's: as text."""
    files = [path for root in SOURCES for path in root.rglob("*.py") if path.relative_to(root).parts[0] != LEFT_OUT]
    written = {code for path in files for code in re.findall(r'\bcode="([a-z0-9_]+)"', path.read_text())}

    assert len(written) > 100
    assert written - {code.code for code in error_codes()} == set()


def test_no_code_that_the_tests_know_is_missing() -> None:
    known = {code.code for code in error_codes()}
    asserted = re.compile(r'\.code == "([a-z0-9]+_[a-z0-9_]+)"')

    tested = {code for path in (ROOT / "tests/unit").rglob("test_*.py") for code in asserted.findall(path.read_text())}

    assert len(tested) > 50
    assert tested - known == set()


def test_a_code_is_temporary_where_the_same_may_be_tried_again() -> None:
    words = {code.code: code.is_temporary for code in error_codes()}

    assert words["store_unavailable"]
    assert words["demand_unavailable"]
    assert not words["store_newer"]
    assert not words["approval_rejected"]


def test_what_to_do_is_what_the_message_says_last() -> None:
    advice = {code.code: code.advice for code in error_codes()}

    assert advice["store_newer"] == "Install the later springtide"
    assert advice["metrics_unwritable"] == "Give this user the right to write there"


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the place of a table"):
        refreshed("# A page\n")
