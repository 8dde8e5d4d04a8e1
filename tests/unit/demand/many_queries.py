"""A Prometheus that answers each query by a table, alone or together with others, as the real one does."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from unit.demand.prometheus_server import Answer, Prometheus, failure, success

Values = list[float | str | None]

_PART = re.compile(
    r'label_replace\((?:vector)?\(\n?((?:(?!\),").)*?)\n?\),"springtide_query","([0-9]+-[0-9a-f]{8}):\$1"', re.DOTALL
)


@dataclass(kw_only=True)
class Said:
    """What one query answers: series with their labels, at each step the same; or a refusal; or warnings beside it."""

    series: list[dict[str, str]] = field(default_factory=lambda: [{}])
    value: str = "5"
    refusal: Answer | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    form: str = "values"


@dataclass(kw_only=True)
class Many:
    """Answers by `table`; what is not in it answers one series, whose value are the digits of its name.

    `post` is what it answers to all that are asked together; with `untagged` it answers them in an order of its own.
    """

    server: Prometheus
    table: dict[str, Said] = field(default_factory=dict)
    post: Answer | None = None
    untagged: bool = False

    def __post_init__(self) -> None:
        self.server.answer = self.answer

    @property
    def posts(self) -> list[dict[str, str]]:
        """What was asked together."""
        return self._by("POST")

    @property
    def gets(self) -> list[dict[str, str]]:
        """What was asked alone."""
        return self._by("GET")

    def answer(self, asked: dict[str, str]) -> Answer:
        """Answer one request."""
        parts = _PART.findall(asked["query"])
        if not parts:
            return self._answered([(asked["query"], None)], asked)
        if self.post is not None:
            return self.post
        return self._answered([(query, None if self.untagged else tag) for query, tag in parts], asked)

    def _answered(self, queries: list[tuple[str, str | None]], asked: dict[str, str]) -> Answer:
        series: list[dict[str, Any]] = []
        extra: dict[str, Any] = {}
        for query, tag in queries:
            said = self.table.get(query) or Said(value=re.sub(r"\D", "", query) or "5")
            if said.refusal is not None:
                return said.refusal
            extra |= said.extra
            for labels in said.series:
                own = (
                    labels
                    if tag is None
                    else labels | {"springtide_query": f"{tag}:{labels.get('springtide_query', '')}"}
                )
                series.append({"metric": own, said.form: _points(said.value, asked)})
        return success(*(reversed(series) if self.untagged else series), **extra)

    def _by(self, method: str) -> list[dict[str, str]]:
        return [asked for asked, how in zip(self.server.asked, self.server.methods, strict=True) if how == method]


def _points(value: str, asked: dict[str, str]) -> list[list[Any]]:
    start, end, step = (int(asked[name]) for name in ("start", "end", "step"))
    return [[moment, value] for moment in range(start, end + 1, step)]


REFUSED = failure(400, "bad_data", '1:5: parse error: unexpected "x"')
