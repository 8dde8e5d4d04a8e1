"""What the DAGs are, as Airflow reads them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from airflow.sdk import BaseSensorOperator, TriggerRule

from springtide.errors import InputError
from springtide.plan.guards import parse_replicas
from springtide.policy.reading.folder import PolicyFolder
from springtide.run.phase_table import PHASES
from springtide.run.state import Phase
from springtide_airflow.errors import ErrorWordPolicy
from support.builders import policy

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

DAG_FILES = {
    "abort_run",
    "adjust_capacity",
    "approve_event",
    "capacity_history",
    "check_calendars",
    "pause_service",
    "prepare_events",
    "reconcile_runs",
    "rehearse_event",
    "release_floors",
    "scale_service",
}


def test_bag_holds_every_dag_and_no_import_error(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == DAG_FILES


def test_every_dag_says_who_owns_it_how_it_is_retried_and_what_it_is_for(bag: DagBag) -> None:
    for dag in bag.dags.values():
        assert dag.doc_md
        assert "springtide" in dag.tags
        assert dag.dagrun_timeout is None  # it would end a run without its roll back
        for task in dag.tasks:
            assert task.owner == "springtide"
            assert task.retries
            assert task.retries >= 2
            assert isinstance(task.retry_policy, ErrorWordPolicy)
            assert task.execution_timeout is None  # not enforced on a deferred task: phases have their own deadlines


def test_every_sensor_has_a_timeout(bag: DagBag) -> None:
    sensors = [task for dag in bag.dags.values() for task in dag.tasks if isinstance(task, BaseSensorOperator)]

    assert sensors
    for sensor in sensors:
        assert 0 < sensor.timeout <= timedelta(days=1).total_seconds()


def test_the_tasks_that_wait_are_the_phases_that_may_be_left_and_taken_up_again(scale_service: DAG) -> None:
    sensors = {task.task_id for task in scale_service.tasks if isinstance(task, BaseSensorOperator)}

    assert sensors == {rule.phase.value for rule in PHASES if rule.is_awaited}


def test_tasks_are_the_phases_of_a_run_in_their_order(scale_service: DAG) -> None:
    forward = [phase.value for phase in Phase if phase not in {Phase.ROLL_BACK, Phase.REPORT}]

    assert set(scale_service.task_ids) == {phase.value for phase in Phase} | {"approve"}
    for before, after in zip(forward, [*forward[1:], "report"], strict=True):
        assert after in scale_service.get_task(before).downstream_task_ids


def test_any_failed_change_rolls_back_and_the_report_is_last(scale_service: DAG) -> None:
    roll_back = scale_service.get_task("roll_back")
    report = scale_service.get_task("report")
    changes = set(scale_service.task_ids) - {"calculate_capacity", "approve", "roll_back", "report"}

    assert roll_back.trigger_rule == TriggerRule.ONE_FAILED
    assert roll_back.upstream_task_ids == changes
    assert report.trigger_rule == TriggerRule.ALL_DONE
    assert report.upstream_task_ids == {"instances_removed", "roll_back"}
    assert report.downstream_task_ids == set()  # the only leaf: it alone decides how the run ends
    assert [task.task_id for task in scale_service.leaves] == ["report"]


def test_form_offers_the_services_that_have_a_policy(scale_service: DAG, policies: Path) -> None:
    (policies / "Not_A_Name.yaml").touch()
    (policies / "notes.txt").touch()
    from springtide_airflow.parameters import scaling_params

    assert scaling_params(PolicyFolder(policies))["service"].schema["enum"] == ["checkout", "search"]
    fields = {"service", "replicas", "strategy", "reason", "until", "override", "dry_run", "queue"}
    assert set(scale_service.params) == fields


def test_form_without_policies_still_is_one(tmp_path: Path) -> None:
    from springtide_airflow.parameters import scaling_params

    assert "enum" not in scaling_params(PolicyFolder(tmp_path))["service"].schema


@pytest.mark.parametrize("value", ["auto", "6", 6, "10000"])
def test_form_takes_a_number_or_auto(scale_service: DAG, value: str | int) -> None:
    assert scale_service.params.get_param("replicas").resolve(value) == value


@pytest.mark.parametrize("value", ["0", 0, -1, "-1", "1.5", 1.5, "abc", "1000000000", 10**9, "", " 5", True, None])
def test_what_is_neither_is_refused_in_words(scale_service: DAG, value: object) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    replicas = scale_service.params.get_param("replicas")

    with pytest.raises((ParamValidationError, InputError)) as refused:
        parse_replicas(replicas.resolve(value), policy=policy(replicas={"min": 1, "max": 10_000}))
    assert "^(" not in str(refused.value)  # a person is answered in words
