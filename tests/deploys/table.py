"""The tables of the deploys, and the files that are kept."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from deploys.cells import AFTER, ENDS, MOMENTS
from deploys.ways import WAYS
from deploys.workloads import CURRENT, RATE, TARGET

if TYPE_CHECKING:
    from pathlib import Path

    from deploys.cells import Cell
    from deploys.numbers import Number
    from e2e.manifests import Json
    from e2e.rest import Rest


@dataclass(frozen=True, slots=True)
class Deploys:
    """Everything that was seen, and the versions of what it was seen with."""

    cells: list[Cell]
    numbers: list[Number]
    versions: dict[str, str]

    @property
    def owned(self) -> Counter[str]:
        """The fields that springtide owned at the end and does not want, with how many cells they were seen in."""
        return Counter(field for cell in self.cells if cell.rest for field in cell.rest.owned)

    @property
    def is_good(self) -> bool:
        """Whether everything is as it should be."""
        return (
            all(cell.is_good for cell in self.cells) and all(each.is_good for each in self.numbers) and not self.owned
        )


def page(deploys: Deploys) -> str:
    """Return the results, as Markdown."""
    parts = [
        "# `make deploys`",
        ", ".join(f"{what} {version}" for what, version in deploys.versions.items()) + ".",
        _ABOUT,
        table(deploys.cells),
        *_listed("## What failed or is wrong", [wrong(cell) for cell in deploys.cells if not cell.is_good]),
        *_listed("## What was refused during a run, and done after it", refusals(deploys.cells)),
        *_listed(
            "## What springtide owns after a run and does not want",
            [f"`{field}`, in {count} cells" for field, count in deploys.owned.items()],
        ),
        "## Manifests that say `replicas`",
        _NUMBERS,
        numbers_table(deploys.numbers),
    ]
    return "\n\n".join(parts) + "\n"


_ABOUT = f"""Each cell is a `blue_green` run from {CURRENT} to {TARGET} replicas on a workload of its own, under
{2 * RATE} requests/s. The run stands still from the moment in which the Lease says that the phase has begun until the
owner's command is over. A cell says how the run ended, with its code where it was undone; the pods when everything is
at rest, the version that answers then, and the requests that failed of those that were sent.

The manifests do not say `replicas`. Version 0 and 1 were deployed before the run; version 2 is deployed in the cell.
After the run, what was there before it is deployed once more first, which must touch no pod and no ReplicaSet."""

_NUMBERS = f"""The same manifest, which says {CURRENT}, deployed again after a run to {TARGET}. As after any scaler's
write, its number wins, or the server refuses it; without `replicas` in it there is nothing to decide."""


def table(cells: list[Cell]) -> str:
    """Return the moments as rows and the ways as columns."""
    by_place = {(cell.case.moment, cell.case.way.slug): cell for cell in cells}
    ways = [way for way in WAYS if any(cell.case.way is way for cell in cells)]
    moments = [moment for moment in MOMENTS if any(cell.case.moment == moment for cell in cells)]
    rows = [
        [moment if moment == AFTER else f"`{moment}`", *(text(by_place.get((moment, way.slug))) for way in ways)]
        for moment in moments
    ]
    return _markdown(["when this had begun", *(f"`{way.name}`" for way in ways)], rows)


def text(cell: Cell | None) -> str:
    """Return what stands in a cell."""
    if cell is None:
        return ""
    code = f" ({cell.error})" if cell.error else ""
    pods = f"{len(cell.rest.pods)} pods, version {' and '.join(cell.rest.versions)}" if cell.rest else "not at rest"
    refused = "refused until the run was over; " if cell.refused else ""
    fault = "" if cell.is_good else " **see below**"
    return f"{refused}{cell.outcome}{code}; {pods}; {cell.failed} of {cell.requests:,}{fault}"


def wrong(cell: Cell) -> str:
    """Return what is wrong with a cell, in one line each."""
    lines = [*cell.wrong, *([f"{cell.failed} requests failed"] if cell.failed else [])]
    return f"{cell.case.title} (met in {cell.met_in}): " + "; ".join(line.splitlines()[0] for line in lines)


def refusals(cells: list[Cell]) -> list[str]:
    """Return what each owner was told who could not deploy in a phase; the same words once."""
    told: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        if cell.refused:
            told.setdefault((cell.case.way.name, words(cell.refused)), []).append(f"`{cell.case.moment}`")
    return [f"`{way}` in {', '.join(moments)}: {said}" for (way, said), moments in told.items()]


def words(said: str) -> str:
    """Return the lines of a command's answer that count: kubectl explains a conflict at length."""
    return said.partition(" Please review")[0]


def numbers_table(numbers: list[Number]) -> str:
    """Return one row for each way that has a manifest."""
    rows = [
        [f"`{each.way}`", "yes" if each.is_refused else "no", str(each.replicas), each.wrong or words(each.told)]
        for each in numbers
    ]
    return _markdown(["way", "refused", "replicas then", "what it said"], rows)


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("\n", " ").replace("|", "/") for cell in line) + " |" for line in lines
    )


def _listed(title: str, lines: list[str]) -> list[str]:
    return [title, "\n".join(f"- {line}" for line in lines)] if lines else []


def record(cell: Cell) -> Json:
    """Return everything that is kept of a cell."""
    return {
        "way": cell.case.way.name,
        "moment": cell.case.moment,
        "met_in": cell.met_in,
        "refused": cell.refused,
        "outcome": cell.outcome if cell.outcome in ENDS else "otherwise",
        "code": cell.error,
        "at_rest": figures(cell.rest) if cell.rest else None,
        "requests": cell.requests,
        "failed": cell.failed,
        "wrong": cell.wrong,
    }


def figures(rest: Rest) -> Json:
    """Return what was there at rest."""
    return {
        "replicas": rest.replicas,
        "pods": len(rest.pods),
        "versions": rest.versions,
        "sets_with_pods": len(rest.sets),
        "set_aside": len(rest.aside),
        "paused": bool(rest.deployment["spec"].get("paused")),
        "owned_and_not_wanted": rest.owned,
    }


def write_results(deploys: Deploys, folder: Path) -> None:
    """Keep the page, and every figure."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "deploys.md").write_text(page(deploys))
    figures = {
        "versions": deploys.versions,
        "cells": [record(cell) for cell in deploys.cells],
        "numbers": [asdict(number) for number in deploys.numbers],
    }
    (folder / "deploys.json").write_text(json.dumps(figures, indent=1) + "\n")
