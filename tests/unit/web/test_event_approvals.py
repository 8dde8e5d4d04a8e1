"""Approving ahead over REST: judged at once, done by a run of the DAG `approve_event` in the caller's name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from springtide.record.approvals import ApprovalAhead
from support.web import VIEWER, WebScene
from support.web_events import web_with_event

GOOD: dict[str, Any] = {"service": "web", "up_to": 6, "reason": "nobody is awake"}
PATH = "/api/v1/events/sales.launch/approve"


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    return web_with_event(tmp_path)


async def posted(scene: WebScene, body: Any, path: str = PATH) -> tuple[int, Any]:
    async with scene.client() as client:
        answer = await client.post(path, json=body)
    return answer.status_code, answer.json()


async def test_an_approval_queues_the_run_that_keeps_it_for_one_time_of_the_event(scene: WebScene) -> None:
    status, answer = await posted(scene, GOOD)

    (run,) = scene.starts.runs
    assert (status, answer["run_id"], run.dag_id, run.caller) == (202, run.run_id, "approve_event", "ann")
    assert run.conf["event"].startswith("sales.launch.20")
    assert (run.conf["service"], run.conf["up_to"], run.conf["take_back"]) == ("web", 6, False)
    assert run.conf["until"] == answer["approval"]["until"].replace("Z", "+00:00")
    assert "nobody is awake" in run.note


async def test_it_is_taken_back_by_such_a_run(scene: WebScene) -> None:
    status, _ = await posted(scene, {"service": "web", "reason": "moved", "take_back": True})

    (run,) = scene.starts.runs
    assert (status, run.conf["take_back"], run.conf["up_to"]) == (202, True, None)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"up_to": 10_001}, 422, "approval_invalid"),
        ({"up_to": 0}, 422, "approval_invalid"),
        ({"up_to": None}, 422, "approval_invalid"),
        ({"up_to": "6"}, 422, "parameter_invalid"),
        ({"up_to": 2.5}, 422, "parameter_invalid"),
        ({"reason": ""}, 422, "reason_invalid"),
        ({"until": "2001-01-01T00:00:00+00:00"}, 422, "approval_over"),
        ({"until": "tomorrow"}, 422, "approval_invalid"),
        ({"service": "wed"}, 404, "service_unknown"),
        ({"by": "bob"}, 422, "parameter_invalid"),
    ],
)
async def test_what_cannot_be_approved_is_refused_at_once(
    scene: WebScene, changes: dict[str, Any], status: int, code: str
) -> None:
    answered, problem = await posted(scene, GOOD | changes)

    assert (answered, problem["code"]) == (status, code)
    assert scene.starts.runs == []


async def test_an_event_that_nobody_knows_is_not_approved(scene: WebScene) -> None:
    status, problem = await posted(scene, GOOD, "/api/v1/events/nosuch/approve")

    assert (status, problem["code"]) == (404, "event_unknown")


async def test_who_may_not_scale_a_service_approves_nothing_for_it(scene: WebScene) -> None:
    policy = scene.simulation.policy
    metadata = policy.metadata.model_copy(update={"may_scale": ("bob",)})
    scene.add_policy(policy.model_copy(update={"metadata": metadata}))

    status, problem = await posted(scene, GOOD)

    assert (status, problem["code"], scene.starts.runs) == (403, "not_allowed", [])


async def test_a_viewer_may_not_approve_and_a_cookie_alone_approves_nothing(scene: WebScene) -> None:
    async with scene.client(VIEWER) as client:
        assert (await client.post(PATH, json=GOOD)).status_code == 403
    async with scene.client(by_cookie=True) as client:
        assert (await client.post(PATH, json=GOOD)).json()["code"] == "bearer_required"
    assert scene.starts.runs == []


async def test_who_looks_sees_what_was_approved(scene: WebScene) -> None:
    now = scene.clock.now()
    approval = ApprovalAhead(
        policy="web",
        target=scene.simulation.policy.spec.target.workload,
        event="sales.launch.20261127T180000Z",
        up_to=6,
        until=now + timedelta(days=1),
        at=now,
        by="ann",
        reason="nobody is awake",
    )
    scene.simulation.store.approve_ahead(approval)

    async with scene.client(VIEWER) as client:
        answer = await client.get("/api/v1/approvals")

    assert answer.json()["items"] == [approval.to_record()]
