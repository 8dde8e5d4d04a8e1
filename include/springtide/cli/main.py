"""The commands."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import structlog
import typer

from springtide import __version__
from springtide.cli import (
    adoption,
    autoscaler,
    backtest,
    events,
    explain,
    fleet,
    halt,
    prune,
    reconcile,
    release,
    release_lease,
    report,
    sandbox,
    tune,
    validate,
)
from springtide.cli.answers import answering, print_json
from springtide.cli.cluster_note import ClusterNote
from springtide.cli.display import PhaseDisplay, err, show_plan, show_run, show_runs
from springtide.cli.groups import grouped
from springtide.cli.halt_banner import say_halts
from springtide.cli.options import (
    DEFAULT_STORE,
    CliContext,
    Ending,
    Output,
    OutputOption,
    OverrideOption,
    Planning,
    ReasonOption,
    ReplicasOption,
    ServiceArgument,
    StoreOption,
    StrategyOption,
    current_user,
    new_run_id,
    settings_now,
)
from springtide.cli.plain_text import accept_every_letter
from springtide.clock import SystemClock
from springtide.errors import SpringtideError
from springtide.plan.findings import require_passed
from springtide.plan.guards import parse_replicas
from springtide.policy.scaling.model import ScalingPolicy
from springtide.recovery.by_hand import held_lease, is_left_to_a_person, silent_lease
from springtide.run import phases, pipeline
from springtide.run.admission import plan_capacity
from springtide.run.freezes import parse_override
from springtide.run.ports import RunRef, RunRequest

log = structlog.get_logger(__name__)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(events.app, name="events")
app.command("sandbox")(sandbox.sandbox)
app.command("backtest")(backtest.backtest)
app.command("explain")(explain.explain)
app.command("autoscaler")(autoscaler.autoscaler)
app.command("tune")(tune.tune)
app.command("reconcile")(reconcile.reconcile)
app.command("report")(report.report)
app.command("release")(release.release)
app.command("release-lease")(release_lease.release_lease)
app.command("validate")(validate.validate)
app.command("import")(adoption.import_objects)
app.command("init")(adoption.init)
app.command("halt")(halt.halt)
app.command("resume")(halt.resume)
app.command("prune")(prune.prune)
app.command("adjust")(fleet.adjust)
app.command("prepare")(fleet.prepare)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a run is asked for."""

    replicas: ReplicasOption = "auto"
    strategy: StrategyOption = None
    reason: ReasonOption = "by hand"
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan and record, change nothing.")] = False
    override: OverrideOption = ""
    approve: Annotated[str, typer.Option(metavar="PLAN", help="The plan that was approved, as plan prints it.")] = ""


@app.callback()
def springtide(
    *, verbose: Annotated[bool, typer.Option(help="Log every write, and where an error came from, to stderr.")] = False
) -> None:
    """Scale Kubernetes services safely: calculate, create, prove ready, switch, test, remove."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("DEBUG" if verbose else "WARNING"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@app.command()
@grouped
def plan(
    service: ServiceArgument,
    *,
    replicas: ReplicasOption = "auto",
    strategy: StrategyOption = None,
    place: Planning,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print how many replicas SERVICE needs now, why, and what stands in the way. Changes nothing.

    Exits with 1 when a run would be refused.
    """
    unrecorded = replace(place, store=None)  # a plan is no run
    note = ClusterNote(output)
    with answering(output):
        asked = RunOptions(replicas=replicas, strategy=strategy, reason="plan only")
        policy = place.policy(service)
        request = _request(policy, asked)
        with unrecorded.only_at(policy).ports(lambda _message: None) as ports:
            note.say(ports, policy.spec.target.namespace)
            planned = plan_capacity(ports, request)
        if output is Output.JSON:
            print_json(planned.to_record() | note.record)
        else:
            show_plan(planned)
        require_passed(planned.findings)


