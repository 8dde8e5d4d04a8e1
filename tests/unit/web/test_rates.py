"""How fast one person may ask."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from springtide.clock import ManualClock
from springtide.errors import InputError
from springtide.web.rates import Rates
from support.simulation import Simulation
from support.web import ADMIN, WebScene


def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 28, tzinfo=UTC))


def test_a_bucket_is_empty_after_as_many_requests_and_fills_again() -> None:
    time = clock()
    rates = Rates(2, time)

    assert [rates.wait("ann"), rates.wait("ann")] == [0, 0]
    assert rates.wait("ann") == 30
    time.sleep(30)
    assert rates.wait("ann") == 0
    assert rates.wait("ann") == 30


def test_everybody_has_a_bucket() -> None:
    rates = Rates(1, clock())

    assert [rates.wait("ann"), rates.wait("bob")] == [0, 0]
    assert rates.wait("ann") > 0


def test_waiting_fills_no_more_than_a_bucket() -> None:
    time = clock()
    rates = Rates(1, time)
    time.sleep(3600)

    assert rates.wait("ann") == 0
    assert rates.wait("ann") > 0


async def test_who_asks_too_fast_is_told_when_to_come_back(tmp_path: Path) -> None:
    scene = WebScene.of(Simulation.of(2), tmp_path, SPRINGTIDE_REST_WRITES="1")
    app = scene.app()

    async with scene.client(made=app) as client:
        first = await client.post("/scale/?name=web&pods=3")
        second = await client.post("/scale/?name=web&pods=3")
        read = await client.get("/api/v1/policies")
    async with scene.client(ADMIN, made=app) as client:
        other = await client.post("/scale/?name=web&pods=3")

    assert first.status_code == 202
    assert (second.status_code, second.json()["code"], second.headers["retry-after"]) == (429, "rate_limited", "60")
    assert read.status_code == 200
    assert other.json()["code"] == "service_busy"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("REST_WRITES", "0"),
        ("REST_REQUESTS", "many"),
        ("REST_BODY", "1"),
        ("REST_AT_ONCE", "41"),
        ("REST_KEYS", "31"),
        ("PAGE_TOKEN", "-1"),
    ],
)
def test_a_limit_that_is_none_is_told_with_what_is_allowed(tmp_path: Path, setting: str, value: str) -> None:
    scene = WebScene.of(Simulation.of(2), tmp_path, **{f"SPRINGTIDE_{setting}": value})

    with pytest.raises(InputError) as refused:
        scene.app()

    assert (refused.value.code, refused.value.field) == ("limit_invalid", f"SPRINGTIDE_{setting}")
