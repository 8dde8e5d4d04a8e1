"""What is verified besides the pods before a phase goes on: smoke checks, databases, who answers by the route."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from springtide.errors import DeadlineExceeded, NotFound, PermanentError, WorkloadFailed
from springtide.kube.objects import Pod
from springtide.kube.observation import Observation
from springtide.plan.findings import Finding, FindingStatus
from springtide.policy.scaling.databases import DatabaseCheck
from springtide.policy.scaling.smoke import HttpCheck
from springtide.run.engine import Decide
from springtide.run.journal import keep_verdict
from springtide.run.ports import Ports
from springtide.run.questions import questions_of
from springtide.run.state import JournalStatus, Phase
from springtide.run.work import Work
from springtide.strategy.aside import new_set
from springtide.strategy.model import Decision, Done, Patch, RunOrder, Wait
from springtide.verify.before_switch import smoke_test_of_pods
from springtide.verify.database import unfit
from springtide.verify.identity import wrong_answer
from springtide.verify.smoke import checks_before_switch
from springtide.verify.verdict import Verdict, VerdictStatus


def gate(ports: Ports, work: Work, decide: Decide) -> Decide:
    """Return `decide` behind the databases: while one is unfit nothing is written, and the phase waits.

    It waits no longer than the phase's own deadline: then the run rolls back, which no database holds up.
    """

    def decide_behind_databases(observation: Observation, order: RunOrder) -> Decision:
        # Asked last, when there is something to write: a wait of minutes would ask the database at every look.
        decision = decide(observation, order)
        if isinstance(decision, Wait | Done):
            return decision
        asked = questions_of(ports, work.state)
        unasked = asked.unasked("its databases", work.state.databases)
        looks = (database_problem(ports, work, check) for check in asked.databases)
        problems = [problem for problem in (unasked, *looks) if problem is not None]
        return Wait("; ".join(problems)) if problems else decision

    return decide_behind_databases


def smoke_gate(ports: Ports, work: Work, decide: Decide) -> Decide:
    """Return `decide` behind the smoke checks of before the switch: traffic moves to pods that have passed them.

    Every new pod is asked once for each call of a phase, and again only after that: what the pods are is looked at anew
    behind the answers, which may have taken minutes. The decision that is returned raises `WorkloadFailed` when a pod
    does not pass, and `DeadlineExceeded` when they take longer than `deadlines.smoke`.
    """
    state = work.state
    passed: set[str] = set()

    def decide_behind_pods(observation: Observation, order: RunOrder) -> Decision:
        decision = decide(observation, order)
        if not moves_traffic(decision):
            return decision
        asked = questions_of(ports, state)
        unasked = asked.unasked("its smoke checks", checks_before_switch(state.smoke, state.settings))
        if unasked is not None:
            return Wait(unasked)
        checks = checks_before_switch(asked.smoke, state.settings)
        if not checks:
            return decision
        pods = new_pods(observation, order)
        new = [pod for pod in pods if pod.uid not in passed]
        if pods and not new:
            return decision
        problem = _ask(ports, work, observation, new, checks) if new else "no new pod is ready"
        passed.update(pod.uid for pod in new if problem is None)
        return Wait(problem or f"{len(new)} new pods passed the smoke checks of before the switch")

    return decide_behind_pods


def moves_traffic(decision: Decision) -> bool:
    """Say whether the decision is the write by which new pods get their first request."""
    return isinstance(decision, Patch) and decision.is_switch


def new_pods(observation: Observation, order: RunOrder) -> tuple[Pod, ...]:
    """Return the pods of the new set that would have traffic after the switch."""
    return new_set(observation, order).ready_pods


def _ask(
    ports: Ports, work: Work, observation: Observation, pods: Sequence[Pod], checks: Sequence[HttpCheck]
) -> str | None:
    """Ask `pods`; None when all passed, or why the same has to be looked at again.

    Raises:
        WorkloadFailed: one does not pass, and is still there.
        DeadlineExceeded: they took too long.
    """
    ways = ports.ways_to(work.state.plan.target)
    try:
        verdict = smoke_test_of_pods(checks, pods, observation.required_service, ways, _in_time(ports, work, len(pods)))
    except NotFound as error:
        return error.message
    if verdict.status is VerdictStatus.PASS:
        return None
    present = {pod.uid for pod in work.engine.look().pods if not pod.is_terminating}
    gone = [pod.name for pod in pods if pod.uid not in present]
    if gone:  # what a pod answers while it ends says nothing of the one in its place
        return f"pods {', '.join(gone)} went while they were asked"
    keep_verdict(ports, work.ref.run_id, verdict.to_record())
    raise WorkloadFailed(f"smoke test {verdict.status.value}: {verdict.message}", code="smoke_failed")


def _in_time(ports: Ports, work: Work, pods: int) -> Callable[[], None]:
    """Return what is called between two requests: it renews the Lease, and ends a test that takes too long."""
    limit = work.state.settings.deadlines.smoke
    end = ports.clock.monotonic() + limit.total_seconds()

    def between() -> None:
        work.engine.heartbeat()
        if ports.clock.monotonic() >= end:
            raise DeadlineExceeded(
                f"not within {limit}: {pods} new pods have not answered all smoke checks before the switch. Ask for "
                "fewer samples, or raise strategy.deadlines.smoke.",
                code="deadline_exceeded",
                field="strategy.deadlines.smoke",
            )

    return between


def probe_gate(ports: Ports, work: Work, decide: Decide) -> Decide:
    """Return `decide` with the identity probes behind it: the slices must agree first, then the route."""

    def decide_and_probe(observation: Observation, order: RunOrder) -> Decision:
        decision = decide(observation, order)
        if not isinstance(decision, Done):
            return decision
        asked = questions_of(ports, work.state)
        wrong = asked.unasked("its probe", work.state.settings.probe)
        if wrong is None and asked.probe is not None:
            serving = {endpoint.pod_name for endpoint in observation.ready_endpoints()}
            wrong = wrong_answer(
                asked.probe,
                observation.required_service,
                ports.route,
                pods=serving,
                between=work.engine.heartbeat,
            )
        return decision if wrong is None else Wait(wrong)

    return decide_and_probe


def judge(work: Work, verdict: Verdict) -> None:
    """Return when the checks passed.

    Raises:
        WorkloadFailed: the verdict is fail, or inconclusive where the policy takes that as fail.
        PermanentError: inconclusive where the policy holds: both sets stay for a person to decide.
    """
    if verdict.status is VerdictStatus.PASS:
        return
    if verdict.status is VerdictStatus.INCONCLUSIVE and work.state.settings.on_inconclusive == "hold":
        work.end(Phase.SMOKE_TEST, verdict.message, status=JournalStatus.HELD)
        raise PermanentError(
            f"smoke test inconclusive: {verdict.message}. The policy holds: both sets stay until somebody decides: "
            "`springtide roll-back` undoes the run, `springtide release-lease` gives the workload free as it is.",
            code="smoke_held",
        )
    raise WorkloadFailed(f"smoke test {verdict.status.value}: {verdict.message}", code="smoke_failed")


def database_problem(ports: Ports, work: Work, check: DatabaseCheck) -> str | None:
    """Return what is wrong with a database now; None when it is fit."""
    work.engine.heartbeat()
    return unfit(check, ports.databases.look(check))


def database_findings(ports: Ports, checks: tuple[DatabaseCheck, ...]) -> Iterator[Finding]:
    """Yield what the preflight finds: one finding per database."""
    for check in checks:
        problem = unfit(check, ports.databases.look(check))
        if problem is None:
            yield Finding(check="database", status=FindingStatus.PASSED, message=f"database {check.name} is healthy")
        else:
            message = f"{problem}. A run would wait for it and roll back: start it when the database is healthy."
            yield Finding(check="database", status=FindingStatus.REFUSED, message=message, code="database_unfit")
