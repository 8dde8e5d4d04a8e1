"""A run that waits for longer than a Lease lasts shows that it lives, so nobody takes it over.

Whoever looks for abandoned runs sees nothing but the Lease where it cannot ask: it must never stand still.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from invariants import Begin, Evidence, Terms, broken
from springtide.record.model import RunOutcome
from springtide.run.renewal import DURATION_SECONDS
from support.simulation import Simulation

PATIENT = {"ready": "10m", "switched": "10m", "removed": "10m"}
WAITS = 150
"""Seconds: two and a half Leases."""


def late_pods(strategy: str) -> Simulation:
    """Return a workload whose new pods count only after a long while."""
    simulation = Simulation.of(2, strategy=strategy, deadlines=PATIENT)
    deployment = simulation.deployment("web")
    assert deployment is not None
    spec = deployment["spec"] | {"minReadySeconds": WAITS}
    simulation.world.apply({**deployment, "spec": spec}, manager="kubectl-edit")
    simulation.world.advance(WAITS + 5)
    return simulation


def long_drain() -> Simulation:
    """Return a workload whose old pods keep their requests for a long while."""
    return Simulation.of(2, drain=f"{WAITS}s", deadlines=PATIENT)


SLOW = {
    "blue_green, late pods": lambda: late_pods("blue_green"),
    "in_place, late pods": lambda: late_pods("in_place"),
    "blue_green, long drain": long_drain,
}


@pytest.mark.parametrize("case", SLOW)
def test_its_lease_is_renewed_so_often_that_one_renewal_may_be_lost(case: str) -> None:
    simulation = SLOW[case]()
    begin = Begin.now(simulation.world)

    outcome = simulation.run(4)

    evidence = Evidence.of(simulation.world, begin, Terms(start=2, target=4))
    renewals = [lease.at for lease in evidence.leases]
    assert outcome is RunOutcome.SUCCEEDED
    assert broken(evidence) == []
    assert renewals[-1] - renewals[0] > WAITS
    longest_silence = max(later - earlier for earlier, later in pairwise(renewals))
    assert longest_silence <= DURATION_SECONDS / 2
