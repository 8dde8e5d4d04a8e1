"""The form that asks for a run, as JSON Schema with a title and a description for each field.

It is a courtesy: `request_parameters` judges the values, whoever sent them and by whatever door.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from springtide.run.request_parameters import LONGEST_REASON, POLICY_STRATEGY, STRATEGIES

_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "service": {
        "type": "string",
        "title": "Service",
        "description": "The policy to follow: a file of the policies folder.",
    },
    "replicas": {
        "default": "auto",
        "anyOf": [  # no `type` beside it: Airflow's page would show a box for JSON
            {"type": "string", "pattern": "^(auto|release|[1-9][0-9]{0,4})$"},
            {"type": "integer", "minimum": 1, "maximum": 10_000},
        ],
        "title": "Replicas",
        "description": 'A number; "auto": the policy\'s models decide; "release": a held floor is given back.',
    },
    "strategy": {
        "default": POLICY_STRATEGY,
        "type": "string",
        "enum": list(STRATEGIES),
        "values_display": {POLICY_STRATEGY: "the policy's own"},
        "title": "Strategy",
        "description": "The policy's own, or one for this run.",
    },
    "reason": {
        "default": "by hand",
        "type": "string",
        "maxLength": LONGEST_REASON,
        "title": "Reason",
        "description": "Why; kept with the run.",
    },
    "until": {
        "default": None,
        "type": ["null", "string"],
        "format": "date-time",
        "title": "Held until",
        "description": "When a raised minimum lapses (strategy floor). Empty: the policy's expires, from now on.",
    },
    "override": {
        "default": "",
        "type": "string",
        "maxLength": LONGEST_REASON,
        "title": "Override a freeze",
        "description": "Who lifts a calendar's freeze for this run and why: ann: the sale was moved. Else leave it.",
    },
    "dry_run": {
        "default": False,
        "type": "boolean",
        "title": "Dry run",
        "description": "Plan and keep the plan; change nothing in the cluster.",
    },
}


def request_form(services: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the fields by name; `services` are those to choose from, any where there are none."""
    choice = {"enum": list(services)} if services else {}
    return {**_FIELDS, "service": _FIELDS["service"] | choice}
