"""How the DAGs beside `scale_service` end: what became of it stands in the note, no failing word has a traceback."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from springtide.errors import PermanentError, TemporaryError
from springtide_airflow.ends import ends_in_words
from springtide_airflow.errors import ErrorWordPolicy, ToldFailure
from support.dag_notes import kept_note
from support.fleet import Fleet
from support.fleet_scene import Scene

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

    from springtide.errors import SpringtideError
    from support.simulation import Simulation

# Airflow's own: its plugin loader, and the execution API that `dag.test()` asks
pytestmark = pytest.mark.filterwarnings(
    "ignore:GitWildMatchPattern:DeprecationWarning", "ignore:Using `httpx`", "ignore:Multiple rows returned"
)


@pytest.fixture
def observation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(Fleet({"db": (), "web": ("db",)}), tmp_path, monkeypatch)


@pytest.fixture
def printed(capfd: pytest.CaptureFixture[str]) -> Any:
    """Return what was printed since it was asked for last."""
    return lambda: " ".join(capfd.readouterr())


def has_traceback(text: str) -> bool:
    return "Traceback" in text or "Task failed with exception" in text


def event(observation: Scene, **services: int) -> dict[str, Any]:
    asks = {name: {"replicas": replicas} for name, replicas in services.items()}
    ends = {"start": observation.at(minutes=10) + "Z", "end": observation.at(hours=1) + "Z"}
    return {"name": "flash", "services": asks} | ends


class TestPrepareEvents:
    def test_the_note_says_what_stands_and_for_which_event(self, bag: DagBag, observation: Scene) -> None:
        state, _ = observation.run(bag, "prepare_events", event=event(observation, web=6, db=5))

        assert state == "success"
        assert observation.note.startswith("prepare_events: 2 services are as asked\n")
        assert "    for: ad-hoc.flash." in observation.note
        assert "    web: 2 → 6: " in observation.note

    def test_what_falls_short_stands_first_with_both_numbers(
        self, bag: DagBag, observation: Scene, printed: Any
    ) -> None:
        state, _ = observation.run(bag, "prepare_events", event=event(observation, web=80, db=5))

        assert state == "failed"
        assert observation.note.startswith("prepare_events: 1 of 2 services is not as asked\n")
        assert "    web: 80 are asked for and 50 stand: " in observation.note
        assert observation.note.index("web: 80") < observation.note.index("db: ")
        assert "    to do: " in observation.note
        assert not has_traceback(printed())

    def test_what_cannot_be_found_is_told_before_what_follows_of_it(
        self, bag: DagBag, observation: Scene, printed: Any
    ) -> None:
        state, _ = observation.run(bag, "prepare_events", event={"name": "flash", "services": {}})

        assert state == "failed"
        assert observation.note.startswith("prepare_events: find_events failed\n\n    why: ")
        assert not has_traceback(printed())


class TestAdjustCapacity:
    def test_the_note_says_how_many_services_are_as_asked(self, bag: DagBag, observation: Scene) -> None:
        assert observation.run(bag, "adjust_capacity")[0] == "success"

        assert observation.note.startswith("adjust_capacity: 2 services are as asked\n")

    def test_a_broken_calendar_stands_above_what_the_sweep_did(
        self, bag: DagBag, observation: Scene, printed: Any
    ) -> None:
        (observation.folder / "calendars" / "sales.yaml").write_text("spec: [")

        assert observation.run(bag, "adjust_capacity")[0] == "failed"

        assert observation.note.startswith("adjust_capacity: check_calendars failed\n")
        assert "sales.yaml" in observation.note
        assert "adjust_capacity: 2 services are as asked" in observation.note
        assert not has_traceback(printed())

    def test_a_service_that_cannot_be_looked_at_has_no_traceback(
        self, bag: DagBag, observation: Scene, printed: Any
    ) -> None:
        (observation.folder / "policies" / "db.yaml").write_text("spec: [")

        assert observation.run(bag, "adjust_capacity")[0] == "failed"

        assert observation.note.startswith("adjust_capacity: 2 of 2 services are not as asked\n")
        assert not has_traceback(printed())


def test_an_event_that_cannot_be_met_stands_in_the_note_of_the_check(
    bag: DagBag, observation: Scene, printed: Any
) -> None:
    asks = {"web": {"replicas": 80}}
    observation.calendar({"name": "flash", "start": observation.at(hours=20), "duration": "1h", "services": asks})

    assert observation.run(bag, "check_calendars")[0] == "failed"

    assert observation.note.startswith("check_calendars: check_calendars failed\n")
    assert "replicas.max is 50" in observation.note
    assert not has_traceback(printed())


def test_a_rehearsal_that_is_refused_says_why_in_its_note(bag: DagBag, observation: Scene, printed: Any) -> None:
    assert observation.run(bag, "rehearse_event", event="nobody.knows")[0] == "failed"

    assert observation.note.startswith("rehearse_event: find_event failed\n")
    assert "confirm is False" in observation.note
    assert not has_traceback(printed())


@pytest.mark.parametrize(
    ("dag_id", "conf"),
    [
        ("abort_run", {"service": "checkout", "reason": "no run owns it"}),
        ("pause_service", {"service": "checkout", "action": "resume", "reason": "it is not paused"}),
        ("approve_event", {"service": "checkout", "event": "sale", "up_to": 4, "reason": "a try"}),
    ],
)
def test_what_is_asked_by_hand_and_refused_says_so_in_the_note(
    bag: DagBag, simulation: Simulation, printed: Any, dag_id: str, conf: dict[str, Any]
) -> None:
    assert not simulation.world.history.writes()
    run = bag.dags[dag_id].test(run_conf=conf)

    assert str(run.state.value) == "failed"
    (task,) = bag.dags[dag_id].task_ids
    assert kept_note(run).startswith(f"{dag_id}: {task} failed\n\n    why: ")
    assert not has_traceback(printed())


class TestWords:
    @staticmethod
    def ended(error: SpringtideError) -> ToldFailure:
        """Return what ends a task by `error`."""

        class Instance:
            def xcom_push(self, **left: Any) -> None:
                assert error.message in left["value"]

        class Run:
            run_id = "run-1"

        class Task:
            dag_id = "a_dag"
            task_id = "a_task"

        @ends_in_words
        def act(_task: Any, _context: Any) -> None:
            raise error

        context: Any = {"ti": Instance(), "dag_run": Run()}
        task: Any = Task()
        with pytest.raises(ToldFailure) as told:
            act(task, context)
        return told.value

    def test_a_temporary_error_is_tried_again_after_its_delay(self) -> None:
        error = TemporaryError("away", code="away", retry_after=timedelta(seconds=7))

        decision = ErrorWordPolicy().evaluate(self.ended(error), 1, 5)

        assert (decision.action.value, decision.retry_delay) == ("retry", timedelta(seconds=7))

    def test_a_permanent_error_fails_now(self) -> None:
        error = PermanentError("no", code="no")

        assert ErrorWordPolicy().evaluate(self.ended(error), 1, 5).action.value == "fail"
