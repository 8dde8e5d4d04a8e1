"""`springtide status SERVICE --watch`: a run of any process, Airflow's too, followed until it ends."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Final

from rich.live import Live
from rich.tree import Tree

from springtide.cli.answers import print_record
from springtide.cli.display import err, out
from springtide.cli.exit_codes import ExitCode
from springtide.cli.options import CliContext, Output, settings_now
from springtide.cli.plain_text import plain
from springtide.clock import Clock, SystemClock
from springtide.errors import DeadlineExceeded, NotFound
from springtide.overview.run_view import PhaseView, RunView
from springtide.overview.run_words import run_text
from springtide.overview.runs import RunSources, read_run
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.ports import Ports

LONGEST_WATCH: Final = timedelta(days=1)
"""No run lasts longer: its phases have deadlines."""

_LOOK_SECONDS: Final = 2.0
_DONE: Final = frozenset({"succeeded", "nothing_to_do", "planned_only"})
_STYLES: Final = {"good": "green", "info": "cyan", "warn": "yellow", "bad": "red", "muted": "dim"}


def watch(place: CliContext, service: str | None, run_id: str | None, output: Output) -> ExitCode:
    """Show the run of `run_id`, else the latest of `service`, until it has ended; return whether it did its work.

    Raises:
        NotFound: there is no such run (`run_unknown`).
        DeadlineExceeded: it has not ended within a day.
        TemporaryError: the store does not answer.
    """
    clock = SystemClock()
    run = _look(place, run_id or _latest(place, service), clock)
    is_shown = output is Output.TABLE and out.is_terminal
    end = clock.monotonic() + LONGEST_WATCH.total_seconds()
    with Live(_tree(run), console=out if is_shown else err, auto_refresh=False, transient=True) as live:
        while run.is_live:
            if clock.monotonic() >= end:
                raise DeadlineExceeded(f"run {run.run_id!r} has not ended within a day.", code="deadline_exceeded")
            clock.sleep(_LOOK_SECONDS)
            run = _look(place, run.run_id, clock)
            if is_shown:
                live.update(_tree(run), refresh=True)
    _show(run, output)
    return ExitCode.DONE if run.outcome in _DONE else ExitCode.FAILED


def _latest(place: CliContext, service: str | None) -> str:
    with place.open_store() as store:
        runs = store.latest(service, limit=1)
    if not runs:
        whose = "of any service" if service is None else f"of {service!r}"
        raise NotFound(f"service: there is no run {whose} to watch.", code="run_unknown", field="service")
    return runs[0].run_id


def _look(place: CliContext, run_id: str, clock: Clock) -> RunView:
    def ports(policy: ScalingPolicy) -> AbstractContextManager[Ports]:
        return place.only_at(policy).ports(lambda _message: None)

    sources = RunSources(now=clock.now(), policy_of=place.policy, ports=ports, grafana=settings_now().grafana_url)
    with place.open_store() as store:
        return read_run(store, run_id, sources)


def _show(run: RunView, output: Output) -> None:
    if output.is_for_programs:
        print_record(run.to_record(), output)
    else:
        out.print(plain(run_text(run), _STYLES[run.tone]), soft_wrap=True)


def _tree(run: RunView) -> Tree:
    """Return what stands now: the run's sentence, both sets with their pods and traffic, and every phase."""
    tree = Tree(plain(f"{run.headline}", "bold"), guide_style="dim")
    tree.add(plain(f"{run.seconds:.0f} s so far; {run.ends_in_words}" if run.is_live else run.outcome_words))
    sets = tree.add(plain("pods"))
    if run.course:
        last = run.course[-1]
        sets.add(plain(f"of before: {last.stable} ready, {last.stable_serving} get traffic"))
        sets.add(plain(f"of this run: {last.new} ready, {last.new_serving} get traffic"))
    else:
        sets.add(plain("none were counted yet", "dim"))
    phases = tree.add(plain("phases"))
    for phase in run.phases:
        phases.add(plain(_phase(run, phase), _STYLES[phase.tone]))
    for told in (run.abort.asked, *run.unknown):
        if told:
            tree.add(plain(told, "yellow"))
    return tree


def _phase(run: RunView, phase: PhaseView) -> str:
    took = (run.seconds if phase.end is None else phase.end) - phase.begin
    return f"{phase.title} {took:.1f} s: {phase.message or phase.status}"
