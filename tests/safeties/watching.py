"""What is watched says when to look: a wait depends on no watch, and nobody decides by one."""

from __future__ import annotations

from safeties.safety import Safety, answering, patched, without
from springtide.kube.following import WatchedObjects
from springtide.run import peeking

RUNS = "sim/test_watched_runs.py"
FOLLOWING = "unit/kube/test_following.py"

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
)
