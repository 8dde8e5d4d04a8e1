"""The JSON Schemas of policies and calendars, for editors and other tools.

`python -m springtide.policy.schema > docs/policy.schema.json` writes one, and with `calendar` behind it, to
`docs/calendar.schema.json`, the other. They know shapes (keys, types, patterns); what contradicts itself only the
parser finds.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from springtide.policy.calendar.model import EventCalendar
from springtide.policy.language.parts import Part
from springtide.policy.scaling.model import ScalingPolicy


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a `ScalingPolicy` file."""
    return _schema(ScalingPolicy)


def calendar_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an `EventCalendar` file."""
    return _schema(EventCalendar)


def _schema(root: type[Part]) -> dict[str, Any]:
    schema = root.model_json_schema(by_alias=True, mode="validation")
    for part in (schema, *schema["$defs"].values()):
        # An editor shows the first paragraph in a tooltip; the rest is for readers of the code.
        part["description"] = part["description"].partition("\n\n")[0].replace("\n", " ")
        for key, field in part["properties"].items():
            _tidy(part, key, field)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _tidy(part: dict[str, Any], key: str, field: dict[str, Any]) -> None:
    field.pop("title", None)  # the key again, in capitals
    field["description"] = field["description"].replace("\n", " ")
    if "const" in field:  # `type: blue_green` chooses what the other keys mean: code may leave it out, a file may not
        field.pop("default", None)
        part["required"] = sorted({*part.get("required", ()), key})


def render(schema: dict[str, Any]) -> str:
    """Return `schema` as its file in `docs/` holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render(calendar_schema() if sys.argv[1:] == ["calendar"] else policy_schema()))
