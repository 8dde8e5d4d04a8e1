"""A dashboard as Grafana reads it, and how its panels lie on the 24 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from springtide.errors import InputError

Json = dict[str, Any]

COLUMNS: Final = 24
SCHEMA: Final = 39
"""Grafana 10.4's form; every later Grafana brings it up to its own when it loads it."""

DATASOURCE: Final[Json] = {"type": "prometheus", "uid": "${datasource}"}

GREEN: Final = "green"
ORANGE: Final = "orange"
RED: Final = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """An expression in PromQL, and how its series are called; `is_instant` asks for the last value alone."""

    expr: str
    legend: str = ""
    is_instant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture, `width` columns wide and `height` rows of Grafana's high.

    `unit` is Grafana's name of it. `steps` are colours, each from its value on. `empty` is what stands where there is
    no series, so that nothing known never looks like zero.
    """

    kind: str
    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    width: int = 8
    height: int = 8
    steps: tuple[tuple[float | None, str], ...] = ((None, GREEN),)
    empty: str = ""

    def to_json(self, number: int, x: int, y: int) -> Json:
        """Return the panel at this place."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "fieldConfig": {"defaults": self._field(), "overrides": []},
            "options": _OPTIONS[self.kind],
            "targets": [self._target(index, query) for index, query in enumerate(self.queries)],
        } | ({"transformations": [_WITHOUT_TIME]} if self.kind == "table" else {})

    def _field(self) -> Json:
        steps = [{"value": value, "color": colour} for value, colour in self.steps]
        field: Json = {"unit": self.unit, "thresholds": {"mode": "absolute", "steps": steps}}
        if self.empty:
            field["noValue"] = self.empty
        if self.kind == "timeseries":
            field |= {"color": {"mode": "palette-classic"}, "custom": {"drawStyle": "line", "fillOpacity": 10}}
        else:
            field |= {"color": {"mode": "thresholds"}}
        return field

    def _target(self, index: int, query: Query) -> Json:
        return {
            "refId": chr(ord("A") + index),
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": query.expr,
            "legendFormat": query.legend or "__auto",
            "instant": query.is_instant,
            "range": not query.is_instant,
            "format": "table" if self.kind == "table" else "time_series",
        }


_LAST: Final[Json] = {"calcs": ["lastNotNull"], "fields": "", "values": False}

_OPTIONS: Final[dict[str, Json]] = {
    "stat": {"reduceOptions": _LAST, "colorMode": "background", "graphMode": "none", "textMode": "auto"},
    "bargauge": {"reduceOptions": _LAST, "orientation": "horizontal", "displayMode": "basic"},
    "timeseries": {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"], "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "table": {"showHeader": True, "cellHeight": "sm"},
}

_COLUMNS: Final = {"policy": "service", "phase": "last phase", "status": "status", "Value": "silent for"}

_WITHOUT_TIME: Final[Json] = {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": _COLUMNS}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What belongs together, under the question that it answers."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is chosen at the top of a dashboard: one value of `label` among those that `metric` has."""

    name: str
    title: str
    metric: str
    label: str

    def to_json(self) -> Json:
        """Return the variable."""
        return {
            "type": "query",
            "name": self.name,
            "label": self.title,
            "datasource": DATASOURCE,
            "query": {"query": f"label_values({self.metric}, {self.label})", "refId": "variable"},
            "refresh": 2,
            "sort": 1,
            "hide": 0,
            "includeAll": False,
            "multi": False,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """One page: `name` is its file's, and the last part of its uid."""

    name: str
    title: str
    description: str
    rows: tuple[Row, ...]
    choices: tuple[Choice, ...] = ()
    span: str = "now-24h"

    def to_json(self) -> Json:
        """Return what Grafana imports.

        Raises:
            InputError: a row of panels is wider than the page.
        """
        return {
            "uid": f"springtide-{self.name}",
            "title": self.title,
            "description": self.description,
            "tags": ["springtide"],
            "schemaVersion": SCHEMA,
            "version": 1,
            "editable": True,
            "graphTooltip": 1,
            "refresh": "1m",
            "timezone": "browser",
            "time": {"from": self.span, "to": "now"},
            "templating": {"list": [_SOURCE, *(choice.to_json() for choice in self.choices)]},
            "annotations": {"list": []},
            "links": [_OTHERS],
            "panels": list(_placed(self.rows)),
        }


_SOURCE: Final[Json] = {
    "type": "datasource",
    "name": "datasource",
    "label": "Prometheus",
    "query": "prometheus",
    "refresh": 1,
    "hide": 0,
    "includeAll": False,
    "multi": False,
}

_OTHERS: Final[Json] = {
    "type": "dashboards",
    "title": "springtide",
    "tags": ["springtide"],
    "asDropdown": True,
    "includeVars": False,
    "keepTime": True,
    "targetBlank": False,
    "icon": "external link",
    "tooltip": "",
    "url": "",
}


def _placed(rows: Sequence[Row]) -> Iterator[Json]:
    """Yield every row's title and its panels, line by line: a panel that does not fit beside the last begins a line."""
    number, y = 1, 0
    for row in rows:
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "panels": []} | _at(y)
        number, x, y, tallest = number + 1, 0, y + 1, 0
        for panel in row.panels:
            if panel.width > COLUMNS:
                raise InputError(
                    f"panel {panel.title!r} is {panel.width} columns wide; at most {COLUMNS}.", code="panel_width"
                )
            if x + panel.width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            yield panel.to_json(number, x, y)
            number, x, tallest = number + 1, x + panel.width, max(tallest, panel.height)
        y += tallest


def _at(y: int) -> Json:
    return {"gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y}}
