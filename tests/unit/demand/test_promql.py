"""What is told of a query without a parser, and what it becomes inside another one."""

from __future__ import annotations

import pytest

from springtide.demand.days import maxima_query
from springtide.demand.promql import as_series, is_closed, is_scalar, without_comments, without_fallback
from springtide.policy.scaling.demand import PrometheusDemand


@pytest.mark.parametrize(
    "query",
    [
        "scalar(sum(rate(requests[1m])))",
        "scalar(a) / scalar(b) * 60",
        '- scalar(up{path="/(x"})',
        "(scalar(x)) + 1e3",
        "5",
        "time() - 30",
        "scalar(x) # of all shops",
        "5 > bool 3",
    ],
)
def test_a_number_is_made_a_series(query: str) -> None:
    assert is_scalar(query)
    assert as_series(query).startswith("vector(")


@pytest.mark.parametrize(
    "query",
    [
        "sum(rate(requests[1m]))",
        "scalar(a) * b",
        "requests",
        "vector(5)",
        "scalar_requests",
        'requests{path="scalar(1)"}',
        "requests offset 5m",
        "inf",
        "scalar(x",
        "# nothing",
    ],
)
def test_a_series_stays_one(query: str) -> None:
    assert not is_scalar(query)
    assert as_series(query).startswith("(")


def test_a_comment_at_the_end_swallows_nothing() -> None:
    assert as_series("sum(x) # of all shops") == "(\nsum(x) # of all shops\n)"


def test_what_looks_like_a_comment_in_a_text_is_none() -> None:
    assert without_comments('sum(x{a="#1"}) # two\n+ 1') == 'sum(x{a="#1"}) \n+ 1'


@pytest.mark.parametrize(
    ("query", "bare"),
    [
        ("sum(rate(x[1m])) or vector(0)", "sum(rate(x[1m]))"),
        ("sum(x) OR vector( 0.0 ) # always there", "sum(x)"),
        ("(sum(x) or on() vector(0)) * 2", "(sum(x) ) * 2"),
        ("max(sum(x) or vector(0))", "max(sum(x) )"),
        ("sum(a or vector(0)) + sum(b or vector(0))", "sum(a ) + sum(b )"),
        ("sum(x) or (vector(0))", "sum(x)"),
        ("sum(x) default 0", "sum(x)"),
        ('sum(x{a="b"}) or label_replace(vector(0), "c", "d", "", "")', 'sum(x{a="b"})'),
    ],
)
def test_a_fallback_is_taken_out(query: str, bare: str) -> None:
    assert without_fallback(query) == bare


@pytest.mark.parametrize("query", ["sum(x)", "x or y", 'sum(x{a="or vector(0)"})', "sum(x) # or vector(0)"])
def test_what_can_be_absent_has_none(query: str) -> None:
    assert without_fallback(query) is None


@pytest.mark.parametrize(
    ("query", "maxima"),
    [
        ("sum(x)", "max_over_time((sum(x))[5m:60s])"),
        ("sum(x) # all", "max_over_time((\nsum(x) # all\n)[5m:60s])"),
        ("scalar(sum(x))", "max_over_time(vector(scalar(sum(x)))[5m:60s])"),
    ],
)
def test_the_history_of_any_query_is_a_query(query: str, maxima: str) -> None:
    assert maxima_query(PrometheusDemand(query=query, unit="jobs")) == maxima


@pytest.mark.parametrize(
    "query",
    [
        "sum by (a, b) (rate(requests[1m]))",
        'x{a=",", b="(#\\"", c=\'"\', d=`"`}',
        "x offset 5m",
        "x @ end() # one, two) three",
        "(a\n+ b) # )\n* 2",
        "x{a=`)\n(`}",
    ],
)
def test_what_is_closed_may_stand_beside_others(query: str) -> None:
    assert is_closed(query)


@pytest.mark.parametrize(
    "query",
    [
        "a) or (b",
        "sum(rate(x[1m])",
        "sum(x))",
        "x{a)}",
        "[1m)]",
        'x{a="b}',
        "x{a='b}",
        "`x",
        'x\\"y"',
        "up, down",
        '"one\nline"',
        "x # one\r) or (y",
        "",
        " \n",
        "# nothing",
        '"a text"',
    ],
)
def test_what_might_reach_out_is_not_closed(query: str) -> None:
    assert not is_closed(query)
