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
        # No pattern: Airflow would answer with it. The run itself says in words what is allowed.
        "type": ["string", "integer"],
        "examples": ["auto", "release", "6"],  # also what makes Airflow's page show one line, and no box for JSON
        "maxLength": 20,
        "title": "Replicas",
        "description": 'A number; "auto": the policy\'s models decide; "release": a held floor is given back.',
    },
    "strategy": {
        "default": POLICY_STRATEGY,
        "type": "string",
        "enum": list(STRATEGIES),
        "values_display": {POLICY_STRATEGY: "the policy's own"},
        "title": "Strategy",
        "description": "The policy's own, or one for this run. floor is for services whose pods an autoscaler counts "
        "(HPA, KEDA): it raises their minimum; the others are blue_green or in_place.",
    },
    "reason": {
        "default": "",
        "type": "string",
        "maxLength": LONGEST_REASON,
        "title": "Reason",
        "description": "Why: kept with the run, and shown to whoever has to approve it. Without one it says "
        '"no reason given".',
    },
    "until": {
        "default": None,
        "type": ["null", "string"],
        "format": "date-time",
        "title": "Held until",
        "description": "Only for services with an autoscaler (strategy floor): when the raised minimum lapses. Empty: "
        "after the policy's `expires`, from now on. For all others it says nothing.",
    },
    "override": {
        "default": "",
        "type": "string",
        "maxLength": LONGEST_REASON,
        "title": "Override a freeze",
        "description": "Who lifts a freeze or a pause for this run, and why: ann: the sale was moved. Else leave it.",
    },
    "dry_run": {
        "default": False,
        "type": "boolean",
        "title": "Dry run",
        "description": "Plan and keep the plan; change nothing in the cluster.",
    },
    "queue": {
        "default": False,
        "type": "boolean",
        "title": "Wait for its turn",
        "description": "Where another run has the service: be done after it, within the hour. Else this one fails.",
    },
}


def request_form(services: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the fields by name; `services` are those to choose from, any where there are none."""
    choice = {"enum": list(services)} if services else {}
    return {**_FIELDS, "service": _FIELDS["service"] | choice}
