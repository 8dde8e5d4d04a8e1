"""How a run ended, in words that stand by themselves: how, why, what serves now, what to do, and who asked.

What the report of a run writes into its log and into the note of its DAG run. Much of it is foreign text, which is
never markup: a note is shown as Markdown, so there it stands in an indented block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from springtide.errors import SpringtideError
from springtide.record.model import PhaseStatus, RunOutcome, ScalingRun
from springtide.record.store import RunStore
from springtide.run.sentence import change_of, headline_of, what_to_do
from springtide.run.state import Phase

LONGEST_NOTE: Final = 1000
"""Characters that Airflow keeps of a note."""

_OUTCOME_WORDS: Final[Mapping[RunOutcome, str]] = {
    RunOutcome.RUNNING: "goes on",
    RunOutcome.SUCCEEDED: "succeeded",
    RunOutcome.NOTHING_TO_DO: "nothing to do",
    RunOutcome.PLANNED_ONLY: "planned only",
    RunOutcome.HALTED: "halted before it began",
    RunOutcome.REFUSED: "refused",
    RunOutcome.ROLLED_BACK: "rolled back",
    RunOutcome.FAILED: "failed",
    RunOutcome.NEEDS_ATTENTION: "needs attention",
}
_UNBEGUN: Final = frozenset({RunOutcome.NOTHING_TO_DO, RunOutcome.PLANNED_ONLY, RunOutcome.HALTED, RunOutcome.REFUSED})


def headline(run: ScalingRun) -> str:
    """Return the run in a line: the service, the change, and how it ended."""
    return " ".join(filter(None, (run.policy, f"{change_of(run)}:", _OUTCOME_WORDS[run.outcome])))


def ended_lines(run: ScalingRun) -> tuple[str, ...]:
    """Return the whole outcome, a line each: how it ended, why, what serves now, what to do, who asked."""
    return (headline(run), *_detail(run))


def told_lines(store: RunStore, run_id: str, why: str) -> tuple[str, ...]:
    """Return what people are told of its end, wherever they are: its sentence, and what to do; `why` has more lines.

    Where no record says how it ended, `why` is all that is told.
    """
    first, *more = why.splitlines() or [""]
    try:
        run = store.get(run_id)
    except SpringtideError:
        return (first, *more)
    return tuple(filter(None, (headline_of(run), *more, what_to_do(run))))


def note_of(run: ScalingRun) -> str:
    """Return the outcome as a note in Markdown, at most `LONGEST_NOTE` characters; see `merged_note`."""
    return noted(headline(run), tuple(_detail(run)), run.run_id)


def noted(head: str, lines: tuple[str, ...], run_id: str) -> str:
    """Return a note of a head and lines that are shown as they stand; its last line names the run."""
    last = _signature(run_id)
    body = "\n".join(f"    {line}" for text in lines for line in text.splitlines())
    room = LONGEST_NOTE - len(head) - len(last) - 4
    shown = body if len(body) <= room else f"{body[: room - 1]}…"
    return f"{head}\n\n{shown}\n\n{last}" if shown else f"{head}\n\n{last}"


def joined_notes(notes: Sequence[str], run_id: str) -> str | None:
    """Return the notes of one run's tasks as one, at most `LONGEST_NOTE` characters; None where there is none."""
    last = _signature(run_id)
    text = "\n\n".join(dict.fromkeys(note.removesuffix(last).rstrip() for note in notes))
    room = LONGEST_NOTE - len(last) - 2
    shown = text if len(text) <= room else f"{text[: room - 1]}…"
    return f"{shown}\n\n{last}" if shown else None


def merged_note(note: str, before: str | None, run_id: str) -> str:
    """Return `note` over what others wrote before; an earlier note of the same run is replaced."""
    others = (before or "").rpartition(_signature(run_id))[2].strip()
    room = LONGEST_NOTE - len(note) - 2
    if not others or room <= 1:
        return note
    return f"{note}\n\n{others if len(others) <= room else others[: room - 1] + '…'}"


def asked_note(conf: Mapping[str, Any], who: str | None, run_id: str) -> str | None:
    """Return the note of a run that begins, by what was asked; None where its conf names no service."""
    service = conf.get("service")
    if not isinstance(service, str) or not service.isprintable() or not service:
        return None
    asked = f"→ {conf['replicas']}" if conf.get("replicas") else ""
    reason = str(conf.get("reason") or "")
    lines = [f"asked for: {service[:60]} {asked}".rstrip()[:120], f"by {who or 'Airflow'}"]
    return noted("running", (*lines, *([f"reason: {reason[:200]}"] if reason else [])), run_id)


def _signature(run_id: str) -> str:
    return f"run `{run_id}`"


def _detail(run: ScalingRun) -> Iterator[str]:
    said = headline_of(run)
    yield said
    why = _why(run)
    if why.lower() not in said.lower():
        yield f"why: {why}"
    if run.outcome is RunOutcome.PLANNED_ONLY:
        yield f"planned only: {_why_planned(run)}"
    yield f"now: {_serves(run)}"
    if run.error is not None and run.outcome is not RunOutcome.SUCCEEDED:
        yield f"code: {run.error['code']}"
    to_do = what_to_do(run)
    if to_do:
        yield f"to do: {to_do}"
    yield f"asked for by {run.requested_by} ({run.trigger}): {run.reason or 'no reason given'}"


def _why(run: ScalingRun) -> str:
    if run.error is not None and run.outcome is not RunOutcome.SUCCEEDED:
        return str(run.error["message"])
    return str(run.plan["reason"]) if run.plan is not None else "nothing says why"


def _why_planned(run: ScalingRun) -> str:
    if run.trigger == "backfill":
        return "a backfill is over the past"
    return "it was a dry run, or cleared more than an hour after it was due" if run.dry_run else "mode advise"


def _serves(run: ScalingRun) -> str:
    """Return what serves now, in the words of the phase that saw it last."""
    acted = [phase for phase in run.phases if phase.phase != Phase.CALCULATE_CAPACITY.value]
    told = [phase.message for phase in acted if phase.status is PhaseStatus.SUCCEEDED and phase.message]
    if told:
        return told[-1]
    if acted and run.outcome not in _UNBEGUN:
        return "no phase says what it left: look at the workload"
    before = f", {run.plan['current']} replicas as before" if run.plan is not None else ""
    return f"nothing was changed{before}"
