"""What an expression in PromQL names: metrics, the labels of each selector, and the labels that it groups by."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

WORDS: Final = frozenset(
    {"sum", "max", "count", "increase", "histogram_quantile", "scalar", "time", "by", "on", "and", "bool"}
)
"""The functions and keywords that dashboards use: any other name is taken for a metric's."""

_TEXT: Final = re.compile(r'"[^"]*"')
_RANGE: Final = re.compile(r"\[[^\]]*\]")
_GROUP: Final = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")
_SELECTOR: Final = re.compile(r"([A-Za-z_:][\w:]*)\s*(?:\{([^}]*)\})?")
_LABEL: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


@dataclass(slots=True)
class Named:
    """The labels of the selectors of each metric, and those that series are grouped by."""

    metrics: dict[str, set[str]] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)


def named_in(expression: str) -> Named:
    """Return what `expression` names."""
    named = Named()
    bare = _RANGE.sub("", _TEXT.sub("", expression))
    for group in _GROUP.findall(bare):
        named.groups |= {label.strip() for label in group.split(",")}
    for name, labels in _SELECTOR.findall(_GROUP.sub("", bare)):
        if name not in WORDS:
            named.metrics.setdefault(name, set()).update(_LABEL.findall(labels))
    return named
