"""Runs over REST and as a page: found, looked at live and ended, and asked to stop by a run of `abort_run`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from springtide.errors import SpringtideError
from springtide.run import phases, pipeline
from springtide.run.aborting import request_abort
from springtide.run.approval import keep_approved
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match
from support.simulation import WORKLOAD, Simulation
from support.web import VIEWER, WebScene

LIVE = "manual__2026-11-27T16:05:21.123456+00:00"
MARKUP = "<script>alert(1)</script>"


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    return WebScene.of(Simulation.of(2), tmp_path)


def ran(scene: WebScene, run_id: str, replicas: int, *, by: str = "ann", reason: str = "the sale") -> None:
    """Do a whole run, whatever it comes to."""
    request = replace(scene.simulation.request(replicas, run_id), requested_by=by, reason=reason)
    with suppress(SpringtideError):  # its record says it
        pipeline.run(scene.simulation.ports(run_id), request)


def begun(scene: WebScene, run_id: str = LIVE) -> None:
    """Let a run create its instances and go on no further."""
    ports = scene.simulation.ports(run_id)
    request = scene.simulation.request(5, run_id)
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))


async def got(scene: WebScene, path: str) -> Any:
    async with scene.client() as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json() if "/api/" in path else answer.text


async def posted(scene: WebScene, path: str, body: Any) -> tuple[int, Any]:
    async with scene.client() as client:
        answer = await client.post(path, json=body)
    return answer.status_code, answer.json()


class TestFinding:
    """The list, by who, why, service and outcome, a page at a time."""

    async def test_pages_follow_each_other_and_end(self, scene: WebScene) -> None:
        for number in range(3):
            ran(scene, f"run-{number}", 3 + number % 2)

        first = await got(scene, "/api/v1/runs?limit=2")
        second = await got(scene, f"/api/v1/runs?limit=2&cursor={quote(first['next'])}")

        assert [run["run_id"] for run in first["items"]] == ["run-2", "run-1"]
        assert ([run["run_id"] for run in second["items"]], second["next"]) == (["run-0"], None)

    @pytest.mark.parametrize(
        ("search", "found"),
        [
            ("by=BEA", ["run-2"]),
            ("event=singles", ["run-1"]),
            ("outcome=failed", ["run-3"]),
            ("service=web", ["run-3", "run-2", "run-1"]),
            ("service=web&by=ann&outcome=succeeded", ["run-1"]),
            ("by=100%25", []),
        ],
    )
    async def test_what_is_looked_for_is_found_and_nothing_else(
        self, scene: WebScene, search: str, found: list[str]
    ) -> None:
        ran(scene, "run-1", 3, reason="singles-day asks 3.2x")
        ran(scene, "run-2", 2, by="bea")
        ran(scene, "run-3", 4000)

        answer = await got(scene, f"/api/v1/runs?{search}")

        assert [run["run_id"] for run in answer["items"]] == found

    @pytest.mark.parametrize(
        ("search", "code"),
        [
            ("outcome=green", "parameter_invalid"),
            ("cursor=nonsense", "cursor_invalid"),
            ("cursor=MjAyNi0xMS0yOCBydW4", "cursor_invalid"),
            ("limit=0", "parameter_invalid"),
            ("limit=1000000", "parameter_invalid"),
        ],
    )
    async def test_what_cannot_be_looked_for_is_refused(self, scene: WebScene, search: str, code: str) -> None:
        async with scene.client() as client:
            answer = await client.get(f"/api/v1/runs?{search}")

        assert (answer.status_code, answer.json()["code"]) == (422, code)


class TestOneRun:
    """The same values by REST and as a page."""

    async def test_an_ended_run_says_what_it_did_and_how_many_pods_served_over_its_seconds(
        self, scene: WebScene
    ) -> None:
        ran(scene, "run-1", 4)

        run = await got(scene, "/api/v1/runs/run-1")

        assert run["headline"].startswith("web 2 → 4, done after ")
        assert (run["is_live"], run["tone"], run["unknown"]) == (False, "good", [])
        assert [run["course"][0][name] for name in ("stable", "new", "stable_serving", "new_serving")] == [2, 0, 2, 0]
        assert [run["course"][-1][name] for name in ("stable", "new", "new_serving")] == [0, 4, 4]
        assert "switch to the new set" in " ".join(write["what"] for write in run["writes"])
        assert {check["status"] for check in run["smoke"]} == {"pass"}
        assert [phase["phase"] for phase in run["phases"]][:2] == ["calculate_capacity", "create_instances"]

    async def test_who_approved_its_plan_stands_with_it(self, scene: WebScene) -> None:
        ran(scene, "run-1", 4)
        keep_approved(scene.surroundings().open_store, "run-1", "approved by bea", scene.clock.now())
        keep_approved(scene.surroundings().open_store, "run-9", "approved by bea", scene.clock.now())  # nobody knows it

        assert (await got(scene, "/api/v1/runs/run-1"))["approved"] == "approved by bea"

    async def test_its_phases_stand_alone(self, scene: WebScene) -> None:
        ran(scene, "run-1", 4)

        answer = await got(scene, "/api/v1/runs/run-1/phases")

        assert answer["items"][-1]["message"] == "exactly 4 pods serve"

    async def test_an_unknown_run_is_not_there(self, scene: WebScene) -> None:
        async with scene.client() as client:
            answer = await client.get("/api/v1/runs/run-9")

        assert (answer.status_code, answer.json()["code"]) == (404, "run_unknown")

    async def test_a_page_of_a_run_that_goes_on_says_when_it_may_end_and_offers_to_abort_it(
        self, scene: WebScene
    ) -> None:
        for number in range(4):
            ran(scene, f"run-{number}", 3 + number % 2)
        begun(scene)

        page = await got(scene, f"/pages/runs/{quote(LIVE, safe='')}")

        assert 'data-live="yes"' in page
        assert "ends in about" in page
        assert f'<input type="hidden" name="run" value="{LIVE}">' in page
        assert "Abort and roll back…</button>" in page
        assert "disabled title" not in page

    async def test_who_may_not_abort_sees_no_button(self, scene: WebScene) -> None:
        begun(scene)

        async with scene.client(VIEWER) as client:
            page = (await client.get(f"/pages/runs/{quote(LIVE, safe='')}")).text

        assert 'data-live="yes"' in page
        assert "Abort and roll back" not in page

    async def test_a_run_that_was_refused_has_its_sentence_and_no_chart(self, scene: WebScene) -> None:
        ran(scene, "run-1", 4000)

        page = await got(scene, "/pages/runs/run-1")

        assert "web, refused: pods: the number 4000 is too many." in page
        assert "run-figure" not in page
        assert "<h2>Phases</h2>" not in page

    async def test_foreign_words_are_text(self, scene: WebScene) -> None:
        ran(scene, "run-1", 4, by=MARKUP, reason=MARKUP)

        page = await got(scene, "/pages/runs/run-1")

        assert MARKUP not in page
        assert "&lt;script&gt;alert(1)" in page

    async def test_a_cluster_that_is_away_takes_nothing_else_with_it(self, scene: WebScene) -> None:
        begun(scene)
        scene.folder.joinpath("web.yaml").write_text("{")  # nobody knows where its cluster is any more

        page = await got(scene, f"/pages/runs/{quote(LIVE, safe='')}")

        assert "the Lease was not looked at" in page
        assert "<h2>Phases</h2>" in page

    async def test_a_run_that_is_not_there_yet_and_one_of_another_dag_are_told_apart(self, scene: WebScene) -> None:
        waiting = await got(scene, "/pages/runs/run-9")
        other = await got(scene, "/pages/runs/run-9?dag=adjust_capacity")

        assert "Nothing is known of run run-9 yet." in waiting
        assert 'data-live="yes"' in waiting
        assert "This is a run of adjust_capacity" in other

    async def test_a_dashboard_is_linked_over_the_time_of_the_run_and_a_wrong_template_is_told(
        self, scene: WebScene
    ) -> None:
        ran(scene, "run-1", 4)
        scene.environ = {"SPRINGTIDE_GRAFANA_URL": "https://grafana.example/d?s={service}&from={from}&to={to}"}
        linked = await got(scene, "/api/v1/runs/run-1")
        page = await got(scene, "/pages/runs/run-1")
        scene.environ = {"SPRINGTIDE_GRAFANA_URL": "javascript:alert({service})"}
        wrong = await got(scene, "/api/v1/runs/run-1")

        (dashboard,) = [link["href"] for link in linked["links"] if link["title"] == "Grafana"]
        assert dashboard.startswith("https://grafana.example/d?s=web&from=17")
        assert page.count("https://grafana.example/d?s=web") == 2, "the link, and its text for a frame of Airflow's"
        assert [link["title"] for link in wrong["links"]] == ["Service web"]
        assert "SPRINGTIDE_GRAFANA_URL" in wrong["unknown"][0]


class TestAborting:
    """Judged at once, asked by a run of `abort_run` in the caller's name."""

    async def test_it_queues_the_run_that_asks(self, scene: WebScene) -> None:
        begun(scene)

        status, answer = await posted(scene, f"/api/v1/runs/{quote(LIVE, safe='')}/abort", {"reason": "they are slow"})

        (run,) = scene.starts.runs
        assert (status, answer["run_id"], run.dag_id) == (202, run.run_id, "abort_run")
        assert run.conf == {"service": "web", "run_id": LIVE, "reason": "they are slow"}
        assert (run.caller, run.note) == ("ann", f"abort {LIVE}: they are slow")

    @pytest.mark.parametrize(
        ("run_id", "body", "status", "code"),
        [
            ("run-1", {"reason": "it has ended"}, 409, "abort_impossible"),
            (LIVE, {"reason": " "}, 422, "reason_invalid"),
            (LIVE, {"reason": "two\nlines"}, 422, "reason_invalid"),
            (LIVE, {}, 400, "parameter_required"),
            (LIVE, {"reason": "x", "force": True}, 422, "parameter_invalid"),
            ("run-9", {"reason": "nobody knows it"}, 404, "run_unknown"),
        ],
    )
    async def test_what_cannot_be_asked_is_refused(
        self, scene: WebScene, run_id: str, body: dict[str, Any], status: int, code: str
    ) -> None:
        ran(scene, "run-1", 3)
        begun(scene)

        answer = await posted(scene, f"/api/v1/runs/{quote(run_id, safe='')}/abort", body)

        assert (answer[0], answer[1]["code"], scene.starts.runs) == (status, code, [])

    async def test_a_run_that_was_asked_already_says_who_did(self, scene: WebScene) -> None:
        begun(scene)
        request_abort(scene.simulation.ports(), WORKLOAD, "web", by="bea", reason="they are slow")

        run = await got(scene, f"/api/v1/runs/{quote(LIVE, safe='')}")
        status, answer = await posted(scene, f"/api/v1/runs/{quote(LIVE, safe='')}/abort", {"reason": "me too"})

        assert run["abort"]["asked"] == "aborted by bea: they are slow"
        assert (status, answer["code"]) == (409, "abort_impossible")

    async def test_its_end_says_who_aborted_it_and_what_serves(self, scene: WebScene) -> None:
        def abort() -> None:
            request_abort(scene.simulation.ports(), WORKLOAD, "web", by="bea", reason="they are slow")

        pause = Fault(FaultKind.PAUSE, meanwhile=abort)
        scene.simulation.world.faults = FaultPlan().at(Match(method="PATCH", path="/services/web"), pause, skip=3)
        ran(scene, "run-1", 4)

        run = await got(scene, "/api/v1/runs/run-1")

        assert run["outcome"] == "rolled_back"
        assert "aborted by bea: they are slow" in run["headline"]
        assert run["headline"].endswith("Deployment web serves as before, with 2 ready endpoints.")
