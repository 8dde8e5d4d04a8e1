"""A run as text: the body of an approval, of a notification, of a comment. One content, plain or as Markdown. Pure.

In Markdown what people and clusters wrote stands between marks of code, so that nothing of it is read as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from springtide.overview.run_view import RunView


def run_text(run: RunView) -> str:
    """Return the run in plain lines: its sentence, who asked, the steps to its number, what each phase found."""
    return "\n".join(
        [
            run.headline,
            *([run.ends_in_words] if run.is_live else []),
            *(f"{name}: {value}" for name, value in _facts(run)),
            *(f"{name}: {value}" for name, value in _findings(run)),
        ]
    )


def run_markdown(run: RunView) -> str:
    """Return the same as Markdown, with a list of facts and a table of what was found."""
    found = [f"| {name} | {_code(value)} |" for name, value in _findings(run)]
    table = ["", "| what | found |", "|---|---|", *found] if found else []
    ends = [run.ends_in_words] if run.is_live else []
    facts = [f"- {name}: {_code(value)}" for name, value in _facts(run)]
    return "\n".join([_code(run.headline), *ends, "", *facts, *table])


def _facts(run: RunView) -> Iterator[tuple[str, str]]:
    yield "asked for by", f"{run.requested_by} ({run.trigger})"
    if run.reason:
        yield "reason", run.reason
    if run.approved:
        yield "approval", run.approved
    yield "workload", f"{run.workload}, by {run.strategy}"
    if run.what_to_do:
        yield "what to do", run.what_to_do
    yield "run", run.run_id


def _findings(run: RunView) -> Iterator[tuple[str, str]]:
    if run.plan is not None:
        for step in run.plan.steps:
            yield step.step, f"{step.replicas} {step.why}".strip()
        for check in run.plan.preflight:
            if check.status != "passed":
                yield f"preflight {check.name}, {check.status}", check.message
    if not run.is_refused:
        for phase in run.phases:
            yield f"{phase.title}, {phase.status}", phase.message or "nothing yet"


def _code(text: str) -> str:
    """Return `text` as code on one line: a fence that is longer than any run of marks in it, no cell's end."""
    line = " ".join(text.split()).replace("|", "\N{BROKEN BAR}")
    longest = max(map(len, re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"
