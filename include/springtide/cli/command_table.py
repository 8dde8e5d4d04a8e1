"""Every command: its name, where its function stands, and the line of `springtide --help`.

A new command is one line here. Its module is imported when the command is called or asked for its own help, so that
`springtide --help` and the shell's completion load none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Entry:
    """One command. `place` is `MODULE:NAME` of a function or of a Typer; `summary` is its docstring's first line."""

    name: str
    place: str
    summary: str


COMMANDS: Final[Mapping[str, tuple[Entry, ...]]] = {
    "Plan and scale": (
        Entry(
            "plan",
            "springtide.cli.plan:plan",
            "Print how many replicas SERVICE needs now, why, and what stands in the way. Changes nothing.",
        ),
        Entry("run", "springtide.cli.run:run", "Scale SERVICE: the whole run, in this process."),
        Entry("status", "springtide.cli.status:status", "Print the latest runs, or one of them."),
        Entry(
            "explain",
            "springtide.cli.explain:explain",
            "Print how many replicas SERVICE needs now, with each model's inputs and each guard. Changes nothing.",
        ),
    ),
    "Undo and restore": (
        Entry(
            "roll-back",
            "springtide.cli.roll_back:roll_back",
            "Undo the run that owns SERVICE, from what stands in its Lease.",
        ),
        Entry(
            "abort",
            "springtide.cli.abort:abort",
            "Stop the run that scales SERVICE, whoever started it, and let it roll back.",
        ),
        Entry(
            "reconcile",
            "springtide.cli.reconcile:reconcile",
            "Finish or undo every run whose owner is gone, from what stands in its Lease.",
        ),
        Entry(
            "release",
            "springtide.cli.release:release",
            "Give the minimum of SERVICE's autoscaler back to what its owner set, once the smoke test has passed.",
        ),
        Entry(
            "release-lease",
            "springtide.cli.release_lease:release_lease",
            "Give SERVICE free from a run that ended as needs_attention. Changes nothing else: what the run left "
            "stays.",
        ),
    ),
    "Stop writes, or one service": (
        Entry(
            "halt",
            "springtide.cli.halt:halt",
            "Stop all writes of springtide, whoever runs it: nothing begins, and what is under way stops at its next "
            "write.",
        ),
        Entry(
            "resume",
            "springtide.cli.halt:resume",
            "Take back what `springtide halt` did; with SERVICE, what paused that one service, and no halt.",
        ),
        Entry(
            "pause",
            "springtide.cli.pause:pause",
            "Keep sweeps and events from starting runs of SERVICE, until somebody resumes it or the time is up.",
        ),
    ),
    "Many services, known events": (
        Entry(
            "adjust",
            "springtide.cli.fleet:adjust",
            "Sweep once: look at every service, and scale those that need it, for demand and for the events that "
            "go on.",
        ),
        Entry(
            "prepare",
            "springtide.cli.fleet:prepare",
            "Prepare EVENT now, or every event whose lead has begun and that is not prepared yet.",
        ),
        Entry("events", "springtide.cli.events:app", "What the calendars hold, and events of no calendar."),
    ),
    "Learn from demand": (
        Entry(
            "backtest",
            "springtide.cli.backtest:backtest",
            "Replay the policy of SERVICE against its history, beside autoscalers, a schedule and the clairvoyant "
            "minimum.",
        ),
        Entry(
            "tune",
            "springtide.cli.tune:tune",
            "Tune the auto models of SERVICE on its last 7 days, for its next plans. Once a day is enough.",
        ),
        Entry(
            "autoscaler",
            "springtide.cli.autoscaler:autoscaler",
            "Print the recording rule and the autoscaler of SERVICE as tuned last, for `kubectl apply -f -`.",
        ),
        Entry(
            "report",
            "springtide.cli.report:report",
            "Compare what springtide would have done in mode advise with what really ran. Changes nothing.",
        ),
    ),
    "Policies": (
        Entry("policies", "springtide.cli.policies:app", "What the folder of policies holds."),
        Entry(
            "validate",
            "springtide.cli.validate:validate",
            "Check policies and calendars: every error of every file at once. Asks no cluster, and changes nothing.",
        ),
        Entry(
            "init",
            "springtide.cli.adoption:init",
            "Print a first policy for each workload of NAMESPACE, from its autoscaler, its probes and its history.",
        ),
        Entry(
            "import",
            "springtide.cli.adoption:import_objects",
            "Print policies and calendars that ask for what HPAs, ScaledObjects, CronHPAs and downscaler annotations "
            "ask for.",
        ),
    ),
    "The installation": (
        Entry(
            "doctor",
            "springtide.cli.doctor:doctor",
            "Look at everything that springtide needs, and print how each part stands and what cures it. Changes "
            "nothing.",
        ),
        Entry(
            "prune",
            "springtide.cli.prune:prune",
            "Remove records of runs, decisions, preparations and rehearsals that are older than AGE, and days of two "
            "years.",
        ),
        Entry(
            "sandbox",
            "springtide.cli.sandbox:sandbox",
            "Start the embedded cluster: a small Kubernetes with real HTTP pods on loopback. Until Ctrl-C.",
        ),
        Entry("version", "springtide.cli.version:version", "Print the version."),
    ),
}
"""By the heading under which `springtide --help` shows them."""


def entries() -> Iterator[Entry]:
    """Yield every command, in the order of the help."""
    for listed in COMMANDS.values():
        yield from listed
