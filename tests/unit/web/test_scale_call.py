"""The article's call: what POST starts, what GET only plans, and what stands in the way of a second run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from springtide.record.audit import AuditPage
from springtide.web.ports import AirflowHealth, DagRunState
from support.builders import policy_text
from support.simulation import Simulation
from support.web import ADMIN, OPERATOR, VIEWER, WebScene


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    return WebScene.of(Simulation.of(2), tmp_path)


async def post(scene: WebScene, query: str = "?name=web&pods=3", caller: Any = OPERATOR, **how: Any) -> Any:
    async with scene.client(caller) as client:
        return await client.post(f"/scale/{query}", **how)


async def test_a_post_queues_one_run_and_says_where_it_is(scene: WebScene) -> None:
    answer = await post(scene, "?name=web&pods=3&reason=sale+at+noon")

    assert answer.status_code == 202
    (run,) = scene.starts.runs
    assert (run.dag_id, run.caller, run.conf) == (
        "scale_service",
        "ann",
        {"service": "web", "replicas": "3", "strategy": "policy", "reason": "sale at noon", "dry_run": False},
    )
    assert answer.json()["run_id"] == run.run_id
    assert answer.json()["state"] == "queued"
    assert answer.headers["location"] == f"/dags/scale_service/runs/{run.run_id}"


async def test_a_get_plans_and_starts_nothing(scene: WebScene) -> None:
    async with scene.client(VIEWER) as client:
        answer = await client.get("/scale/?name=web&pods=3")

    assert answer.status_code == 200
    assert (answer.json()["current"], answer.json()["replicas"], answer.json()["refused"]) == (2, 3, None)
    assert scene.starts.runs == []
    assert scene.simulation.store.latest() == ()


async def test_a_get_that_is_to_execute_is_refused(scene: WebScene) -> None:
    async with scene.client() as client:
        answer = await client.get("/scale/?name=web&pods=3&execute=true")

    assert (answer.status_code, answer.json()["code"], answer.headers["allow"]) == (405, "use_post", "POST")
    assert scene.starts.runs == []


async def test_while_its_run_goes_on_a_service_is_busy(scene: WebScene) -> None:
    first = await post(scene)

    second = await post(scene, "?name=web&pods=4")

    assert (second.status_code, second.json()["code"]) == (409, "service_busy")
    assert second.json()["run"]["run_id"] == first.json()["run_id"]
    assert len(scene.starts.runs) == 1


async def test_after_its_end_the_service_is_free(scene: WebScene) -> None:
    first = await post(scene)
    scene.starts.states["scale_service", first.json()["run_id"]] = DagRunState.SUCCESS

    assert (await post(scene, "?name=web&pods=4")).status_code == 202


async def test_a_run_of_another_door_owns_the_service_as_well(scene: WebScene) -> None:
    from springtide.run import phases

    request = scene.simulation.request(3, "by-hand")
    plan = phases.calculate_capacity(scene.simulation.ports(), request)
    phases.create_instances(scene.simulation.ports(), request, plan)

    answer = await post(scene)

    assert (answer.status_code, answer.json()["code"]) == (409, "service_busy")
    assert answer.json()["run"]["run_id"] == "by-hand"
    assert answer.json()["run"]["phase"] == "create_instances"
    assert answer.json()["run"]["since"] is not None
    assert scene.starts.runs == []


async def test_what_is_to_wait_its_turn_is_queued_behind_the_other(scene: WebScene) -> None:
    await post(scene)

    answer = await post(scene, "?name=web&pods=4&queue=true")

    assert answer.status_code == 202
    assert [run.conf.get("queue") for run in scene.starts.runs] == [None, True]


async def test_the_same_key_and_request_is_answered_with_the_same_run(scene: WebScene) -> None:
    key: dict[str, Any] = {"headers": {"Idempotency-Key": "order-1"}}

    first = await post(scene, **key)
    again = await post(scene, **key)

    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["run_id"] == again.json()["run_id"]
    assert (first.json()["repeated"], again.json()["repeated"]) == (False, True)
    assert len(scene.starts.runs) == 1


async def test_the_same_key_with_another_request_is_a_conflict(scene: WebScene) -> None:
    first = await post(scene, headers={"Idempotency-Key": "order-1"})

    other = await post(scene, "?name=web&pods=4", headers={"Idempotency-Key": "order-1"})
    body = await post(scene, headers={"Idempotency-Key": "order-1"}, json={"reason": "another"})

    for answer in (other, body):
        assert (answer.status_code, answer.json()["code"]) == (409, "key_conflict")
        assert answer.json()["run"]["run_id"] == first.json()["run_id"]


async def test_another_person_s_key_is_another_key(scene: WebScene) -> None:
    await post(scene, headers={"Idempotency-Key": "order-1"})

    answer = await post(scene, caller=ADMIN, headers={"Idempotency-Key": "order-1"})

    assert answer.json()["code"] == "service_busy"


async def test_a_key_whose_start_failed_is_free(scene: WebScene) -> None:
    scene.starts.paused_dags.add("scale_service")
    refused = await post(scene, headers={"Idempotency-Key": "order-1"})
    scene.starts.paused_dags.clear()

    answer = await post(scene, headers={"Idempotency-Key": "order-1"})

    assert (refused.json()["code"], answer.status_code) == ("dag_paused", 202)


@pytest.mark.parametrize("part", ["scheduler", "triggerer"])
async def test_no_run_is_queued_that_would_stand_still(scene: WebScene, part: str) -> None:
    alive = {"scheduler": True, "triggerer": True, "dag_processor": True} | {part: False}
    scene.starts.alive = AirflowHealth(**alive)

    answer = await post(scene)

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (503, "airflow_unhealthy", part)
    assert answer.headers["retry-after"] == "30"
    assert scene.starts.runs == []


async def test_what_was_refused_is_kept_with_who_and_why(scene: WebScene) -> None:
    await post(scene, "?name=web&pods=400&reason=panic")

    (record,) = scene.simulation.store.audit(AuditPage(limit=9))
    assert (record.who, record.service, record.code, record.reason) == ("ann", "web", "pods_too_many", "panic")


async def restricted(scene: WebScene) -> None:
    text = policy_text("web").replace('"owner": "team-web"', '"owner": "team-web", "may_scale": ["bob", "role:admin"]')
    assert "may_scale" in text
    scene.folder.joinpath("web.yaml").write_text(text)


async def test_a_policy_says_who_may_scale_its_service(scene: WebScene) -> None:
    await restricted(scene)

    ann = await post(scene)
    ada = await post(scene, caller=ADMIN)

    assert (ann.status_code, ann.json()["code"]) == (403, "not_allowed")
    assert ada.status_code == 202


async def test_who_has_no_right_does_not_learn_whether_a_service_exists(scene: WebScene) -> None:
    there = await post(scene, caller=VIEWER)
    missing = await post(scene, "?name=nothing&pods=3", caller=VIEWER)

    assert there.status_code == 403
    assert there.json() == missing.json()


async def test_what_a_body_says_is_judged_as_the_form_is(scene: WebScene) -> None:
    good = await post(scene, json={"reason": "sale", "dry_run": True})
    bad = await post(scene, json={"strategy": "guess"})
    unknown = await post(scene, json={"pods": 3})

    assert good.status_code == 202
    assert scene.starts.runs[0].conf["dry_run"] is True
    assert (bad.status_code, bad.json()["code"]) == (422, "strategy_unknown")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "parameter_invalid")


async def test_a_policy_that_was_edited_counts_as_it_is_now(scene: WebScene) -> None:
    app = scene.app()
    async with scene.client(made=app) as client:
        before = await client.post("/scale/?name=web&pods=60")
        text = policy_text("web", replicas={"min": 1, "max": 100})
        scene.folder.joinpath("web.yaml").write_text(text)
        after = await client.post("/scale/?name=web&pods=60")

    assert before.json()["code"] == "pods_too_many"
    assert after.status_code == 202
