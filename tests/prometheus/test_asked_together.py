"""Many queries in one request to a real Prometheus: each is answered as if alone, and none gets into another."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from springtide.demand.asking import RangeQuestion, asked_alone
from springtide.demand.connection import PrometheusAddress
from springtide.demand.few_requests import asked_at_once
from springtide.demand.promql import is_closed
from springtide.errors import DemandUnusable, SpringtideError
from support.demand_readers import Readers, spec_of
from support.prometheus_process import Server

pytestmark = pytest.mark.xdist_group("prometheus")

GOOD = (
    "steady",
    "gap",
    "grown",
    "vanished",
    "ended",
    "numerator",
    "sum(rate(requests_total[2m]))",
    "sum(twice)",
    'max by (replica) (twice{replica="a"})',
    "steady offset 5m",
    "steady @ end()",
    "steady @ start() + month",
    "max_over_time(steady[5m:1m])",
    "scalar(steady)",
    "scalar(steady) / 2",
    "5",
    "time() - time()",
    "vector(3)",
    "absent_metric or vector(0)",
    "steady # the demand of all shops",
    "steady # one), (two",
    "# first\nsteady\n+ 1",
    'label_replace(steady, "springtide_query", "0-12345678:", "", "")',
    'label_replace(steady, "path", "a)\\"#,(", "", "")',
    "steady > 50",
    "steady unless absent_metric",
    "-(-steady)",
)
BAD = (
    "absent_metric",
    "scalar(absent_metric)",
    "twice",
    'label_replace(twice, "springtide_query", "$1", "replica", "(.*)")',
    '{__name__=~"steady|grown"}',
    "numerator / numerator",
    "1 / numerator",
    "-steady",
    "steady[5m]",
    '"text"',
    "sum(rate(steady[1m])",
    "sum(steady))",
    "absent_metric) or (steady",
    "steady, month",
    'steady{a="b}',
    "no_function(steady)",
    "steady + on(replica) group_left twice",
    "sum(steady by (a)",
    "absent_metric # \r) or (steady",
    "# nothing",
    "steady @ later()",
    "twice + ignoring(replica) twice",
    "steady offset 5x",
)


def outcomes(server: Server, now: datetime, *, most: int = 1, kept: Path | None = None) -> dict[str, tuple[Any, ...]]:
    """Return what comes of each query."""
    specs = [spec_of(query, lookback="2h") for query in (*GOOD, *BAD)]
    readers = Readers(server.url, specs, most=most, kept=kept, now=now)
    return dict(zip((spec.query for spec in specs), readers.all(), strict=True))


def asked(server: Server) -> int:
    """Return how many ranges the server was asked for, by its own count."""
    text = httpx.get(f"{server.url}/metrics", trust_env=False).text
    counted = re.findall(
        r'^prometheus_http_requests_total\{code="\d+",handler="/api/v1/query_range"\} (\d+)', text, re.MULTILINE
    )
    return sum(int(number) for number in counted)


def test_fifty_queries_of_every_kind_come_to_the_same_as_alone(server: Server, now: datetime) -> None:
    alone = outcomes(server, now)

    together = outcomes(server, now, most=100)

    assert len(alone) == 50
    assert together == alone
    assert {query for query, outcome in alone.items() if isinstance(outcome[0], type)} == set(BAD)


def test_what_is_kept_is_continued_the_same(server: Server, now: datetime, tmp_path: Path) -> None:
    for folder in ("alone", "together"):
        outcomes(server, now - timedelta(minutes=20), kept=tmp_path / folder)

    alone = outcomes(server, now, kept=tmp_path / "alone")
    together = outcomes(server, now, most=100, kept=tmp_path / "together")

    assert together == alone


def test_good_queries_are_one_request(server: Server, now: datetime) -> None:
    before = asked(server)

    readers = Readers(server.url, [spec_of(query) for query in GOOD], most=100, now=now)

    assert all(isinstance(each[0], str) for each in readers.all())
    assert asked(server) == before + 1


FRAGMENTS = st.sampled_from(
    [
        *("steady", "month", "absent_metric", "twice", "5", "a", "sum(steady)", "vector(1)", '{a=""}', '{a=~".*"}'),
        *(" or ", " + ", ", ", "=", "-", ":", " bool ", " offset 5m", " @ end()", "[5m]", "[5m:1m]"),
        *("sum(", "scalar(", "max_over_time(", "label_replace(", '"springtide_query"', ") or (", " # x\n"),
        *("(", ")", "{", "}", "[", "]", '"', "'", "`", "#", "\n", "\r", "\\"),
    ]
)


@given(st.lists(FRAGMENTS, min_size=1, max_size=7).map("".join))
@settings(deadline=None, max_examples=400)
def test_no_query_that_is_taken_along_changes_another_or_itself(server: Server, now: datetime, query: str) -> None:
    assume(query.strip() and is_closed(query))
    questions = [of(server, text, now) for text in ("steady", query, "month")]
    try:
        together = asked_at_once(questions)
    except DemandUnusable:
        return  # it is asked for by halves then, and at last alone

    assert together == [alone(question) for question in questions]


def of(server: Server, query: str, now: datetime) -> RangeQuestion:
    return RangeQuestion(
        address=PrometheusAddress.parse(server.url),
        query=query,
        first=now - timedelta(minutes=3),
        last=now,
        step=timedelta(minutes=1),
    )


def alone(question: RangeQuestion) -> object:
    try:
        with asked_alone(question.address) as ask:
            return ask(question)
    except SpringtideError as error:
        return error.message
