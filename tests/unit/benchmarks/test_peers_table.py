"""From single measurements to the row of a table: what failed is counted, and never mixed with what did not."""

from __future__ import annotations

import pytest
from benchmarks.peers.measured import COLUMNS, RAW_COLUMNS, Answered, Measured, failure, measured, row
from benchmarks.peers.samples import Move, Sample
from benchmarks.peers.told import PeersTable

UP = Move(3, 6)
OLD = frozenset("abc")
NEW = frozenset("uvwxyz")
SAMPLES = [Sample(0, 3, OLD), Sample(5, 9, OLD), Sample(10, 9, NEW), Sample(15, 6, NEW), Sample(20, 6, NEW)]
SOME_FAILED = Answered(requests=500, failed=7, rate=250.4, errors=(("timeout", 5), ("refused", 2)))


def one(switched: float, *, rate: float = 300) -> Measured:
    """Build a good measurement, finished twice as late as it was switched."""
    finished = 2 * switched
    return Measured(
        move=UP,
        switched=switched,
        finished=finished,
        pod_seconds=9 * finished,
        above=3 * finished,
        peak=9,
        load=Answered(requests=1000, failed=0, rate=rate),
    )


def test_a_move_is_finished_when_the_tool_says_so_and_nothing_is_left() -> None:
    answered = Answered(requests=4500, failed=2, rate=299.5)
    early = measured(SAMPLES, UP, old=OLD, done=12, load=answered)
    late = measured(SAMPLES, UP, old=OLD, done=18, load=answered)

    assert (early.switched, early.finished, late.finished) == (10, 15, 18)
    assert (early.pod_seconds, early.above, early.peak) == (3 * 5 + 9 * 10, 3 * 10, 9)
    assert (early.load, early.problem) == (answered, "")


def test_a_move_that_never_settled_has_a_problem_and_no_row_of_seconds() -> None:
    unsettled = measured(SAMPLES[:3], UP, old=OLD, done=12, load=Answered(requests=4500, failed=0, rate=300))

    assert unsettled.problem == "the workload did not settle"
    assert row("web", "tuned", [unsettled], asked=1)[3:9] == ["0 of 1", "-", "-", "-", "-", "-"]


def test_a_row_tells_the_median_and_the_range() -> None:
    cells = dict(zip(COLUMNS, row("web", "tuned", [one(4), one(6, rate=280), one(5)], asked=3), strict=True))

    assert (cells["who"], cells["settings"], cells["move"]) == ("web", "tuned", "3 → 6")
    assert cells["good rounds"] == "3 of 3"
    assert cells["switched, s"] == "5.0 (4.0 to 6.0)"
    assert cells["pods x s"] == "90 (72 to 108)"
    assert (cells["most pods"], cells["requests/s"]) == ("9", "280")
    assert (cells["requests"], cells["failed"]) == ("3,000", "0")


def test_requests_of_a_round_that_went_wrong_count_but_its_seconds_do_not() -> None:
    cells = dict(zip(COLUMNS, row("web", "tuned", [one(4), failure(UP, "exit 1", SOME_FAILED)], asked=2), strict=True))

    assert cells["good rounds"] == "1 of 2"
    assert cells["switched, s"] == "4.0"
    assert (cells["requests"], cells["failed"], cells["requests/s"]) == ("1,500", "7", "250")


@pytest.mark.parametrize("measurement", [one(4), failure(UP, "exit 1", SOME_FAILED)])
def test_raw_results_have_a_cell_for_each_column(measurement: Measured) -> None:
    cells = dict(zip(RAW_COLUMNS, measurement.cells(), strict=True))

    assert cells["problem"] == measurement.problem
    assert cells["errors"] == ("5 x timeout; 2 x refused" if measurement.load.failed else "")
    assert int(cells["requests"]) == measurement.load.requests


def test_the_explanation_stands_below_the_table() -> None:
    table = PeersTable("Beside", COLUMNS, [row("web", "tuned", [one(4)], asked=1)], "What each does.\n")

    lines = table.to_markdown().splitlines()

    assert lines[0] == "## Beside"
    assert lines[-1] == "What each does."
    assert any(line.startswith("| web | tuned | 3 → 6 |") for line in lines)
