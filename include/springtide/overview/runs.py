"""One run as a person wants to see it, from the store's record, the moments that it kept, and its Lease while it lives.

What cannot be read is told in `unknown`, and takes nothing else with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from springtide.errors import SpringtideError
from springtide.overview.run_abort import abort_view
from springtide.overview.run_links import grafana_link, links_of
from springtide.overview.run_parts import course_of, phase_view, plan_view, smoke_at, smoke_of, writes_of
from springtide.overview.run_tone import tone_of
from springtide.overview.run_view import LinkView, RunView
from springtide.percentiles import nearest_rank
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.model import ScalingRun
from springtide.record.moments import RunMoment
from springtide.record.run_search import RunFilter
from springtide.record.store import RunStore
from springtide.run.lease import Lease, read_lease
from springtide.run.ports import Ports
from springtide.run.sentence import change_of, headline_of, is_refused, what_to_do
from springtide.training.durations import measured_runs
from springtide.workload import DEFAULT_CLUSTER, in_cluster

OpenPorts = Callable[[ScalingPolicy], AbstractContextManager[Ports]]

_TYPICAL: Final = 0.5
_LONG: Final = 0.95
_FEWEST: Final = 3
"""Runs, below which nobody can say how long one takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSources:
    """Where a view comes from beside the store: the policy of a name, the cluster behind it, and the time.

    `grafana` is the template of a dashboard's address, None where there is none.
    """

    now: datetime
    policy_of: Callable[[str], ScalingPolicy]
    ports: OpenPorts
    grafana: str | None = None


def read_run(store: RunStore, run_id: str, sources: RunSources) -> RunView:
    """Return the view of one run.

    Raises:
        NotFound: the store knows no such run (`run_unknown`).
        TemporaryError: the store does not answer.
    """
    run = store.get(run_id)
    lease, unknown = (None, "") if not _may_hold(run) else lease_of(run, sources)
    durations, _ = ([], None) if run.is_ended else measured_runs(store, run.policy)
    previous = store.find_runs(RunFilter(policy=run.policy, after=(run.started_at, run_id)), limit=1)
    view = view_of(run, store.moments(run_id), lease=lease, durations=durations, now=sources.now)
    links = tuple(links_of(run, previous[0].run_id if previous else None))
    dashboard, wrong = _dashboard(run, view, sources.grafana)
    told = tuple(words for words in (unknown, wrong) if words)
    return replace(view, links=(*links, *dashboard), unknown=told)


def view_of(
    run: ScalingRun,
    moments: Sequence[RunMoment],
    *,
    lease: Lease | None,
    durations: Sequence[float],
    now: datetime,
) -> RunView:
    """Return the view of `run` as it stands at `now`; `lease` is its workload's, None where nobody looked."""
    took = ((run.ended_at or now) - run.started_at).total_seconds()
    ends_in, ends_in_words = (None, "") if run.is_ended else expected_end(durations, took)
    return RunView(
        run_id=run.run_id,
        service=run.policy,
        workload=_workload(run),
        strategy=run.strategy,
        outcome=run.outcome.value,
        outcome_words=_outcome_words(run),
        tone=tone_of(run.outcome.value),
        headline=headline_of(run),
        change=change_of(run),
        is_live=not run.is_ended,
        is_refused=is_refused(run),
        started_at=run.started_at,
        ended_at=run.ended_at,
        seconds=max(0.0, took),
        ends_in=ends_in,
        ends_in_words=ends_in_words,
        requested_by=run.requested_by,
        trigger=run.trigger.value,
        reason=run.reason,
        approved=_approved(run),
        what_to_do=what_to_do(run),
        error_code=_error(run, "code"),
        error=_error(run, "message"),
        plan=None if run.plan is None else plan_view(run.plan),
        phases=tuple(phase_view(run, phase) for phase in run.phases),
        course=tuple(course_of(run, moments)),
        smoke=smoke_of(run),
        smoke_at=smoke_at(run),
        writes=tuple(writes_of(run, moments)),
        abort=abort_view(run, lease),
        links=(),
    )


def lease_of(run: ScalingRun, sources: RunSources) -> tuple[Lease | None, str]:
    """Return the Lease of the run's workload, or why nobody could look. Raises nothing."""
    try:
        with sources.ports(sources.policy_of(run.policy)) as ports:
            return read_lease(ports.kube, run.target), ""
    except SpringtideError as error:
        return None, f"the Lease was not looked at: {error.message}"


def expected_end(durations: Sequence[float], took: float) -> tuple[float | None, str]:
    """Return how many seconds a run that has taken `took` will most likely still take, and the same in words."""
    typical = nearest_rank(durations, _TYPICAL)
    longest = nearest_rank(durations, _LONG)
    if typical is None or longest is None or len(durations) < _FEWEST:
        return None, "nobody knows yet how long it takes: fewer than 3 runs of this service have succeeded"
    runs = f"of {len(durations)} runs"
    if took < typical:
        return typical - took, f"ends in about {typical - took:.0f} s; 95 % {runs} took at most {longest:.0f} s"
    if took < longest:
        return longest - took, f"ends in at most {longest - took:.0f} s, as 95 % {runs} did"
    return None, f"takes longer than 95 % {runs}, which took at most {longest:.0f} s"


def _workload(run: ScalingRun) -> str:
    where = f"{run.target.kind.noun} {run.target.namespace}/{run.target.deployment}"
    return where if run.target.cluster == DEFAULT_CLUSTER else in_cluster(where, run.target.cluster)


def _error(run: ScalingRun, name: str) -> str:
    return str((run.error or {}).get(name) or "")


def _may_hold(run: ScalingRun) -> bool:
    return not run.is_ended or run.outcome.value == "needs_attention"


def _outcome_words(run: ScalingRun) -> str:
    if is_refused(run) and run.outcome.value == "failed":
        return "refused"
    return "planned only" if run.dry_run and run.is_ended and run.error is None else run.outcome.value.replace("_", " ")


def _approved(run: ScalingRun) -> str:
    told = [phase.message for phase in run.phases if phase.phase == "approve"]
    return told[-1] if told else ""


def _dashboard(run: ScalingRun, view: RunView, template: str | None) -> tuple[tuple[LinkView, ...], str]:
    """Return the link to a dashboard, and what is wrong with its template, "" where nothing is."""
    try:
        return ((grafana_link(template, run, view.seconds),) if template else ()), ""
    except SpringtideError as error:
        return (), error.message
