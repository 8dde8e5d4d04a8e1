"""What a run's first step leaves for the later ones, and how the last one ends the run."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from springtide.errors import PermanentError, TemporaryError, WorkloadFailed
from springtide.record.model import RunOutcome
from springtide.run import phases
from springtide.run.approval import approval_page
from springtide.run.planned import PlannedRun, approval_record, begun_run, close_run, failure_of, plan_run
from springtide.run.ports import RunRequest
from springtide.run.request_parameters import STALE_AFTER
from support.simulation import Simulation

NOW = datetime(2026, 11, 11, 12, 0, tzinfo=UTC)


def request(simulation: Simulation, replicas: int = 4) -> RunRequest:
    return simulation.request(replicas)


def planned(replicas: int = 4, *, dry_run: bool = False) -> PlannedRun:
    simulation = Simulation.of(2, strategy="in_place")
    return PlannedRun(phases.calculate_capacity(simulation.ports(), request(simulation, replicas)), dry_run)


@pytest.mark.parametrize(
    ("replicas", "dry_run", "is_unchanged"), [(4, False, False), (4, True, True), (2, False, True)]
)
def test_nothing_is_changed_by_a_dry_run_or_where_there_is_nothing_to_do(
    replicas: int, *, dry_run: bool, is_unchanged: bool
) -> None:
    run = planned(replicas, dry_run=dry_run)

    assert run.is_unchanged is is_unchanged
    assert run.summary()["outcome"] == ("planned_only" if dry_run else run.plan.outcome)
    assert run.summary()["dry_run"] is dry_run
    assert run.summary()["replicas"] == replicas


def test_nothing_is_changed_by_advice_and_its_summary_says_so() -> None:
    simulation = Simulation.of(2, strategy="in_place")
    spec = simulation.policy.spec.model_copy(update={"mode": "advise"})
    simulation.policy = simulation.policy.model_copy(update={"spec": spec})
    run = plan_run(simulation.ports(), request(simulation))

    assert run.is_unchanged
    assert run.summary()["outcome"] == "planned_only"
    assert PlannedRun.from_record(json.loads(json.dumps(run.to_record()))) == run
    assert {call.method for call in simulation.world.history.calls} == {"GET"}


def test_it_is_stored_and_read_again() -> None:
    run = planned(dry_run=True)

    assert PlannedRun.from_record(json.loads(json.dumps(run.to_record()))) == run


class TestBegun:
    """What is known of a run whose first step was killed after it had begun to write, and left no plan."""

    def test_its_plan_is_that_of_the_record(self) -> None:
        simulation = Simulation.of(2, strategy="in_place")
        plan = phases.calculate_capacity(simulation.ports(), request(simulation))
        phases.create_instances(simulation.ports(), request(simulation), plan)

        assert begun_run(lambda: nullcontext(simulation.store), "run-1") == PlannedRun(plan, dry_run=False)

    def test_one_that_only_has_a_plan_has_nothing_to_undo(self) -> None:
        simulation = Simulation.of(2, strategy="in_place")
        phases.calculate_capacity(simulation.ports(), request(simulation))

        assert begun_run(lambda: nullcontext(simulation.store), "run-1") is None

    def test_one_that_has_ended_is_begun_no_more(self) -> None:
        simulation = Simulation.of(2, strategy="in_place")
        simulation.run(4)

        assert begun_run(lambda: nullcontext(simulation.store), "run-1") is None

    def test_nobody_knows_of_a_run_that_was_never_asked_for(self) -> None:
        assert begun_run(lambda: nullcontext(Simulation.of(2).store), "run-1") is None

    def test_a_store_that_does_not_answer_says_nothing(self) -> None:
        def silent() -> Any:
            raise TemporaryError("the store does not answer", code="store_unavailable")

        assert begun_run(silent, "run-1") is None


class TestApproved:
    def test_where_nobody_was_asked_the_request_stays_as_it_is(self) -> None:
        asked = request(Simulation.of(2))

        assert planned().as_approved(asked, None, NOW) == asked

    @pytest.mark.parametrize(
        ("waited", "dry_run", "only_plans"),
        [
            (timedelta(0), False, False),
            (STALE_AFTER, False, False),
            (STALE_AFTER + timedelta(seconds=1), False, True),
            (timedelta(0), True, True),
        ],
    )
    def test_an_answer_counts_for_an_hour_and_never_makes_a_dry_run_a_real_one(
        self, waited: timedelta, *, dry_run: bool, only_plans: bool
    ) -> None:
        run = planned(dry_run=dry_run)
        late = replace(request(Simulation.of(2)), dry_run=True)  # hours after it was due

        approved = run.as_approved(late, approval_record(run.plan, NOW), NOW + waited)

        assert approved.approved == run.plan.fingerprint
        assert approved.dry_run is only_plans

    def test_what_others_wrote_is_only_text_on_the_page_that_asks(self) -> None:
        plan = planned().plan
        finding = replace(plan.findings[0], message="a|b `c`\n# d")

        page = approval_page(replace(plan, findings=(finding,)), request(Simulation.of(2)), NOW)

        assert page.splitlines()[-1].endswith("| `a/b 'c' # d` |")


class TestTheEnd:
    def test_a_failure_is_told_in_the_words_of_the_step_that_failed(self) -> None:
        record = WorkloadFailed("6 of 8 are ready", code="crash_loop", field="pods").to_record()

        told = failure_of("instances_ready", record)
        untold = failure_of("instances_ready", None)

        assert (told.code, told.field, told.message) == ("crash_loop", "pods", "instances_ready: 6 of 8 are ready")
        assert (untold.code, untold.field) == ("task_failed", "instances_ready")

    def test_a_run_that_did_what_it_was_asked_to_says_so(self) -> None:
        simulation = Simulation.of(2, strategy="in_place")
        plan = phases.calculate_capacity(simulation.ports(), request(simulation))
        assert simulation.run(4) is RunOutcome.SUCCEEDED

        ended = close_run(simulation.ports(), PlannedRun(plan, dry_run=False), None, run_id="run-1")

        assert (ended["outcome"], ended["current"], ended["replicas"]) == ("succeeded", 2, 4)

    def test_a_run_without_a_plan_failed_and_is_kept_as_failed(self) -> None:
        simulation = Simulation.of(2, strategy="in_place")
        phases.calculate_capacity(simulation.ports(), request(simulation))
        error = failure_of("calculate_capacity", None)

        with pytest.raises(PermanentError, match=r"^failed: calculate_capacity failed without words"):
            close_run(simulation.ports(), None, error, run_id="run-1")

        kept = simulation.store.get("run-1")
        assert kept.outcome is RunOutcome.FAILED
        assert kept.error is not None
        assert kept.error["code"] == "task_failed"
