"""What people stop: the halt switch before every write, freezes before every run, and a run that somebody aborts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from safeties.safety import Safety, answering, patched, without, wrapped
from springtide.errors import SpringtideError
from springtide.run import aborted, admission, halt, halted, phases
from springtide.run.aborted import AbortWatch
from springtide.run.fence import Fence
from springtide.run.ports import Ports

Real = Callable[..., Any]

HALTS = "unit/run/test_halt_switch.py"
ABORTS = "unit/run/test_aborting.py"
FREEZES = "unit/run/test_freezes_by_hand.py"


def silence_is_a_no(real: Real) -> Real:
    def careless(*arguments: Any) -> Any:
        try:
            return real(*arguments)
        except SpringtideError:
            return None

    return careless


SAFETIES = (
    Safety(
        name="The halt switch is asked before every write",
        keeps="a run goes on although somebody has stopped everything",
        take_out=without(Fence, "_require_running"),
        seen_by=f"{HALTS}::TestUnderWay::test_its_next_write_is_not_done",
        because="DID NOT RAISE",
    ),
    Safety(
        name="Nothing begins while it is halted",
        keeps="a run takes a Lease, and stops half-way in the first second",
        take_out=patched((phases, "require_unhalted"), (Ports, "require_running"), to=answering(None)),
        seen_by=f"{HALTS}::TestNothingBegins::test_by_the_config_map_of_its_namespace",
        because="assert",
    ),
    Safety(
        name="An answer about the switch counts for seconds alone",
        keeps="a long run never hears of the halt",
        take_out=patched((halt, "FRESH_SECONDS"), to=1e9),
        seen_by=f"{HALTS}::TestReading::test_an_answer_is_asked_for_again_when_it_is_old",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A switch that cannot be read is no switch that is not pulled",
        keeps="an API server in trouble lifts the halt",
        take_out=wrapped(halt, "_of_namespace", silence_is_a_no),
        seen_by=f"{HALTS}::TestReading::test_an_api_server_that_fails_is_no_answer",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A halt leaves the way back what serving needs of it",
        keeps="requests go to new pods that fail until somebody resumes",
        take_out=patched((halted, "_serves"), to=answering(False)),
        seen_by=f"{HALTS}::TestUnderWay::test_new_pods_that_fail_give_way_to_the_old_ones_and_stay",
        because="assert",
    ),
    Safety(
        name="A freeze binds the runs that people start",
        keeps="somebody scales by hand while everything is to stand still",
        take_out=patched((admission, "freeze_findings"), to=answering(())),
        seen_by=f"{FREEZES}::test_a_run_by_hand_is_refused_and_told_which_freeze_until_when_and_how_it_is_lifted",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A run looks whether it is aborted before every write",
        keeps="a run goes on to give pods traffic that somebody has asked to take back",
        take_out=without(AbortWatch, "_answer"),
        seen_by=f"{ABORTS}::TestUnderWay::test_it_stops_before_its_next_write_and_rolls_back",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A run whose stable pods are gone is not aborted",
        keeps="a run that only has its new pods left ends half-way, as one for a person",
        take_out=patched((aborted, "can_be_undone"), to=answering(True)),
        seen_by=f"{ABORTS}::TestUnderWay::test_once_the_stable_pods_are_gone_it_ends_and_says_that_it_was_too_late",
        because="aborted by ann",
    ),
)
