"""`springtide policies`: what the folder of policies holds."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.display import out, tell
from springtide.cli.exit_codes import ExitCode
from springtide.cli.groups import Offers, grouped
from springtide.cli.options import CliContext, Output, OutputOption
from springtide.cli.plain_text import PlainTable
from springtide.policy.scaling.model import ScalingPolicy

app = typer.Typer(no_args_is_help=True, help="What the folder of policies holds.")


@app.callback()
def policies() -> None:
    """What the folder of policies holds."""


@app.command("list")
@grouped
def list_policies(
    *,
    place: Annotated[CliContext, Offers("policies")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Print every policy that can be read, and the files that cannot. Asks no cluster.

    Exits with 1 when a file cannot be read; `springtide validate` has every error of each.
    """
    with answering(output):
        found, violations = place.folder.readable()
        rows = [_row(policy) for policy in sorted(found, key=lambda each: each.name)]
        left_out = [str(each) for each in violations]
        if output.is_for_programs:
            print_record({"policies": rows, "left_out": left_out}, output)
        else:
            _show(rows)
            for line in left_out:
                tell(line, "red")
    if left_out:
        raise typer.Exit(ExitCode.FAILED)


def _row(policy: ScalingPolicy) -> dict[str, Any]:
    spec = policy.spec
    return {
        "name": policy.name,
        "owner": policy.metadata.owner,
        "workload": str(spec.target.workload),
        "min": spec.replicas.min,
        "max": spec.replicas.max,
        "strategy": spec.strategy.type,
        "models": [model.model for model in spec.capacity.models],
        "mode": spec.mode or "act",
    }


def _show(rows: list[dict[str, Any]]) -> None:
    table = PlainTable("policy", "replicas", "strategy", "mode", "models", "owner")
    for row in rows:
        bounds = f"{row['min']} to {row['max']}"
        table.add_row(row["name"], bounds, row["strategy"], row["mode"], ", ".join(row["models"]), row["owner"])
    out.print(table)
