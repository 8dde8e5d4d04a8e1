"""Many services at once: order, pace, what they share, and names of runs of their own."""

from __future__ import annotations

from collections.abc import Callable

from safeties.safety import Safety, answering, patched, without, wrapped
from springtide.events import waves
from springtide.fleet import learning, progress, sharing
from springtide.record import pruning

WAVES = "unit/events/test_waves.py"


def by_the_instant_alone(real: Callable[..., str]) -> Callable[..., str]:
    return lambda parent, *rest, **way: real(parent.partition("__")[2], *rest, **way)


def all_at_once(real: Callable[..., int]) -> Callable[..., int]:
    return lambda *what, at_most: real(*what, at_most=1000 * at_most)


SAFETIES = (
    Safety(
        name="A service grows when what it comes after stands",
        keeps="load reaches a database that has not grown yet",
        take_out=patched((waves._State, "missing"), to=answering([])),
        seen_by=f"{WAVES}::test_a_service_starts_when_what_it_comes_after_stands",
        because="assert",
    ),
    Safety(
        name="What comes after a failure is held back",
        keeps="load reaches a database that could not grow",
        take_out=patched((waves._State, "_is_lost"), to=answering(False)),
        seen_by=f"{WAVES}::test_a_failure_holds_back_its_dependants_and_nobody_else",
        because="it does not end",
    ),
    Safety(
        name="Pods start at the pace of the calendar",
        keeps="a thousand pods start at once, and the API server with them",
        take_out=without(waves, "opens_at"),
        seen_by=f"{WAVES}::test_the_pace_says_when_it_goes_on",
        because="assert",
    ),
    Safety(
        name="A look at the nodes that runs share is old after ten seconds",
        keeps="a wave is admitted by the room that was there before its own pods",
        take_out=patched((sharing, "NODES_SECONDS"), to=float("inf")),
        seen_by="unit/fleet/test_sharing.py::test_a_look_at_the_nodes_is_old_after_a_while",
        because="assert",
    ),
    Safety(
        name="Runs that share a database wait for each other",
        keeps="two overlaps together take more connections than there are",
        take_out=without(waves._State, "crowd"),
        seen_by="unit/events/test_connections.py::test_who_waits_says_for_whom_and_for_what",
        because="assert",
    ),
    Safety(
        name="The name of a child run holds the DAG of its parent",
        keeps="a sweep and a preparation that are due at one instant take each other's runs for their own",
        take_out=wrapped(
            progress,
            "child_run_id",
            lambda real: lambda parent, *of, **way: real(parent.partition("__")[2], *of, **way),
        ),
        seen_by="unit/fleet/test_conductor.py::TestNamesOfRuns::"
        "test_a_sweep_and_a_preparation_due_at_one_instant_share_none",
        because="assert",
    ),
    Safety(
        name="The store forgets some rows at a time",
        keeps="every run waits for the store's one writer while it forgets a year, and fails",
        take_out=wrapped(pruning, "remove_oldest", all_at_once),
        seen_by="unit/record/test_pruning_in_parts.py::test_no_writer_waits_for_more_than_a_few_rows[sqlite]",
        because="assert 7 == 2",
    ),
    Safety(
        name="What an attempt to learn had begun comes last in the next",
        keeps="one service that kills its task is met first by every attempt, and none behind it is ever learned",
        take_out=patched((learning.Attempts, "has_begun"), to=answering(False)),
        seen_by="unit/fleet/test_learning.py::TestTheNextAttempt::"
        "test_goes_on_where_the_one_before_was_killed_and_takes_what_killed_it_last",
        because="assert",
    ),
)