@app.command()
@grouped
def run(
    service: ServiceArgument,
    *,
    asked: RunOptions,
    place: CliContext,
    output: OutputOption = Output.TABLE,
) -> None:
    """Scale SERVICE: the whole run, in this process.

    A failure rolls back and exits with 1, or with 75 when it is worth trying again. A plan that must be approved is
    asked about on a terminal; elsewhere it takes --approve.
    """
    display = PhaseDisplay(is_shown=output is Output.TABLE and err.is_terminal)
    note = ClusterNote(output)
    with answering(output):
        policy = place.policy(service)
        request = _request(policy, asked)
        with place.only_at(policy).ports(display.wait) as ports:
            note.say(ports, policy.spec.target.namespace)
            try:
                with display:
                    pipeline.run(ports, request, display.phase, approve=display.approve)
            finally:
                _show_if_kept(place, request.run_id, output, note)


@app.command()
def status(
    service: Annotated[str | None, typer.Argument(help="Only runs of this policy.")] = None,
    *,
    run_id: Annotated[str | None, typer.Option("--run", help="One run, with its phases.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many runs, newest first.")] = 20,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print the latest runs, or one of them."""
    place = CliContext(store=store, policies=settings_now().policies)
    with answering(output):
        if run_id is not None:
            _show_one(place, run_id, output, ClusterNote(output))
            return
        say_halts(place, output)
        with place.open_store() as opened:
            runs = opened.latest(service, limit=limit)
        if output is Output.JSON:
            print_json([each.to_record() for each in runs])
        else:
            show_runs(runs)


@app.command("roll-back")
@grouped
def roll_back(
    service: ServiceArgument,
    *,
    force: Annotated[bool, typer.Option("--force", help="Do not wait until the run's Lease stands still.")] = False,
    place: Ending,
    output: OutputOption = Output.TABLE,
) -> None:
    """Undo the run that owns SERVICE, from what stands in its Lease.

    It waits until that has stood still for a minute, so that nobody works on the run any more; not for a run that
    waits for a person, and not with --force.
    """
    display = PhaseDisplay(is_shown=output is Output.TABLE and err.is_terminal)
    note = ClusterNote(output)
    with answering(output):
        policy = place.policy(service)
        workload = policy.spec.target.workload
        with place.only_at(policy).ports(display.wait) as ports:
            note.say(ports, workload.namespace)
            lease = held_lease(ports, workload, service)
            ref = RunRef.of_holder(workload, lease.holder)
            with display:
                if not force and not is_left_to_a_person(lease):
                    silent_lease(ports, workload, lease)
                progress = phases.roll_back(ports, ref, is_decided=True)
                outcome = phases.report(ports, ref)
        ended = {"run_id": ref.run_id, "outcome": outcome.value, "message": progress.message}
        print_json(ended | note.record)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. SIGTERM is taken as Ctrl-C: what is half done is undone before the process ends."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    accept_every_letter(sys.stdout)
    app(args=arguments)


def _request(policy: ScalingPolicy, asked: RunOptions) -> RunRequest:
    return RunRequest(
        run_id=new_run_id(SystemClock()),
        policy=policy,
        replicas=parse_replicas(asked.replicas, policy=policy),
        strategy=asked.strategy,
        requested_by=current_user(),
        reason=asked.reason,
        dry_run=asked.dry_run,
        approved=asked.approve,
        override=parse_override(asked.override),
    )


def _show_one(place: CliContext, run_id: str, output: Output, note: ClusterNote, *, with_error: bool = True) -> None:
    with place.open_store() as store:
        run = store.get(run_id)
    if output is Output.JSON:
        print_json(run.to_record() | note.record)
    else:
        show_run(run, with_error=with_error)


def _show_if_kept(place: CliContext, run_id: str, output: Output, note: ClusterNote) -> None:
    """Show the run at its end; a store that does not answer must not hide how the run ended."""
    try:
        _show_one(place, run_id, output, note, with_error=False)  # the error itself is shown last, by `answering`
    except SpringtideError as error:
        log.warning("record_not_shown", run=run_id, code=error.code, message=error.message)
