"""The product as it is run: DAGs of a real Airflow, by its own scheduler, triggerer and connections, under load.

One Airflow, one workload for each scenario, all of them at once, with runs whose Airflow is struck beside them; the
sweep, which looks at every service, after them.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from e2e.airflow_runs import ASKED_BY_DEMAND, CURRENT, TARGET
from e2e.real_airflow import WAITING
from kills.course import SLICE, Course
from kills.table import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.clusters import Cluster
    from e2e.real_airflow import Ran

PHASES = (
    "calculate_capacity",
    "approve",
    "create_instances",
    "instances_ready",
    "switch_endpoints",
    "endpoints_switched",
    "smoke_test",
    "remove_old_instances",
    "instances_removed",
    "report",
)
SKIPPED = ("warm_nodes", "nodes_ready", "roll_back")
DONE = dict.fromkeys(PHASES, "success") | dict.fromkeys(SKIPPED, "skipped") | {"": "success"}
"""The states of a run's tasks, and its own, where all went well; `approve` passes where nobody has to be asked."""

UNDONE = DONE | {
    "smoke_test": "failed",
    "remove_old_instances": "upstream_failed",
    "instances_removed": "upstream_failed",
    "roll_back": "success",
    "report": "failed",
    "": "failed",
}
STANDING = {
    "blue": CURRENT,
    "batched": CURRENT,
    "place": CURRENT,
    "floor": CURRENT,
    "broken": CURRENT,
    "asking": TARGET,
    "coming": TARGET,
    "past": CURRENT,
    "swept": ASKED_BY_DEMAND,
}
"""What the sweep says of every service: `coming` is held by its event, and of `floor` it says the minimum."""

pytestmark = pytest.mark.timeout(1500)  # the first test waits for Airflow and for its own scenario among all the others


@pytest.fixture(scope="module")
def course(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """Every scenario, under way."""
    with ExitStack() as stack:
        course = Course.begin(cluster, tmp_path_factory.mktemp("airflow"), stack)
        yield course
        course.close()


@pytest.mark.parametrize("service", ["blue", "batched", "place"])
def test_a_run_there_and_back(course: Course, service: str) -> None:
    ended = course.ended(service)

    assert [states(ran) for ran in ended.runs] == [DONE, DONE], ended.story()
    ended.then.it_succeeded().exactly(CURRENT).the_service_as_before().nothing_left_behind()
    ended.then.the_lease_is_free().no_request_failed()


def test_a_blue_green_run_waits_for_pods_and_for_its_switch_in_the_triggerer(course: Course) -> None:
    ended = course.ended("blue")

    there, back = ended.runs
    assert there.deferred | back.deferred == WAITING, ended.story()


def test_a_floor_is_raised_and_released(course: Course) -> None:
    ended = course.ended("floor")

    assert [states(ran) for ran in ended.runs] == [DONE, DONE], ended.story()
    ended.then.it_succeeded().exactly(TARGET).the_autoscaler_at(CURRENT, 20).the_service_as_before()
    ended.then.the_lease_is_free().no_request_failed()


def test_a_run_whose_smoke_test_fails_is_rolled_back_and_ends_failed(course: Course) -> None:
    ended = course.ended("broken")

    (ran,) = ended.runs
    assert states(ran) == UNDONE, ended.story()
    ended.then.it_failed("smoke_failed", because="404").the_stable_set_untouched().the_service_as_before()
    ended.then.nothing_left_behind().the_lease_is_free().no_request_failed()


def test_a_plan_that_a_person_approves_is_applied_and_nothing_is_written_before(course: Course) -> None:
    ended = course.ended("asking")

    (ran,) = ended.runs
    assert states(ran) == DONE, ended.story()
    ended.then.it_succeeded().exactly(TARGET).the_service_as_before().nothing_left_behind()
    ended.then.the_lease_is_free().no_request_failed()


def test_an_event_of_the_calendar_is_prepared_by_airflow_s_own_schedule(course: Course) -> None:
    ended = course.ended("coming")

    preparation, ran = ended.runs
    assert set(states(preparation).values()) == {"success"}, ended.story()
    assert states(ran) == DONE, ended.story()
    ended.then.it_succeeded().exactly(TARGET).the_service_as_before().nothing_left_behind()
    ended.then.the_lease_is_free().no_request_failed()


def test_a_backfill_over_a_past_event_says_what_would_have_been_and_writes_nothing(course: Course) -> None:
    ended = course.ended("past")

    (ran,) = ended.runs
    assert ran.state == "success", ended.story()
    (line,) = ran.left["simulated"]
    assert (line["service"], line["planned"], line["needed"], line["short_minutes"]) == ("past", TARGET, CURRENT, 0)
    ended.then.exactly(CURRENT).the_service_as_before().nothing_written().no_request_failed()


def test_a_sweep_scales_what_demand_asks_for_and_leaves_all_others(course: Course) -> None:
    ended = course.ended("swept")

    sweep, ran = ended.runs
    assert set(states(sweep).values()) == {"success"}, ended.story()
    assert states(ran) == DONE, ended.story()
    assert sweep.left["standing"] == STANDING, ended.story()
    assert {service: course.standing(service) for service in STANDING} == STANDING | {"floor": TARGET}
    ended.then.it_succeeded().exactly(ASKED_BY_DEMAND).the_service_as_before().nothing_left_behind()
    ended.then.the_lease_is_free().no_request_failed()


@pytest.mark.parametrize("service", [case.service for case in SLICE])
def test_a_run_outlives_a_part_of_airflow_or_is_ended_by_reconcile_runs(course: Course, service: str) -> None:
    survived = course.survived(service)

    assert survived.is_good, table([survived])


def states(ran: Ran) -> dict[str, str]:
    """Return the states of the tasks, and of the whole."""
    return ran.tasks | {"": ran.state}
