"""What the smoke test comes to: its checks, the databases, and whether all stays well for a while."""

from __future__ import annotations

from springtide.policy.scaling.databases import DatabaseCheck
from springtide.policy.scaling.strategy import BlueGreen
from springtide.run.drain import Watch, WatchingClock
from springtide.run.gates import database_problem
from springtide.run.ports import Ports
from springtide.run.questions import questions_of
from springtide.run.work import Work
from springtide.verify.smoke import checks_after_switch, smoke_test
from springtide.verify.stability import stability_test
from springtide.verify.verdict import CheckResult, Verdict, VerdictStatus


def verdict_of(ports: Ports, work: Work) -> Verdict:
    """Return the verdict over the smoke test and the databases, and when those passed over the stability test.

    Raises:
        WorkloadFailed: what was switched to does not serve well while it is asked.
    """
    service = work.last_look().service
    state = work.state
    asked = questions_of(ports, state)
    unasked = asked.unasked("its checks", (*state.smoke, *state.databases) or state.stability)
    if unasked is not None:
        return Verdict.of([CheckResult("policy", VerdictStatus.INCONCLUSIVE, unasked)])
    watch = Watch(ports, work)
    ways = ports.ways_to(state.plan.target)
    checks = checks_after_switch(asked.smoke, state.settings)
    # Without a switch there is nothing to point back at, so a moment of trouble counts where the policy says so.
    between = watch if isinstance(state.settings, BlueGreen) else work.engine.heartbeat
    smoke = smoke_test(checks, service, ways, ports.instant, between=between)
    verdict = Verdict.of([*smoke.checks, *(_checked(ports, work, check) for check in asked.databases)])
    if asked.stability is None or verdict.status is not VerdictStatus.PASS:
        return verdict
    stable = stability_test(
        asked.stability,
        checks,
        destination_of=lambda check: ways.to_service(check, service),
        clock=WatchingClock(ports.clock, watch),
        instant=ports.instant,
        between=watch,
    )
    # Once more: what the new pods did to the databases shows after the window, not before it.
    return Verdict.of([*verdict.checks, *stable, *(_checked(ports, work, check) for check in asked.databases)])


def _checked(ports: Ports, work: Work, check: DatabaseCheck) -> CheckResult:
    problem = database_problem(ports, work, check)
    status = VerdictStatus.PASS if problem is None else VerdictStatus.FAIL
    return CheckResult(f"database {check.name}", status, problem or "fit")
