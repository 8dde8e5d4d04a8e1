"""How a run ended, in words: how, why, what serves now, what to do, and who asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from springtide.errors import SpringtideError
from springtide.overview.runs import view_of
from springtide.record.model import RunOutcome, ScalingRun
from springtide.run import pipeline
from springtide.run.ended_words import (
    LONGEST_NOTE,
    asked_note,
    ended_lines,
    headline,
    joined_notes,
    merged_note,
    note_of,
    noted,
    told_lines,
)
from springtide.run.sentence import headline_of
from support.simulation import Simulation


def ended(simulation: Simulation, replicas: int = 4, *, dry_run: bool = False) -> ScalingRun:
    request = replace(simulation.request(replicas), dry_run=dry_run)
    try:
        pipeline.run(simulation.ports(), request)
    except SpringtideError:
        assert simulation.store.get("run-1").is_ended
    return simulation.store.get("run-1")


def test_one_that_scaled_says_what_serves() -> None:
    head, said, why, now, *_ = ended_lines(ended(Simulation.of(2)))

    assert head == "web 2 → 4: succeeded"
    assert said.startswith("web 2 → 4, done after ")
    assert why.startswith("why: 4 replicas were asked for")
    assert now == "now: exactly 4 pods serve"


def test_a_dry_run_says_that_nothing_was_changed_and_why() -> None:
    lines = ended_lines(ended(Simulation.of(2), dry_run=True))

    assert lines[0] == "web 2 → 4: planned only"
    assert "planned only: it was a dry run, or cleared more than an hour after it was due" in lines
    assert "now: nothing was changed, 2 replicas as before" in lines


def test_one_that_was_rolled_back_says_what_serves_as_before_and_what_to_do() -> None:
    simulation = Simulation.of(2, smoke=[{"http": {"path": "/no-such-page", "samples": 1}}], only_warn=["smoke"])

    run = ended(simulation)

    assert run.outcome is RunOutcome.ROLLED_BACK
    assert headline(run) == "web 2 → 4: rolled back"
    lines = ended_lines(run)
    assert "as before" in next(line for line in lines if line.startswith("now: "))
    assert "to do: Put right what it says, then start it again." in lines


def test_the_page_the_note_and_who_is_told_read_one_sentence() -> None:
    simulation = Simulation.of(2, smoke=[{"http": {"path": "/no-such-page", "samples": 1}}], only_warn=["smoke"])
    run = ended(simulation)

    sentence = headline_of(run)

    assert sentence.startswith("web 2 → 4, rolled back after ")
    assert view_of(run, (), lease=None, durations=(), now=run.started_at).headline == sentence
    assert sentence in ended_lines(run)
    assert told_lines(simulation.store, "run-1", "the first line\nthe second")[:2] == (sentence, "the second")


def test_where_there_is_no_record_why_is_all_that_is_told() -> None:
    assert told_lines(Simulation.of(2).store, "nobody's", "why\nmore") == ("why", "more")


def test_a_note_is_no_longer_than_airflow_keeps_and_foreign_text_stands_in_a_block() -> None:
    run = replace(ended(Simulation.of(2)), reason="[click](http://evil) # " + "x" * 3000)

    note = note_of(run)

    assert len(note) <= LONGEST_NOTE
    assert all(line.startswith("    ") for line in note.splitlines() if "evil" in line)
    assert note.endswith("run `run-1`")


def test_what_others_wrote_stays_below_and_our_own_is_replaced() -> None:
    first = noted("running", ("asked for",), "run-1")
    second = noted("checkout 2 → 4: succeeded", ("why",), "run-1")

    both = merged_note(second, merged_note(first, "look here: ann", "run-1"), "run-1")

    assert both == f"{second}\n\nlook here: ann"
    assert merged_note(second, None, "run-1") == second
    assert len(merged_note(second, "z" * 2000, "run-1")) <= LONGEST_NOTE


@pytest.mark.parametrize("conf", [{}, {"service": 7}, {"service": "a\nb"}])
def test_a_run_of_no_service_has_no_note_when_it_begins(conf: dict[str, object]) -> None:
    assert asked_note(conf, "ada", "run-1") is None


def test_a_run_that_begins_names_its_service() -> None:
    note = asked_note({"service": "checkout", "replicas": 6, "reason": "sale"}, "ada", "run-1")

    assert note == "running\n\n    asked for: checkout → 6\n    by ada\n    reason: sale\n\nrun `run-1`"


def test_the_notes_of_several_tasks_are_one_with_one_last_line() -> None:
    notes = [
        noted("check failed", ("why",), "run-1"),
        noted("2 services", (), "run-1"),
        noted("2 services", (), "run-1"),
    ]

    assert joined_notes(notes, "run-1") == "check failed\n\n    why\n\n2 services\n\nrun `run-1`"
    assert joined_notes([], "run-1") is None
    assert len(joined_notes([noted("x", ("y" * 900,), "run-1"), noted("z" * 900, (), "run-1")], "run-1") or "") <= 1000
