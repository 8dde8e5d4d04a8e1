"""What is verified besides the pods: the smoke test, the databases behind the service, its stability for a while."""

from __future__ import annotations

from collections.abc import Iterator

from springtide.kube.observation import Observation
from springtide.plan.findings import Finding, FindingStatus
from springtide.policy.scaling.databases import DatabaseCheck
from springtide.run.engine import Decide
from springtide.run.ports import Ports
from springtide.run.work import Work
from springtide.strategy.model import Decision, Done, RunOrder, Wait
from springtide.verify.database import unfit
from springtide.verify.smoke import smoke_test
from springtide.verify.stability import stability_test
from springtide.verify.verdict import CheckResult, Verdict, VerdictStatus


def gate(ports: Ports, work: Work, decide: Decide) -> Decide:
    """Return `decide` behind the databases: while one is unfit nothing is written, and the phase waits.

    It waits no longer than the phase's own deadline: then the run rolls back, which no database holds up.
    """
    checks = work.state.databases

    def decide_behind_databases(observation: Observation, order: RunOrder) -> Decision:
        # Asked last, when there is something to write: a wait of minutes would ask the database at every look.
        decision = decide(observation, order)
        if isinstance(decision, Wait | Done):
            return decision
        problems = [problem for check in checks if (problem := unfit(check, ports.databases.look(check))) is not None]
        return Wait("; ".join(problems)) if problems else decision

    return decide_behind_databases


def verdict_of(ports: Ports, work: Work) -> Verdict:
    """Return the verdict over the smoke test and the databases, and when those passed over the stability test."""
    service = work.engine.look().service
    state = work.state
    smoke = smoke_test(state.smoke, service, ports.route, ports.instant)
    verdict = Verdict.of([*smoke.checks, *(_checked(ports, check) for check in state.databases)])
    if state.stability is None or verdict.status is not VerdictStatus.PASS:
        return verdict
    stable = stability_test(
        state.stability,
        state.smoke,
        service=service,
        route=ports.route,
        clock=ports.clock,
        between=work.engine.heartbeat,
    )
    # Once more: what the new pods did to the databases shows after the window, not before it.
    return Verdict.of([*verdict.checks, stable, *(_checked(ports, check) for check in state.databases)])


def _checked(ports: Ports, check: DatabaseCheck) -> CheckResult:
    problem = unfit(check, ports.databases.look(check))
    status = VerdictStatus.PASS if problem is None else VerdictStatus.FAIL
    return CheckResult(f"database {check.name}", status, problem or "fit")


def database_findings(ports: Ports, checks: tuple[DatabaseCheck, ...]) -> Iterator[Finding]:
    """Yield what the preflight finds: one finding per database."""
    for check in checks:
        problem = unfit(check, ports.databases.look(check))
        if problem is None:
            yield Finding(check="database", status=FindingStatus.PASSED, message=f"database {check.name} is healthy")
        else:
            message = f"{problem}. A run would wait for it and roll back: start it when the database is healthy."
            yield Finding(check="database", status=FindingStatus.REFUSED, message=message, code="database_unfit")
