"""The SDK and the real application, without a socket: what one sends, the other takes, and the other way round."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from springtide.sdk import (
    AsyncSpringtide,
    Busy,
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    NotLoggedIn,
    Server,
    StillRunning,
)
from support.web import URL
from unit.sdk.installation import installation


def client_of(folder: Path, token: str = "ann", *, is_held: bool = True) -> AsyncSpringtide:
    _, airflow = installation(folder, is_held=is_held)
    return AsyncSpringtide(Server(url=URL, token=token, retries=0), transport=httpx.ASGITransport(airflow))


async def test_a_run_is_started_once_however_often_it_is_sent(tmp_path: Path) -> None:
    async with client_of(tmp_path) as springtide:
        first = await springtide.scale("web", 3, reason="sale at noon", key="sale-1")
        again = await springtide.scale("web", 3, reason="sale at noon", key="sale-1")

    assert (first.run_id, first.started.is_repeated) == (again.run_id, False)
    assert again.started.is_repeated
    assert first.link == f"{URL}/dags/scale_service/runs/{first.run_id}"


async def test_a_key_of_another_request_is_a_conflict(tmp_path: Path) -> None:
    async with client_of(tmp_path) as springtide:
        await springtide.scale("web", 3, key="sale-1")
        with pytest.raises(Conflict) as raised:
            await springtide.scale("web", 4, key="sale-1")

    assert raised.value.code == "key_conflict"


async def test_a_busy_service_names_its_run_and_can_be_queued_for(tmp_path: Path) -> None:
    async with client_of(tmp_path) as springtide:
        first = await springtide.scale("web", 3)
        with pytest.raises(Busy) as raised:
            await springtide.scale("web", 4)
        behind = await springtide.scale("web", 4, queue=True)

    assert raised.value.link == first.link
    assert behind.run_id != first.run_id


async def test_a_plan_is_read(tmp_path: Path) -> None:
    async with client_of(tmp_path) as springtide:
        plan = await springtide.plan("web", 3)

    assert (plan.service, plan.current, plan.replicas) == ("web", 2, 3)
    assert plan.record["refused"] is None


@pytest.mark.parametrize(
    ("service", "replicas", "kind", "code"),
    [
        ("wbe", 3, NotFound, "service_unknown"),
        ("web", 0, Invalid, "zero_refused"),
        ("web", "six", Invalid, "pods_not_integer"),
        ("web", 1_000_000, Invalid, "pods_too_many"),
    ],
    ids=str,
)
async def test_a_refusal_has_its_code_and_words(
    service: str, replicas: int | str, kind: type[Exception], code: str, tmp_path: Path
) -> None:
    async with client_of(tmp_path) as springtide:
        with pytest.raises(kind) as raised:
            await springtide.scale(service, replicas)

    assert vars(raised.value)["code"] == code


@pytest.mark.parametrize(("token", "kind"), [("vic", NotAllowed), ("nobody-at-all", NotLoggedIn)])
async def test_who_may_not_is_told(token: str, kind: type[Exception], tmp_path: Path) -> None:
    async with client_of(tmp_path, token) as springtide:
        with pytest.raises(kind):
            await springtide.scale("web", 3)


async def test_the_end_of_a_run_is_told_in_its_own_words(tmp_path: Path) -> None:
    told: list[str] = []
    async with client_of(tmp_path, is_held=False) as springtide:
        run = await springtide.scale("web", 3, reason="sale at noon")
        ended = await run.wait(60, on_progress=lambda state: told.append(str(state)))

    assert (ended.outcome, ended.is_ended) == ("succeeded", True)
    assert "2 → 3" in ended.headline
    assert told == [ended.headline]


async def test_a_run_of_which_nothing_is_kept_yet_is_queued(tmp_path: Path) -> None:
    async with client_of(tmp_path) as springtide:
        run = await springtide.scale("web", 3)
        state = await run.state()
        with pytest.raises(StillRunning):
            await run.wait(0)

    assert (state.outcome, state.is_ended) == ("queued", False)
