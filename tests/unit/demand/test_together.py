"""Demand that is asked for together is what it would be alone: each number, each error, whatever its neighbours are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from springtide.demand.together import LARGEST_BYTES, MOST_POINTS
from springtide.policy.scaling.demand import PrometheusDemand
from support.demand_readers import Readers, spec_of
from unit.demand.many_queries import REFUSED, Many, Said
from unit.demand.prometheus_server import Prometheus, failure, text

WARNED = {"warnings": ["PromQL warning: encountered a mix of histograms and floats"]}
AWAY = {"warnings": ["receive series from Addr: 10.0.0.7:10901: connection refused"]}


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let waits between tries take no time."""
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda _seconds: None)


@pytest.fixture
def many(prometheus: Prometheus) -> Many:
    return Many(server=prometheus)


def specs_of(number: int, **settings: Any) -> list[PrometheusDemand]:
    return [spec_of(f"demand_{each:04d}", **settings) for each in range(number)]


BAD = {
    "nothing": Said(series=[]),
    "several": Said(series=[{"pod": "a"}, {"pod": "b"}, {"pod": "c"}, {"pod": "d"}]),
    "NaN": Said(value="NaN"),
    "infinite": Said(value="+Inf"),
    "negative": Said(value="-1"),
    "histogram": Said(form="histograms", value="1"),
    "no number": Said(value="many"),
    "refused": Said(refusal=REFUSED),
    "too many samples": Said(refusal=failure(422, "execution", "query processing would load too many samples")),
    "doubtful": Said(extra=WARNED),
    "not whole": Said(extra=AWAY),
    "hint": Said(extra={"infos": ["PromQL info: metric might not be a counter"]}),
    "overloaded": Said(refusal=failure(503, "timeout", "query timed out in expression evaluation")),
    "labelled": Said(series=[{"__name__": "x", "springtide_query": "a"}]),
    "two of one tag": Said(series=[{"springtide_query": "a"}, {"springtide_query": "b"}]),
    "forged tag": Said(series=[{"springtide_query": "0-12345678:"}]),
}


@pytest.mark.parametrize("folder", [None, "kept"])
@pytest.mark.parametrize("name", BAD)
def test_whatever_one_answers_it_and_its_neighbours_are_as_if_alone(
    many: Many, tmp_path: Path, name: str, folder: str | None
) -> None:
    specs = specs_of(12)
    many.table[specs[5].query] = BAD[name]
    alone = Readers(many.server.url, specs, kept=tmp_path / "alone" if folder else None).all()
    assert not many.posts

    together = Readers(many.server.url, specs, most=100, kept=tmp_path / "together" if folder else None).all()

    assert together == alone
    assert many.posts
    assert [isinstance(each, tuple) and isinstance(each[0], str) for each in together].count(True) >= 11


@pytest.mark.parametrize(
    "query",
    ["demand_7) or (demand_8", 'demand_7{a="b}', "demand_7, demand_8", "demand_7 # \r) or (demand_8", "(demand_7"],
)
def test_a_query_that_might_reach_into_a_neighbour_goes_alone(many: Many, query: str) -> None:
    specs = [spec_of("demand_1"), spec_of(query), spec_of("demand_2")]

    Readers(many.server.url, specs, most=100).all()

    assert [asked["query"] for asked in many.gets] == [query]
    assert len(many.posts) == 1
    assert query not in many.posts[0]["query"]


def test_two_hundred_and_fifty_services_make_five_requests_at_most(many: Many) -> None:
    specs = [spec_of(f'sum(rate(http_requests_total{{namespace="shop",service="{n:04d}"}}[2m]))') for n in range(250)]

    found = Readers(many.server.url, specs, most=100).all()

    assert len(many.server.asked) <= 5
    assert all(isinstance(each, tuple) and set(each[3]) == {float(f"{n:04d}2")} for n, each in enumerate(found))


def test_a_sweep_later_what_is_kept_is_continued_by_few_requests(many: Many, tmp_path: Path) -> None:
    specs = specs_of(60, lookback="6h")
    for number in range(60):  # each was read at another moment of the last quarter
        reader = Readers(many.server.url, specs, kept=tmp_path)
        reader.clock.sleep(number * 14 - 1200)
        reader.read(number)
    many.server.asked.clear()
    many.server.methods.clear()
    reader = Readers(many.server.url, specs, most=100, kept=tmp_path)

    found = reader.all()

    assert len(many.posts) <= 2
    assert not many.gets
    assert found == Readers(many.server.url, specs).all()


