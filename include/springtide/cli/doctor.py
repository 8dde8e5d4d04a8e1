"""`springtide doctor`: each part of an installation, how it stands, and what cures it."""

from __future__ import annotations

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.display import out
from springtide.cli.doctor_looks import looks_of
from springtide.cli.event_options import DEFAULT_AIRFLOW, AirflowOption
from springtide.cli.exit_codes import ExitCode
from springtide.cli.groups import grouped
from springtide.cli.looks import LookResult, LookStatus, looked_at, record_of
from springtide.cli.options import CliContext, Output, OutputOption
from springtide.cli.plain_text import PlainTable, plain
from springtide.clock import SystemClock

_STYLES = {
    LookStatus.GOOD: "green",
    LookStatus.WARNING: "yellow",
    LookStatus.BAD: "red",
    LookStatus.NOT_CHECKED: "dim",
}


@grouped
def doctor(
    *,
    place: CliContext,
    airflow: AirflowOption = DEFAULT_AIRFLOW,
    output: OutputOption = Output.TABLE,
) -> None:
    """Look at everything that springtide needs, and print how each part stands and what cures it. Changes nothing.

    All parts are looked at at once, each within 15 seconds; one that fails takes no other with it. Exits with 1 when a
    part is bad.
    """
    with answering(output):
        found = looked_at(looks_of(place, airflow), SystemClock())
        if output.is_for_programs:
            print_record(record_of(found), output)
        else:
            _show(found)
    if any(looked.status is LookStatus.BAD for _, looked in found):
        raise typer.Exit(ExitCode.FAILED)


def _show(found: list[tuple[str, LookResult]]) -> None:
    table = PlainTable("part", "", "what was found, and what to do")
    for part, looked in found:
        told = f"{looked.found}\n→ {looked.cure}" if looked.cure else looked.found
        table.add_row(part, plain(looked.status.value, _STYLES[looked.status]), told)
    out.print(table)
