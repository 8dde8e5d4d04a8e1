"""The pages of services: what stands on them, and that foreign text is only text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from springtide.clock import ManualClock
from springtide.overview.service_history import HistoryQuery
from springtide.web.app import create_app
from springtide.web.pages.service_figure import figure_of
from springtide.web.pages.spark import HEIGHT, WIDTH, gauge_of, spark_of
from springtide.web.service_views import ServiceViews
from support.many_services import EVIL, ManyServices
from support.web import OPERATOR, VIEWER, Client

NOON = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)


def scene(tmp_path: Path, count: int) -> ManyServices:
    return ManyServices(count, tmp_path / "scene", ManualClock(NOON))


async def got(services: ManyServices, path: str) -> httpx.Response:
    async with Client(create_app(services.surroundings()), VIEWER, by_cookie=True) as client:
        return await client.get(path)


async def posted(services: ManyServices, path: str, body: dict[str, Any]) -> httpx.Response:
    async with Client(create_app(services.surroundings()), OPERATOR) as client:
        return await client.post(path, json=body)


async def test_without_a_policy_the_page_says_what_to_do(tmp_path: Path) -> None:
    answer = await got(scene(tmp_path, 0), "/pages/services")

    assert answer.status_code == 200
    assert "springtide init NAMESPACE" in answer.text
    assert "<table" not in answer.text


async def test_three_services_are_rows_with_their_numbers_and_their_actions(tmp_path: Path) -> None:
    text = (await got(scene(tmp_path, 3), "/pages/services")).text

    assert re.findall(r'<a href="/pages/services/([a-z]+)">', text) == ["search", "payments", "checkout"]
    assert "<strong>15</strong> ready / 15 wanted" in text
    assert 'data-opens="scale" data-set-service="checkout"' in text
    assert 'data-opens="resume" data-set-service="payments"' in text
    assert 'aria-label="checkout, the last 24 hours:' in text


@pytest.mark.parametrize("path", ["/pages/services", "/pages/services/search"])
async def test_what_somebody_wrote_into_a_reason_is_text_and_never_markup(tmp_path: Path, path: str) -> None:
    answer = await got(scene(tmp_path, 3), path)

    assert answer.status_code == 200
    assert "evil" in answer.text
    assert EVIL not in answer.text
    assert "<img" not in answer.text
    assert not re.findall(r"<script(?![^>]*(?:src=|application/json))", answer.text)


async def test_the_data_of_the_plot_reads_back_and_holds_no_markup(tmp_path: Path) -> None:
    text = (await got(scene(tmp_path, 3), "/pages/services/search")).text
    (data,) = re.findall(r'<script type="application/json" id="figure">(.*?)</script>', text)

    assert "<" not in data
    names = [trace["name"] for trace in json.loads(data)["data"]]
    assert names == ["ready", "models ask for", "decided", "runs"]


async def test_a_service_that_is_none_is_a_page_that_says_so(tmp_path: Path) -> None:
    answer = await got(scene(tmp_path, 1), "/pages/services/nothing")

    assert answer.status_code == 404
    assert "there is no policy" in answer.text
    assert "text/html" in answer.headers["content-type"]


async def test_a_folder_that_cannot_be_read_is_a_page_that_says_so(tmp_path: Path) -> None:
    services = scene(tmp_path, 0)
    (services.folder / "policies").rmdir()

    answer = await got(services, "/pages/services")

    assert answer.status_code == 422
    assert "folder of policies cannot be read" in answer.text


async def test_a_search_without_a_match_says_how_to_find_more(tmp_path: Path) -> None:
    text = (await got(scene(tmp_path, 3), "/pages/services?q=%3Cb%3E")).text

    assert "No service matches “&lt;b&gt;”" in text
    assert "0 of 3 services" in text


async def test_rest_lists_shows_and_searches(tmp_path: Path) -> None:
    services = scene(tmp_path, 3)

    listed = (await got(services, "/api/v1/services?limit=2")).json()
    assert ([item["service"] for item in listed["items"]], listed["next"]) == (["search", "payments"], "2")
    following = (await got(services, "/api/v1/services?limit=2&cursor=2")).json()
    assert ([item["service"] for item in following["items"]], following["next"]) == (["checkout"], None)
    assert (await got(services, "/api/v1/services/checkout")).json()["wanted"] == 15
    failed = (await got(services, "/api/v1/services/search/history?outcome=failed")).json()
    assert [run["outcome"] for run in failed["items"]] == ["failed"]
    assert (await got(services, "/api/v1/services/search/history?outcome=green")).json()["code"] == "outcome_unknown"
    assert (await got(services, "/api/v1/services/nothing/plan")).json()["code"] == "service_unknown"


async def test_giving_back_queues_a_release_and_refuses_what_holds_nothing(tmp_path: Path) -> None:
    services = scene(tmp_path, 1)
    refused = await posted(services, "/api/v1/services/checkout/release", {"reason": "the sale is over"})
    assert (refused.status_code, refused.json()["code"]) == (422, "nothing_held")

    services.policy(0, strategy={"type": "floor", "expires": "12h"})
    queued = await posted(services, "/api/v1/services/checkout/release", {"reason": "the sale is over"})
    assert queued.status_code == 202
    (run,) = services.starts.runs
    assert run.conf == {"service": "checkout", "replicas": "release", "reason": "the sale is over"}
    assert queued.json()["run_id"] == run.run_id


def test_a_picture_ends_with_now_and_stays_within_its_frame(tmp_path: Path) -> None:
    found = ServiceViews.of(scene(tmp_path, 1).surroundings()).detail("checkout", HistoryQuery())
    drawn = spark_of(found.row, NOON, timedelta(days=1))

    assert drawn is not None
    xs = [float(x) for x in re.findall(r"[MH]([0-9.]+)", drawn.demand)]
    ys = [float(y) for y in re.findall(r"[V,]([0-9.]+)", drawn.demand)]
    assert (xs[0] >= 0, xs[-1]) == (True, WIDTH)
    assert all(0 <= y <= HEIGHT for y in ys)
    assert [stripe.name for stripe in drawn.stripes] == ["flash"]
    assert drawn.floor.count("M") == 1
    gauge = gauge_of(found.row)
    assert gauge is not None
    assert (gauge.filled, gauge.wanted) == (25.0, 25.0)


def test_a_curve_is_interrupted_where_nobody_looked(tmp_path: Path) -> None:
    found = ServiceViews.of(scene(tmp_path, 1).surroundings()).detail("checkout", HistoryQuery())
    torn = replace(found, course=(*found.course[:10], *found.course[40:]))
    (ready,) = [trace for trace in figure_of(torn)["data"] if trace["name"] == "ready"]

    assert ready["y"].count(None) == 1
