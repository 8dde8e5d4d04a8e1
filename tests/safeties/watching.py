"""What says when to look: a wait depends on no watch, and no write goes by one, nor by what the phase before saw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from safeties.safety import Safety, answering, patched, without, wrapped
from springtide.kube.following import WatchedObjects
from springtide.run import handover, peeking
from springtide.run.work import Work

RUNS = "sim/test_watched_runs.py"
FOLLOWING = "unit/kube/test_following.py"
HANDOVER = "unit/run/test_handover.py"

Real = Callable[..., Any]


def whatever_it_shows(_real: Real) -> Real:
    def careless(work: Work, *_asked: object) -> Any:
        return work.handover.look(work.ports.clock.monotonic())

    return careless


SAFETIES = (
    Safety(
        name="A wait does not depend on the watch",
        keeps="an event that is missed holds a run up until its deadline",
        take_out=patched((peeking, "longest_seconds"), to=answering(float("inf"))),
        seen_by=f"{RUNS}::test_what_nobody_showed_is_seen_within_the_time_for_which_watches_are_trusted",
        because="assert",
    ),
    Safety(
        name="A watch that is broken shows nothing",
        keeps="a wait goes by what was before an API server went away",
        take_out=without(WatchedObjects, "lose"),
        seen_by=f"{FOLLOWING}::test_whatever_ends_it_nobody_may_rely_on_what_it_has_shown",
        because="assert",
    ),
    Safety(
        name="While new pods have all the traffic, a run looks every few seconds whatever is watched",
        keeps="pods that break during the drain are seen when the stable ones are gone",
        take_out=patched((peeking, "URGENT_SECONDS"), to=float("inf")),
        seen_by=f"{RUNS}::test_pods_that_fail_during_the_drain_are_seen_where_every_watch_is_half_open",
        because="assert",
    ),
    Safety(
        name="What writes looks anew, whatever the phase before has seen",
        keeps="stable pods are taken away by what served a second ago",
        take_out=wrapped(Work, "_enough", around=whatever_it_shows),
        seen_by=f"{HANDOVER}::TestNoWriteGoesByIt::test_what_writes_looks_anew",
        because="assert",
    ),
    Safety(
        name="What the phase before has seen is old after a second",
        keeps="a phase is done by what was there before a wait",
        take_out=patched((handover, "LOOK_SECONDS"), to=float("inf")),
        seen_by=f"{HANDOVER}::TestNoWriteGoesByIt::test_a_look_is_old_after_a_second",
        because="assert",
    ),
    Safety(
        name="A plan of a while ago is looked at again before anything is created",
        keeps="a person approves after an hour what the cluster denies by then",
        take_out=patched((handover, "KNOWN_SECONDS"), to=float("inf")),
        seen_by=f"{HANDOVER}::TestNothingIsAskedTwice::test_a_plan_of_a_while_ago_is_looked_at_again",
        because="assert",
    ),
)
