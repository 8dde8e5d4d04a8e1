"""Many queries in one expression, and whose series each series of the answer is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.demand.promql import is_closed
from springtide.demand.tagged import is_plain, tagged, tagged_bytes, untagged
from springtide.errors import DemandUnusable

POINTS = [[1794398400, "5"]]


def series(**labels: str) -> dict[str, Any]:
    return {"metric": labels, "values": POINTS}


def tag_of(queries: list[str], number: int) -> str:
    """Return the tag that stands in the expression for one of the queries."""
    return tagged(queries).split('"springtide_query","')[2 * number + 1].partition(":")[0]


def test_a_tag_keeps_what_the_label_says() -> None:
    assert tagged(["up"]) == 'label_replace((up),"springtide_query","0-4394ee70:$1","springtide_query","(?s)(.*)")'


def test_queries_stand_in_a_tree_each_in_its_own_parentheses() -> None:
    written = tagged(["a", "b # two\n", "scalar(c)"])

    assert written.count(" or ") == 2
    assert "((\nb # two\n\n)," in written.replace("label_replace(", "(")
    assert "vector(scalar(c))" in written
    assert written.startswith("((label_replace((a),")
    assert is_closed(written)


@given(st.lists(st.sampled_from(["a", "sum(b)", "scalar(x) # y", "c{d=')'}\n"]), min_size=1, max_size=40))
def test_no_expression_is_longer_than_its_queries_are_counted(queries: list[str]) -> None:
    assert len(tagged(queries).encode()) <= sum(tagged_bytes(query) for query in queries)


def test_each_query_gets_its_own_series_without_the_tag() -> None:
    queries = ["a", "b", "c", "a"]
    answer = [
        series(springtide_query=f"{tag_of(queries, 3)}:", pod="x"),
        series(springtide_query=f"{tag_of(queries, 1)}:own\nlabel"),
        series(springtide_query=f"{tag_of(queries, 0)}:"),
        series(springtide_query=f"{tag_of(queries, 1)}:", __name__="b"),
    ]

    assert untagged(answer, queries) == [
        [series()],
        [series(springtide_query="own\nlabel"), series(__name__="b")],
        [],
        [series(pod="x")],
    ]


def test_nothing_is_nothing_for_all() -> None:
    assert untagged(None, ["a", "b"]) == untagged([], ["a", "b"]) == [[], []]


@pytest.mark.parametrize(
    "answer",
    [
        [series()],
        [series(springtide_query="0-")],
        [series(springtide_query="0-4394ee70")],
        [series(springtide_query="1-4394ee70:")],
        [series(springtide_query="0-00000000:")],
        [{"values": POINTS}],
        [{"metric": None}],
        ["text"],
        [0, "5"],
        "text",
        {},
    ],
)
def test_an_answer_to_another_question_is_none(answer: Any) -> None:
    with pytest.raises(DemandUnusable, match="They are asked one by one") as caught:
        untagged(answer, ["up"])

    assert caught.value.code == "demand_refused"


@pytest.mark.parametrize(
    ("found", "plain"),
    [
        ([], True),
        ([series(pod="a")], True),
        ([series(pod="a"), series(pod="b")], False),
        ([{"metric": {}, "histograms": POINTS}], False),
        ([{"metric": {}, "values": POINTS, "histograms": POINTS}], False),
        ([{"metric": {}, "value": POINTS[0]}], False),
    ],
)
def test_only_one_series_of_numbers_is_plain(found: list[dict[str, Any]], plain: bool) -> None:  # noqa: FBT001
    assert is_plain(found) is plain