def test_one_that_is_refused_is_found_by_halving(many: Many) -> None:
    specs = specs_of(64)
    many.table[specs[40].query] = BAD["refused"]

    Readers(many.server.url, specs, most=100).all()

    assert [asked["query"] for asked in many.gets if asked["query"] == specs[40].query] == [specs[40].query]
    assert len(many.gets) <= 2
    assert len(many.posts) <= 12


@pytest.mark.parametrize(
    ("post", "most"),
    [
        (text(405, "method not allowed"), 7),
        (text(413, "request entity too large"), 7),
        (failure(403, "forbidden", "no"), 7),
        (text(503, "overloaded"), 2),
        (text(200, "<html>log in</html>"), 7),
    ],
)
def test_where_it_only_fails_all_are_soon_asked_alone(many: Many, post: Any, most: int) -> None:
    specs = specs_of(40)
    many.post = post
    readers = Readers(many.server.url, specs, most=10)

    found = [readers.read(number) for number in range(40)]

    assert len(many.posts) == most
    assert len(many.gets) == 40
    assert found == Readers(many.server.url, specs).all()


def test_a_server_that_does_not_tag_is_not_believed(many: Many) -> None:
    specs = specs_of(10)
    many.untagged = True

    assert Readers(many.server.url, specs, most=100).all() == Readers(many.server.url, specs).all()


def test_only_the_same_points_of_time_are_asked_for_together(many: Many) -> None:
    specs = [*specs_of(4), *specs_of(4, lookback="2h"), *specs_of(4, step="30s")]

    Readers(many.server.url, specs, most=100).all()

    assert sorted((int(asked["end"]) - int(asked["start"]), asked["step"]) for asked in many.posts) == [
        (3540, "60"), (3570, "30"), (7140, "60"),
    ]  # fmt: skip
    assert not many.gets


def test_a_minute_later_the_newest_point_is_asked_for(many: Many) -> None:
    specs = specs_of(4)
    readers = Readers(many.server.url, specs, most=100)
    readers.read(0)
    readers.clock.sleep(45)

    found = readers.read(1)

    alone = Readers(many.server.url, specs)
    alone.clock.sleep(45)
    assert found == alone.read(1)
    assert len(many.posts) == 2


def test_an_answer_counts_for_half_a_minute(many: Many) -> None:
    specs = specs_of(4, step="5m")
    readers = Readers(many.server.url, specs, most=100)
    for number, seconds in enumerate((0, 30, 1, 0)):
        readers.clock.sleep(seconds)
        readers.read(number)

    assert [len(asked["query"].split(" or ")) for asked in many.posts] == [4, 2]


def test_a_slow_sweep_does_not_ask_for_one_again_and_again(many: Many) -> None:
    specs = specs_of(20)
    readers = Readers(many.server.url, specs, most=100)
    for number in range(20):
        readers.read(number)
        readers.clock.sleep(61)

    for spec in specs:
        assert sum(spec.query in asked["query"] for asked in many.server.asked) <= 4


@pytest.mark.parametrize(
    ("specs", "requests"),
    [
        ([spec_of(f"sum({'x' * 3000}_{n})") for n in range(20)], 4),
        ([spec_of(f"x_{n}", lookback="7d") for n in range(20)], 5),
    ],
    ids=["long", "far"],
)
def test_a_request_is_bounded(many: Many, specs: list[PrometheusDemand], requests: int) -> None:
    Readers(many.server.url, specs, most=100).all()

    assert len(many.posts) == requests
    for asked in many.posts:
        points = (int(asked["end"]) - int(asked["start"])) // int(asked["step"]) + 1
        assert len(asked["query"].encode()) <= LARGEST_BYTES
        assert points * asked["query"].count("label_replace") <= MOST_POINTS


def test_it_logs_in_as_each_would(prometheus: Prometheus) -> None:
    many = Many(server=prometheus)
    specs = specs_of(3)
    url = prometheus.url.replace("://", "://reader:p%40ss@")

    Readers(url, specs, most=100).all()

    assert len(many.posts) == len(prometheus.headers) == 1
    assert prometheus.headers[0]["Authorization"] == "Basic cmVhZGVyOnBAc3M="


def test_a_thread_that_fails_keeps_no_other_waiting(many: Many, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise KeyError("fault")

    monkeypatch.setattr("springtide.demand.together.FewRequests.answers", broken)
    readers = Readers(many.server.url, specs_of(3), most=100)
    with pytest.raises(KeyError):
        readers.read(0)

    assert isinstance(readers.read(1), tuple)
    assert len(many.gets) == 1
