"""Many queries in one expression, and each one's series out of its answer. Pure.

    label_replace((QUERY),"springtide_query","7-5f3c09ab:$1","springtide_query","(?s)(.*)") or …

The tag is the query's number and checksum, so an answer to another question is known as one. It keeps what a series may
already say under its label, so two series of one query never become one. It makes the series of any two queries differ,
so that `or` drops none. Each query stands in parentheses that it cannot leave (`promql.is_closed`).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from springtide.demand.promql import as_series
from springtide.errors import DemandUnusable

LABEL: Final = "springtide_query"

_TAG: Final = re.compile(r"([0-9]+-[0-9a-f]{8}):(.*)", re.DOTALL)

Series = dict[str, Any]
"""One series, as the range API writes it."""


def tagged(queries: Sequence[str]) -> str:
    """Return the expression whose series are those of all `queries`, each with the number of its own in the tag."""
    parts = [_tagged(query, number) for number, query in enumerate(queries)]
    # A tree, not a row: each `or` looks at all series of its left side again.
    while len(parts) > 1:
        pairs = [parts[at : at + 2] for at in range(0, len(parts), 2)]
        parts = [f"({' or '.join(pair)})" if len(pair) > 1 else pair[0] for pair in pairs]
    return parts[0]


def tagged_bytes(query: str) -> int:
    """Return how many bytes `query` takes in the expression of many, at most."""
    return len(f"({_tagged(query, 9999)} or )".encode())


def untagged(result: Any, queries: Sequence[str]) -> list[list[Series]]:
    """Return the series of each of `queries`, as if it had been asked alone, from the answer to all of them.

    Raises:
        DemandUnusable: the answer is no answer to them (`demand_refused`).
    """
    found: dict[str, list[Series]] = {_tag(query, number): [] for number, query in enumerate(queries)}
    for series in [] if result is None else _all(result):
        labels = series["metric"]
        tag = _TAG.fullmatch(str(labels.get(LABEL, "")))
        if tag is None or tag[1] not in found:
            raise _no_answer(f"a series without the tag that was asked for: {str(labels)[:100]}")
        own = {name: value for name, value in labels.items() if name != LABEL}
        found[tag[1]].append({**series, "metric": own | ({LABEL: tag[2]} if tag[2] else {})})
    return list(found.values())


def is_plain(series: Sequence[Series]) -> bool:
    """Say whether a query's answer is none or one series of numbers: anything else is looked at alone, and refused."""
    return len(series) <= 1 and all(
        isinstance(each.get("values"), list) and "histograms" not in each and "histogram" not in each for each in series
    )


def _tagged(query: str, number: int) -> str:
    return f'label_replace({as_series(query)},"{LABEL}","{_tag(query, number)}:$1","{LABEL}","(?s)(.*)")'


def _tag(query: str, number: int) -> str:
    return f"{number}-{zlib.crc32(query.encode()):08x}"


def _all(result: Any) -> list[Series]:
    if isinstance(result, list) and all(
        isinstance(series, dict) and isinstance(series.get("metric"), Mapping) for series in result
    ):
        return result
    raise _no_answer("no range of series")


def _no_answer(problem: str) -> DemandUnusable:
    message = f"Prometheus answers many queries at once with {problem}. They are asked one by one."
    return DemandUnusable(message, code="demand_refused", field="demand")
